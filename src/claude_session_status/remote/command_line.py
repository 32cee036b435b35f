"""The command that runs our program on another machine. Pure.

Over ssh the user's own configuration decides how to get there. A background connection must ask for nothing, forward no
ports, agent or display, and not run the user's own commands at each try: all of that is switched off.

The program is found on the PATH of a login shell, since ssh's own PATH often lacks `~/.local/bin`, then on the PATH
from before it: a container's image may name its own, which a login shell replaces. A login shell's profile may print
something: only the program's output is passed on.
"""

import re
from collections.abc import Sequence

from claude_session_status import PROGRAM
from claude_session_status.model import Host

FOLLOW = ("status", "--json", "--follow", "--all")

CONNECT_SECONDS = 20
ALIVE_SECONDS = 15

_SSH = (
    "ssh",
    "-T",
    *(f"-o{option}" for option in (
        "BatchMode=yes",  # never a question: without a key that is accepted, the connection fails
        f"ServerAliveInterval={ALIVE_SECONDS}",
        "ServerAliveCountMax=2",
        "ControlMaster=no",  # a master of the user's is used; ours would end the user's sessions when it ends
        "ClearAllForwardings=yes",
        "ForwardAgent=no",
        "ForwardX11=no",
        "PermitLocalCommand=no",
        "RemoteCommand=none",
        "LogLevel=ERROR",  # no banner: what is on stderr says why it failed
    )),
)  # fmt: skip

_NAME = re.compile(r"[A-Za-z0-9._@%:+-]{1,64}")
_WORD = re.compile(r"[A-Za-z0-9._@%:+=/~-]+")  # in every shell such a word means itself, but for a `~/` before it


def is_host_name(name: str) -> bool:
    """Whether ssh can take the name for a host only: none of its parts begins with `-`, as options do."""
    return _NAME.fullmatch(name) is not None and not any(part.startswith("-") for part in name.split("@"))


def is_program(program: str) -> bool:
    """Whether the path or name of our program there needs no quotes, in whatever shell the user has there."""
    return _WORD.fullmatch(program) is not None and not program.startswith("-")


def argv(host: Host, arguments: tuple[str, ...] = FOLLOW, *, connect_seconds: int = CONNECT_SECONDS) -> tuple[str, ...]:
    """Return the command that runs our program with these arguments on `host`.

    Raises ValueError for a name or a program that could be anything else, and for a command of no words.
    """
    program = host.program or PROGRAM
    if not is_program(program):
        raise ValueError(f"{program!r} is not the path of a program")
    if not all(_WORD.fullmatch(argument) for argument in arguments):
        raise ValueError(f"{arguments!r} would need quotes")
    script = _script(" ".join((program, *arguments)), "" if host.command else " </dev/null")
    return _wrapped(host, script, connect_seconds)


def _wrapped(host: Host, script: str, connect_seconds: int) -> tuple[str, ...]:
    """Return the command that runs a script for `sh` on the host. It has no single quotes. Raises ValueError."""
    if not is_host_name(host.name):
        raise ValueError(f"{host.name!r} is not the name of a host")
    # ssh joins its words, and the user's shell there parses them again. Every shell takes what is in single quotes as
    # it is.
    quoted = f"exec sh -c '{script}'"
    if not host.command:
        return (*_SSH, f"-oConnectTimeout={connect_seconds}", "--", host.name, quoted)
    return (*host.command, quoted) if _is_ssh(host.command[0]) else (*host.command, "sh", "-c", script)


def search_argv(host: Host, places: Sequence[str], *, connect_seconds: int = CONNECT_SECONDS) -> tuple[str, ...]:
    """Return the command that prints `found N` there, for the first of `places` (N = 1) that can be run.

    Raises ValueError as `argv`.
    """
    if not all(map(is_program, places)):
        raise ValueError(f"{places!r} would need quotes")
    search = f'for p in {" ".join(places)}; do n=$((n + 1)); if [ -x "$p" ]; then echo found $n; break; fi; done'
    return _wrapped(host, f"n=0; {search}", connect_seconds)


def _is_ssh(program: str) -> bool:
    return program.replace("\\", "/").rpartition("/")[2].lower().removesuffix(".exe") == "ssh"


def _script(command: str, stdin: str) -> str:
    """Return the script for `sh` that runs `command` in the user's login shell, or in sh where that is an odd one."""
    return (
        's=sh; case "${SHELL##*/}" in bash|zsh|fish|ksh|mksh|dash|ash) s="$SHELL";; esac; '
        'export CSS_PATH="$PATH"; '
        f'exec "$s" -lc "exec env PATH=\\"\\$PATH:\\$CSS_PATH\\" {command} >&3" 3>&1 >/dev/null{stdin}'
    )
