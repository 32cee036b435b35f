"""Runs hooks as Claude Code on Windows does, and sees that each event arrives.

    python tests/windows/try_hooks.py installed              # the hooks of `install-hooks`, without a shell
    python tests/windows/try_hooks.py plugin powershell      # the plugin's hooks, in powershell, pwsh or sh

Says what does not hold, and ends with 1 then. It writes into a folder of its own, whose name has a space, parentheses
and an accent. `installed` runs this Python's own program, which must be installed in it.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PLUGIN = Path(__file__).parents[2] / "packaging/claude-plugin"
PROGRAM = [sys.executable, "-m", "claude_session_status"]
EVENTS = ("SessionStart", "UserPromptSubmit", "Stop", "SessionEnd")
FOLDER = "a b (x86) é"
SECONDS = 120.0
POWERSHELL = ("-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-Command")


def main(kind: str, shell: str = "") -> int:
    """Run each hook; return the exit code."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as root:
        folder = Path(root, FOLDER)
        folder.mkdir()
        environment = {**os.environ, "CLAUDE_CONFIG_DIR": str(folder / "claude"), "PYTHONUTF8": "1"}
        if kind == "installed":
            run([*PROGRAM, "install-hooks"], environment)
            settings = json.loads((folder / "claude/settings.json").read_text("utf-8"))
            commands = {event: without_shell(hook) for event, hook in hooks_in(settings)}
        else:
            plugin = folder / "plugin"
            shutil.copytree(PLUGIN, plugin)
            environment["CLAUDE_PLUGIN_ROOT"] = str(plugin)
            hooks = hooks_in(json.loads((plugin / "hooks/hooks.json").read_text("utf-8")))
            commands = {event: in_shell(shell, hook["command"]) for event, hook in hooks}
        problems = [problem for event in EVENTS if (problem := fire(event, commands[event], environment, folder))]
        found = {each["session_id"]: (each["activity"], each["cwd"]) for each in sessions(environment)}
        if found != {"s": ("ended", str(folder))}:
            problems.append(f"the sessions are {found!a}")
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(EVENTS)} events by {kind} hooks {shell}: {'failed' if problems else 'all arrived'}")
    return 1 if problems else 0


def hooks_in(settings: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The first hook of each event."""
    return [(event, groups[0]["hooks"][0]) for event, groups in settings["hooks"].items()]


def without_shell(hook: Mapping[str, Any]) -> list[str]:
    """How the client starts a hook that has `args`; on other systems a line for sh."""
    return [hook["command"], *hook["args"]] if "args" in hook else ["sh", "-c", hook["command"]]


def in_shell(shell: str, command: str) -> list[str]:
    """How the client starts a plugin's hook in a shell: in PowerShell it names the variable in its way."""
    if shell == "sh":
        return ["sh", "-c", command]
    line = command.replace("${CLAUDE_PLUGIN_ROOT}", "${env:CLAUDE_PLUGIN_ROOT}")
    return [shell, *POWERSHELL, f"{line}\n; if (-not $?) {{ if ($LASTEXITCODE -eq 2) {{ exit 2 }} }}"]


def fire(event: str, command: list[str], environment: Mapping[str, str], folder: Path) -> str | None:
    """Run one hook; return what does not hold."""
    payload = {"session_id": "s", "hook_event_name": event, "cwd": str(folder), "source": "startup", "reason": "other"}
    standard_input = json.dumps(payload, ensure_ascii=False).encode()
    done = subprocess.run(command, input=standard_input, env=environment, capture_output=True, timeout=SECONDS)
    if (done.returncode, done.stdout, done.stderr) != (0, b"", b""):
        return f"{event}: exit code {done.returncode}, output {done.stdout!r}, errors {done.stderr!r}\n  {command}"
    return None


def sessions(environment: Mapping[str, str]) -> list[dict[str, Any]]:
    """The sessions that the program knows now."""
    found: list[dict[str, Any]] = json.loads(run([*PROGRAM, "status", "--json", "--all"], environment))["sessions"]
    for session in found:
        print(f"{session['session_id']}: {session['activity']} in {session['cwd']!a}")
    return found


def run(command: list[str], environment: Mapping[str, str]) -> str:
    """What a command prints. Raises SystemExit where it fails."""
    done = subprocess.run(command, env=environment, capture_output=True, timeout=SECONDS)
    if done.returncode:
        raise SystemExit(f"{command}: {done.stderr.decode(errors='replace')}")
    return done.stdout.decode()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
