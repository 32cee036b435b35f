"""Runs the real Claude Code in a temporary home: one turn with `-p`, or a whole session in a terminal of tmux.

The client sees nothing of the developer's own: the environment holds only the variables named here, the API is the
loopback stand-in, and tmux runs on its own socket, so that its server ends with the test.

Two recorders run beside the product. The status line command saves each JSON that the client pipes to it: the client's
own countdown, which ours must agree with. The recording hooks save each event, so that a test can wait for one.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

import survivors
from waiting import PATIENCE, wait_for

Json = dict[str, Any]

VERSIONS = tuple(
    line
    for line in (Path(__file__).parent / "client_versions.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
)
"""The versions that the tests run, newest first; `CLAUDE_CLIENT` names a program to run instead."""

PACKAGES = Path(__file__).parent / "versions"  # ignored by git: nothing but node_modules lies in it
API_KEY = "made-up-key-of-a-test-that-never-leaves-the-loopback"
RECORDED_EVENTS = (
    "SessionStart",
    "UserPromptSubmit",
    "Stop",
    "StopFailure",
    "Notification",
    "SessionEnd",
    "PostCompact",
    "PostModelSwitch",
)

# The file name holds the time when the hook began. The rename lets a reader see only complete notes.
RECORDER = """#!/bin/sh
note="$1/$(date +%s.%N).$$"
cat >"$note.part" && mv "$note.part" "$note.json"
"""


def install_line(version: str) -> str:
    """The command that installs a client where `find_client` looks; it runs in the top folder of the repository."""
    return (
        "npm install --no-save --no-package-lock --no-audit --no-fund "
        f"--prefix tests/client/versions/{version} @anthropic-ai/claude-code@{version}"
    )


def find_client(version: str) -> Path | None:
    """The client's program: `CLAUDE_CLIENT` where it is set, else the one that `install_line` puts there; or None."""
    if chosen := os.environ.get("CLAUDE_CLIENT"):
        candidates = [Path(chosen)]
    else:
        # The platform's package, not the launcher in .bin, which is missing where npm runs no install scripts.
        candidates = sorted((PACKAGES / version / "node_modules" / "@anthropic-ai").glob("claude-code-*/claude"))
    return next((path for path in candidates if os.access(path, os.X_OK)), None)


def why_not(version: str) -> str | None:
    """Why these tests can't run here, with the command that helps; None when they can."""
    if not sys.platform.startswith("linux"):
        return "the recorders beside Claude Code are written for Linux"
    if shutil.which("tmux") is None:
        return "tmux is not installed; install it with: sudo apt-get install -y tmux"
    if find_client(version) is None:
        return f"Claude Code {version} is not installed; install it with: {install_line(version)}"
    return None


@dataclass(frozen=True, slots=True)
class Note:
    """One JSON object that a hook or the status line received. `at`: UTC epoch seconds when that command began."""

    at: float
    data: Json

    @property
    def event(self) -> str:
        """The hook's event; "None" for a status line."""
        return str(self.data.get("hook_event_name"))

    @property
    def session_id(self) -> str:
        """The session that the JSON names."""
        return str(self.data["session_id"])


def _notes(folder: Path) -> list[Note]:
    """The notes in a recorder's folder, oldest first."""
    found = [Note(float(path.name.rsplit(".", 2)[0]), json.loads(path.read_bytes())) for path in folder.glob("*.json")]
    return sorted(found, key=lambda note: note.at)


class Home:
    """A temporary HOME with the client's first-run screens already answered, a project and the two recorders."""

    def __init__(self, folder: Path, api: str, program: Path) -> None:
        self.program = program
        self.home = folder / "home"
        self.project = folder / "my-app"
        self.config = self.home / ".claude"
        self.settings = self.config / "settings.json"
        self._recorder = folder / "record"
        self._hook_notes = folder / "hook-notes"
        self._status_notes = folder / "status-notes"
        self.environment = {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "ANTHROPIC_BASE_URL": api,
            "ANTHROPIC_API_KEY": API_KEY,
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
            "DISABLE_ERROR_REPORTING": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_MAX_RETRIES": "1",
            **survivors.variable_of_run(),
        }
        if os.geteuid() == 0:
            self.environment["IS_SANDBOX"] = "1"  # without it the client refuses to run as root

    def prepare(self, settings: Json | None = None) -> Self:
        """Write the files. The keys of `settings` replace the same keys of the settings.json with the recorders."""
        for path in (self.config, self.project, self._hook_notes, self._status_notes):
            path.mkdir(parents=True)
        self._recorder.write_text(RECORDER)
        self._recorder.chmod(0o755)
        answers = {
            "hasCompletedOnboarding": True,
            "theme": "dark",
            "customApiKeyResponses": {"approved": [API_KEY[-20:]], "rejected": []},
            "projects": {str(self.project): {"hasTrustDialogAccepted": True}},
        }
        (self.home / ".claude.json").write_text(json.dumps(answers))
        record_status = {"type": "command", "command": self._recording(self._status_notes), "refreshInterval": 1}
        self.settings.write_text(
            json.dumps(
                {
                    "statusLine": record_status,
                    "hooks": self.recording_hooks(),
                    # Auto mode asks a server that does not exist here, and some clients first ask whether to use it.
                    "permissions": {"defaultMode": "default", "disableAutoMode": "disable"},
                    **(settings or {}),
                },
                indent=2,
            )
        )
        return self

    def recording_hooks(self) -> Json:
        """A `hooks` value that records the events, for tests that write their own settings."""
        entry = {"type": "command", "command": self._recording(self._hook_notes), "timeout": 10}
        return {event: [{"hooks": [entry]}] for event in RECORDED_EVENTS}

    def _recording(self, folder: Path) -> str:
        return shlex.join([str(self._recorder), str(folder)])

    @property
    def hooks(self) -> list[Note]:
        """What the recording hooks saved so far, oldest first."""
        return _notes(self._hook_notes)

    @property
    def status_lines(self) -> list[Note]:
        """What the status line received so far, oldest first."""
        return _notes(self._status_notes)

    def hook(self, event: str, *, after: float = 0) -> Note | None:
        """The newest note of `event` whose hook began later than `after` (epoch seconds)."""
        return next((note for note in reversed(self.hooks) if note.event == event and note.at > after), None)

    def prompt_cache(self, session_id: str) -> Json | None:
        """The client's own report on a session's cache: its newest `prompt_cache`; None before the first response."""
        of_session = [note for note in self.status_lines if note.session_id == session_id]
        return of_session[-1].data.get("prompt_cache") if of_session else None

    def one_shot(self, prompt: str, *arguments: str, seconds: float = 30) -> subprocess.CompletedProcess[str]:
        """One turn without a terminal: `claude -p`."""
        return self._run(str(self.program), "-p", prompt, *arguments, seconds=seconds)

    def product(
        self, *arguments: str, seconds: float = 30, extra: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run our command as the user of this home does. `extra`: further variables."""
        return self._run(sys.executable, "-m", "claude_session_status", *arguments, seconds=seconds, extra=extra)

    def _run(
        self, *command: str, seconds: float, extra: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.project,
            env=self.environment | (extra or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
        )

    def install_hooks(self, *options: str) -> None:
        """`claude-session-status install-hooks`."""
        done = self.product("install-hooks", *options)
        assert done.returncode == 0, done.stdout + done.stderr

    def status(self) -> dict[str, Json]:
        """`claude-session-status status --json --all`: the sessions by their id."""
        done = self.product("status", "--json", "--all")
        assert done.returncode == 0, done.stdout + done.stderr
        return {session["session_id"]: session for session in json.loads(done.stdout)["sessions"]}


class Terminal:
    """The client in a terminal. A context manager: leaving it ends the terminal and the client."""

    def __init__(self, home: Home, *arguments: str, extra: dict[str, str] | None = None) -> None:
        self.home = home
        self._arguments = arguments
        self._environment = {**home.environment, **(extra or {})}
        # Not in the test's own folder: the path of a socket must be shorter than 108 bytes.
        self._folder = tempfile.TemporaryDirectory(prefix="tmux-")
        self._process: psutil.Process | None = None

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", f"{self._folder.name}/socket", "-f", "/dev/null", *arguments],
            env={"PATH": self._environment["PATH"], "TERM": "xterm-256color", "LANG": "C.UTF-8"},
            cwd=self.home.project,
            capture_output=True,
            text=True,
            timeout=10,
        )
        assert done.returncode == 0, f"tmux {arguments[0]}: {done.stderr}"
        return done.stdout

    def __enter__(self) -> Self:
        variables = [f"{name}={value}" for name, value in self._environment.items()]
        client = shlex.join(["env", "-i", *variables, str(self.home.program), *self._arguments])
        # Keep a pane whose program has ended: tests still read its screen.
        start = ["new-session", "-d", "-x", "180", "-y", "50", f"exec {client}", ";"]
        self._tmux(*start, "set-option", "-g", "remain-on-exit", "on")
        self._process = psutil.Process(int(self._tmux("list-panes", "-F", "#{pane_pid}")))
        self.wait_for_screen("❯")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            print(f"--- the client's screen at the end ---\n{self.screen()}")
        self._tmux("kill-server")
        assert self._process is not None
        try:
            self._process.wait(10)  # the client writes its last lines into the test's folder
        except psutil.TimeoutExpired:
            self._process.kill()
        self._folder.cleanup()

    @property
    def process(self) -> psutil.Process:
        """The client itself: the pane runs it without a shell."""
        assert self._process is not None, "the terminal is not open"
        return self._process

    @property
    def closed(self) -> bool:
        """Whether the client has ended."""
        return self._tmux("list-panes", "-F", "#{pane_dead}").strip() == "1"

    def screen(self) -> str:
        """The text on the screen."""
        return self._tmux("capture-pane", "-p")

    def keys(self, *names: str) -> None:
        """Press keys by their tmux names: Escape, Enter, C-u."""
        self._tmux("send-keys", *names)

    def draft(self, text: str) -> None:
        """Type a line, and wait until it is on the screen."""
        self._tmux("send-keys", "-l", text)
        prompt = re.compile(rf"❯\s+{re.escape(text)}\s*$", re.MULTILINE)
        wait_for(f"{text!r} in the input line", lambda: prompt.search(self.screen()))

    def type(self, text: str) -> None:
        """Type a line, and press Enter once the line is on the screen: the client takes an earlier Enter as text."""
        self.draft(text)
        self.keys("Enter")

    def close_dialog(self, text: str, key: str) -> None:
        """Press a key until `text` is gone: the client ignores keys while a dialog has just opened."""
        self.wait_for_screen(text)
        for _ in range(5):
            self.keys(key)
            deadline = time.monotonic() + 1  # a second key could act on the next dialog
            while time.monotonic() < deadline:
                if text not in self.screen():
                    return
                time.sleep(0.05)
        raise AssertionError(f"{text!r} is still on the screen after {key}")

    def turn(self, prompt: str, *, seconds: float = 30) -> Note:
        """Run one whole turn; return the note of its Stop hook."""
        begun = time.time()
        self.type(prompt)
        return self.wait_for_hook("Stop", after=begun, seconds=seconds)

    def wait_for_screen(self, text: str, *, seconds: float = PATIENCE) -> None:
        """Wait until `text` is on the screen."""
        wait_for(f"{text!r} on the screen", lambda: text in self.screen(), seconds=seconds)

    def wait_for_hook(self, event: str, *, after: float = 0, seconds: float = PATIENCE) -> Note:
        """Wait for a hook that began later than `after` (epoch seconds); return its note."""
        return wait_for(f"the hook {event}", lambda: self.home.hook(event, after=after), seconds=seconds)

    @property
    def session_id(self) -> str:
        """The session that the terminal shows now."""
        return self.wait_for_hook("SessionStart").session_id
