"""Linux and BSD: a desktop entry in `autostart`, by the Desktop Entry and Autostart specifications."""

import os
import re

from claude_session_status.desktop.autostart.base import SIGNATURE, AutostartOutcome, OneFile, Start, Switch

_NAME = "claude-session-status.desktop"
_RESERVED = re.compile(r"[ \t\n\"'\\><~|&;$*?#()`]|^$")


class XdgAutostart(Switch):
    """The entry in `folder`."""

    def __init__(self, folder: str, start: Start) -> None:
        self._file = OneFile(os.path.join(folder, _NAME), lambda: entry_of(start).encode())

    @property
    def place(self) -> str:
        """The entry's path."""
        return self._file.path

    def is_on(self) -> bool:
        """Whether the entry is there, and the desktop's settings have not disabled it in the file."""
        content = self._file.read_ours()
        return content is not None and not _is_switched_off(content.decode("utf-8", "replace"))

    def command(self) -> tuple[str, ...] | None:
        """The command that the entry starts, without the variables that it sets."""
        content = self._file.read_ours()
        line = re.search(r"^Exec=(.*)$", (content or b"").decode("utf-8", "replace"), re.MULTILINE)
        if line is None:
            return None
        words = words_of(line[1])
        if words[:1] == ("env",):
            words = words[1:]
            while words and "=" in words[0]:
                words = words[1:]
        return words

    def put(self, on: bool) -> AutostartOutcome:  # noqa: FBT001 - a switch has two positions
        """Write the entry, or remove it."""
        return self._file.put(on)


def _is_switched_off(text: str) -> bool:
    return (
        re.search(r"^(?:Hidden\s*=\s*true|X-GNOME-Autostart-enabled\s*=\s*false)\s*$", text, re.MULTILINE) is not None
    )


def entry_of(start: Start) -> str:
    """The desktop entry. It has no icon, since a wheel installs none where a desktop would look for it."""
    variables = [f"{name}={value}" for name, value in sorted(start.environment.items())]
    words = [*(["env", *variables] if variables else []), *start.words]
    return (
        f"# {SIGNATURE}\n"
        "[Desktop Entry]\n"
        "Type=Application\n"
        "Name=Claude session status\n"
        "Comment=How long Claude Code's prompt cache stays warm\n"
        f"Exec={' '.join(map(quote, words))}\n"
        "Terminal=false\n"
        "X-GNOME-Autostart-enabled=true\n"
    )


def quote(word: str) -> str:
    """Quote a word of an `Exec` line: by the rules of the line, then by the rules of any value."""
    word = word.replace("%", "%%")
    if _RESERVED.search(word):
        word = '"' + re.sub(r'(["`$\\])', r"\\\1", word) + '"'
    return word.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")


def words_of(line: str) -> tuple[str, ...]:
    """The inverse of `quote` for a whole line."""
    value = re.sub(r"\\([\\nst])", lambda m: {"\\": "\\", "n": "\n", "s": " ", "t": "\t"}[m[1]], line)
    words = re.findall(r'"((?:[^"\\]|\\.)*)"|([^ \t\n]+)', value, re.DOTALL)
    plain = (bare or re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL) for quoted, bare in words)
    return tuple(word.replace("%%", "%") for word in plain)
