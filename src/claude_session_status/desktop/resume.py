"""The command that resumes a session, to be pasted into a terminal here. Pure.

For a session of another machine it opens a terminal there first. Two shells read that command one after the other:
the one here, and the one there.
"""

import re
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import PureWindowsPath

from claude_session_status.errors import SessionStatusError
from claude_session_status.model import Host

# What cmd, PowerShell and Git Bash all read literally in double quotes: no ` $ % ! " and no control character. Of the
# other quotes only the plain apostrophe: PowerShell reads the curly ones as its own.
_LITERAL_ON_WINDOWS = re.compile(r"[\w .,:;/\\()\[\]{}<>|&@#=+~^*?'-]*")
_PLAIN_ON_WINDOWS = re.compile(r"--?[A-Za-z0-9-]*|[A-Za-z0-9_./][A-Za-z0-9_./:@+-]*")
_REFUSED = "The name of the session's folder contains characters that a shell could run"
_WINDOWS_FOLDER = re.compile(r"[A-Za-z]:[\\/]|\\\\")


def resume_command(folder: str | None, session_id: str, platform: str = sys.platform) -> str:
    """The command that resumes a session of this machine, quoted for the platform's shells.

    On Windows the user may paste it into cmd, PowerShell or Git Bash: it is what all three read in the same way, in two
    lines. On the other platforms it is for a POSIX shell.

    Raises:
        SessionStatusError: pasting the names could run something else. A control character can end a paste and type;
            on Windows one of the shells expands `$`, backticks, `%` or `!` in every quoting that the others read too.

    """
    _refuse_unless_literal(
        [session_id, folder or ""], platform, "Open a terminal in that folder and run: claude --resume"
    )
    if platform == "win32":
        resume = f'claude --resume "{session_id}"'
        # cmd's cd stays on its drive. A backslash at the end would escape the quote in Git Bash.
        return f'pushd "{folder + "." if folder.endswith(chr(92)) else folder}"\r\n{resume}' if folder else resume
    return _with_folder(folder, f"claude --resume {shlex.quote(session_id)}")


def remote_resume_command(host: Host, folder: str | None, session_id: str, platform: str = sys.platform) -> str:
    """The command that opens a terminal on `host` and resumes a session there. `session_id` is the session's own.

    Over ssh a login shell that is interactive looks for `claude`: ssh's own PATH often lacks `~/.local/bin`.

    Raises:
        SessionStatusError: as `resume_command`; or it is not known how the host's command opens a terminal.

    """
    advice = f"Open a terminal on {host.name} and run there: claude --resume"
    if folder is not None and _WINDOWS_FOLDER.match(folder):
        raise SessionStatusError(f"On {host.name}, the session runs in Windows", advice)
    words = terminal_words(host)
    if words is None:
        raise SessionStatusError(f"It is not known how {host.command[0]} opens a terminal on {host.name}", advice)
    _refuse_unless_literal([*words, session_id, folder or ""], platform, advice)
    if platform == "win32":
        return _remote_on_windows(words, folder, session_id, advice)
    resume = f"claude --resume {shlex.quote(session_id)}"
    if _program(words) != "ssh":
        # A login shell would replace the PATH of a container's image; without one, the installer's folder is not on it.
        start = f'PATH="$PATH:$HOME/.local/bin" exec {resume}'
        return shlex.join((*words, "sh", "-c", _with_folder(folder, start)))
    # Double quotes are easier to read within the single ones of the shell here.
    quoted = f'"{resume}"' if re.fullmatch(r"[\w .-]+", resume, re.ASCII) else shlex.quote(resume)
    return shlex.join((*words, _with_folder(folder, f'exec "$SHELL" -lic {quoted}')))


def _remote_on_windows(words: Sequence[str], folder: str | None, session_id: str, advice: str) -> str:
    """The command for cmd, PowerShell and Git Bash, without `$`; what is for the shell there is in single quotes."""
    if "\\" in session_id + (folder or ""):  # which Git Bash reads in another way
        raise SessionStatusError(_REFUSED, advice)
    is_plain = re.fullmatch(r"[\w.-]+", session_id, re.ASCII) is not None
    resume = f"claude --resume {session_id if is_plain else _single_quoted(session_id)}"
    start = f"cd -- {_single_quoted(folder)} && exec" if folder else "exec"
    if _program(words) == "ssh":
        words = (*words, f"{start} sh -lc {_single_quoted(resume)}")
    else:
        words = (*words, "sh", "-c" if _program(words) in _CONTAINERS else "-lc", f"{start} {resume}")
    if any(word.endswith("\\") for word in words):  # it would escape the quote behind it
        raise SessionStatusError(_REFUSED, advice)
    program, *rest = words
    # In quotes, PowerShell takes the first word for a text: only a path that needs them has them.
    is_plain = re.fullmatch(r"[\w.:/\\-]+", program) is not None
    return " ".join([program if is_plain else f'"{program}"', *map(_double_quoted, rest)])


def _double_quoted(word: str) -> str:
    """The word in double quotes, but for one that means itself to cmd, PowerShell and Git Bash without them."""
    return word if _PLAIN_ON_WINDOWS.fullmatch(word) else f'"{word}"'


def _single_quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _with_folder(folder: str | None, command: str) -> str:
    return f"cd -- {shlex.quote(folder)} && {command}" if folder else command  # a folder may begin with a dash


def _refuse_unless_literal(texts: Iterable[str], platform: str, advice: str) -> None:
    is_plain = all(text.isprintable() for text in texts)
    if platform == "win32":
        is_plain = is_plain and all(_LITERAL_ON_WINDOWS.fullmatch(text) for text in texts)
    if not is_plain:
        raise SessionStatusError(_REFUSED, advice)


# ---- a terminal on another machine --------------------------------------------


def host_named(name: str, hosts: Iterable[Host]) -> Host:
    """The host of that name. Raises SessionStatusError."""
    for host in hosts:
        if host.name == name:
            return host
    raise SessionStatusError(f"{name} is not among the hosts of config.toml", "Run: claude-session-status hosts")


# These give the command that they run the terminal in which they themselves run.
_PASS_THE_TERMINAL = frozenset(
    {"wsl", "sudo", "doas", "runuser", "nsenter", "unshare", "chroot", "env", "lxc", "incus", "distrobox", "toolbox"}
)
_CONTAINERS = frozenset({"docker", "podman", "nerdctl", "docker-compose", "podman-compose", "kubectl", "oc"})


def terminal_words(host: Host) -> tuple[str, ...] | None:
    """The words before a command that run it in a terminal on `host`; None where that is not known."""
    if not host.command:
        return ("ssh", "-t", host.name)
    program = _program(host.command)
    if program == "ssh":
        return _ssh_words(host.command)
    if program in _CONTAINERS and "exec" in host.command:
        return _container_words(host.command)
    return host.command if program in _PASS_THE_TERMINAL else None


def _ssh_words(command: Sequence[str]) -> tuple[str, ...]:
    rest = [word for word in command[1:] if word not in ("-T", "-t", "-tt", "-n")]
    return (command[0], "-t", *rest)


def _container_words(command: Sequence[str]) -> tuple[str, ...]:
    """`docker exec -i dev` as `docker exec -it dev`. Compose's own `exec` has a terminal but for its `-T`."""
    at = command.index("exec") + 1
    is_compose = _program(command).endswith("-compose") or "compose" in command[:at]
    if is_compose:
        return tuple(word for word in command if word not in ("-T", "--no-TTY", "--no-tty"))
    rest = [word for word in command[at:] if word not in ("-i", "-t", "--interactive", "--tty", "-it", "-ti")]
    return (*command[:at], "-it", *rest)


def _program(words: Sequence[str]) -> str:
    """The name of a command's program: `ssh` for `/usr/bin/ssh` and for `ssh.exe`."""
    name = PureWindowsPath(words[0]).name  # which takes both slashes
    return name[:-4].lower() if name.lower().endswith(".exe") else name
