"""Where a session runs, as values, and which of its environment's claims are believed.

Environment variables are inherited: a terminal that was started from an xterm carries the xterm's WINDOWID. So a
variable is only a claim. It counts if the process that would have set it (the terminal, the multiplexer's server) is an
ancestor of the session, and no further up than the nearest ancestor that owns a window. Anything may be in a variable:
each value must match a strict pattern, or it is ignored.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

# Programs that are terminals, for desktops that do not list their windows.
TERMINAL_PROGRAMS = frozenset(
    {
        *("xterm", "alacritty", "st", "foot", "footclient", "kitty", "konsole", "tilix", "terminator", "qterminal"),
        *("gnome-terminal-", "gnome-terminal-server", "xfce4-terminal", "mate-terminal", "ptyxis", "wezterm-gui"),
        *("ghostty", "urxvt", "lxterminal", "terminology", "rio", "warp-terminal", "code"),
    }
)


@dataclass(frozen=True, slots=True)
class Ancestor:
    """A process in the chain from the session's client upwards. `started` is its start in clock ticks since boot."""

    pid: int
    name: str = ""
    started: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A process, its ancestors (itself first), its environment and its terminal device."""

    chain: tuple[Ancestor, ...]
    environ: Mapping[str, str] = field(default_factory=dict)
    tty: str | None = None

    @property
    def pid(self) -> int:
        """The process itself."""
        return self.chain[0].pid

    def value(self, name: str, pattern: str) -> str | None:
        """The variable's value if the whole of it matches the pattern, else None."""
        value = self.environ.get(name, "")
        return value if re.fullmatch(pattern, value, re.ASCII) else None

    def number(self, name: str) -> int | None:
        """The variable's value as a number of at most nine digits, else None."""
        value = self.value(name, r"[0-9]{1,9}")
        return None if value is None else int(value)

    def nearest(self, owners: Collection[int]) -> Ancestor | None:
        """The nearest ancestor among `owners`; the process itself counts."""
        return next((ancestor for ancestor in self.chain if ancestor.pid in owners), None)

    def believed(self, window_owners: Collection[int]) -> frozenset[int]:
        """The processes whose claims count: up to and including the nearest one that owns a window."""
        found: list[int] = []
        for ancestor in self.chain:
            found.append(ancestor.pid)
            if ancestor.pid in window_owners:
                break
        return frozenset(found)

    def named_like_terminals(self) -> frozenset[int]:
        """The ancestors whose name is a terminal's."""
        return frozenset(ancestor.pid for ancestor in self.chain if ancestor.name in TERMINAL_PROGRAMS)
