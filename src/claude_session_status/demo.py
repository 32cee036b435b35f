"""Six made-up sessions, twenty times as fast: every state within a minute, without reading the user's files.

Only the sessions are made up. They write transcripts and notes as Claude Code and its hooks do, into a temporary folder
in place of `~/.claude`. Everything after that (ingesting, countdown, alerts, tray, table) is the real code, run by a
fast clock.
"""

import json
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

from claude_session_status.claude import hook, hook_table, payload
from claude_session_status.clock import Clock, SystemClock
from claude_session_status.model import Snapshot
from claude_session_status.monitor import Monitor
from claude_session_status.paths import Paths
from claude_session_status.policy import Price
from claude_session_status.spool import Spool

SPEED = 20.0
CYCLE_SECONDS = 1200.0  # of made-up time, a minute at 20x; then the story repeats
MODEL = "claude-opus-5-5"
BANNER = f"Demo: six made-up sessions, {SPEED:g} times as fast"


# ---- the story --------------------------------------------------------------


class Action(Enum):
    """What happens in a session."""

    OPEN = "open"
    PROMPT = "prompt"  # the user gives a prompt; the first request starts
    TOOL = "tool"  # the model asks for a tool, which runs
    TOOL_DONE = "tool done"  # the next request starts
    WAIT = "wait"  # the tool needs the user's permission
    RESPONSE = "response"  # the last one of a turn
    COMPACT = "compact"
    END = "end"


@dataclass(frozen=True, slots=True)
class DemoSession:
    """One made-up session. `ttl_seconds`: 300 or 3600."""

    project: str
    title: str
    ttl_seconds: int
    context_tokens: int


@dataclass(frozen=True, slots=True)
class Step:
    """An action at a time: seconds from the start of the demo, negative before it."""

    at: float
    session: int  # its place in DEMO_SESSIONS
    action: Action


DEMO_SESSIONS = (
    DemoSession("web-shop", "Checkout keeps the basket", 300, 142_000),
    DemoSession("billing-api", "Refunds by webhook", 300, 61_000),
    DemoSession("handbook", "Rewrite the first chapter", 3600, 388_000),
    DemoSession("notebooks", "Why the loss jumps at epoch 12", 300, 95_000),
    DemoSession("dotfiles", "", 300, 18_000),
    DemoSession("old-site", "Move the redirects", 300, 27_000),
)

_BEFORE = (
    Step(-2860, 2, Action.OPEN), Step(-2850, 2, Action.PROMPT), Step(-2800, 2, Action.RESPONSE),
    Step(-900, 3, Action.OPEN), Step(-890, 3, Action.PROMPT), Step(-840, 3, Action.RESPONSE),
    Step(-160, 0, Action.OPEN), Step(-150, 0, Action.PROMPT), Step(-120, 0, Action.RESPONSE),
    Step(-70, 5, Action.OPEN), Step(-60, 5, Action.PROMPT), Step(-30, 5, Action.RESPONSE),
    Step(-40, 1, Action.OPEN), Step(-30, 1, Action.PROMPT), Step(-10, 1, Action.TOOL),
    Step(-20, 4, Action.OPEN),
)  # fmt: skip

# After an expiry the first response comes within seconds, as it does in reality: then the cache is warm again.
_CYCLE = (
    # A prompt in the last moment, after the alert, keeps the cache warm. Later it goes cold.
    Step(138, 0, Action.PROMPT), Step(146, 0, Action.TOOL), Step(152, 0, Action.TOOL_DONE),
    Step(190, 0, Action.RESPONSE),
    Step(620, 0, Action.PROMPT), Step(634, 0, Action.TOOL), Step(640, 0, Action.TOOL_DONE),
    Step(700, 0, Action.RESPONSE),
    Step(1050, 0, Action.PROMPT), Step(1058, 0, Action.TOOL), Step(1062, 0, Action.TOOL_DONE),
    Step(1070, 0, Action.RESPONSE),
    # Tool after tool keeps the cache warm, until one needs permission and gets it too late.
    Step(40, 1, Action.TOOL_DONE), Step(80, 1, Action.TOOL), Step(130, 1, Action.TOOL_DONE), Step(170, 1, Action.TOOL),
    Step(230, 1, Action.TOOL_DONE), Step(260, 1, Action.WAIT),
    Step(560, 1, Action.TOOL_DONE), Step(568, 1, Action.TOOL), Step(572, 1, Action.TOOL_DONE),
    Step(620, 1, Action.RESPONSE),
    Step(1150, 1, Action.PROMPT), Step(1158, 1, Action.TOOL),
    # An hour-long cache, down to its last minutes.
    Step(1100, 2, Action.PROMPT), Step(1108, 2, Action.TOOL), Step(1112, 2, Action.TOOL_DONE),
    Step(1160, 2, Action.RESPONSE),
    # Idle for long, then used again.
    Step(600, 3, Action.PROMPT), Step(608, 3, Action.TOOL), Step(612, 3, Action.TOOL_DONE),
    Step(680, 3, Action.RESPONSE),
    # Nothing is cached before the first prompt, or after compaction.
    Step(400, 4, Action.PROMPT), Step(430, 4, Action.RESPONSE), Step(1000, 4, Action.COMPACT),
    # Closed, and resumed later.
    Step(220, 5, Action.END), Step(900, 5, Action.OPEN), Step(920, 5, Action.PROMPT), Step(928, 5, Action.TOOL),
    Step(932, 5, Action.TOOL_DONE), Step(950, 5, Action.RESPONSE),
)  # fmt: skip


def steps() -> Iterator[Step]:
    """Yield all steps in order, without end."""
    yield from sorted(_BEFORE, key=lambda step: step.at)
    start = 0.0
    while True:
        for step in sorted(_CYCLE, key=lambda step: step.at):
            yield replace(step, at=start + step.at)
        start += CYCLE_SECONDS


# ---- playing it --------------------------------------------------------------

# The hook event that the client fires, and the event's own fields.
_EVENTS: dict[Action, tuple[str, dict[str, str]]] = {
    Action.OPEN: ("SessionStart", {"source": "startup"}),
    Action.PROMPT: ("UserPromptSubmit", {}),
    Action.WAIT: ("Notification", {"notification_type": "permission_prompt"}),
    Action.RESPONSE: ("Stop", {}),
    Action.COMPACT: ("SessionStart", {"source": "compact"}),
    Action.END: ("SessionEnd", {"reason": "prompt_input_exit"}),
}


class Player:
    """Plays the steps in a folder in place of `~/.claude`: writes what the client and its hooks would write."""

    def __init__(self, paths: Paths, start: float) -> None:
        self._paths = paths
        self._start = start
        self._spool = Spool(paths.spool)
        self._steps = steps()
        self._next = next(self._steps)
        self._responses = 0

    def play(self, until: float) -> None:
        """Play all steps up to this moment (epoch seconds). Raises OSError."""
        while self._start + self._next.at <= until:
            self._perform(self._next)
            self._next = next(self._steps)

    def _perform(self, step: Step) -> None:
        session, at = DEMO_SESSIONS[step.session], self._start + step.at
        session_id = f"{step.session + 1}0000000-0000-4000-8000-00000000000{step.session + 1}"
        folder = Path(self._paths.claude_dir, "projects", session.project)
        transcript = folder / f"{session_id}.jsonl"
        folder.mkdir(parents=True, exist_ok=True)
        with transcript.open("a", encoding="utf-8") as file:
            for line in self._lines(step.action, session, at):
                file.write(json.dumps(line) + "\n")
        os.utime(transcript, (at, at))  # the demo's time, as in its lines
        if step.action not in _EVENTS:
            return
        event, fields = _EVENTS[step.action]
        data = {
            "hook_event_name": event,
            "session_id": session_id,
            "transcript_path": str(transcript),
            "cwd": f"/home/you/{session.project}",
            **fields,
        }
        note = hook.note_of(data, hook_table.command_of(event), at, {})
        if note is not None:
            self._spool.write(payload.encode(note), at)

    def _lines(self, action: Action, session: DemoSession, at: float) -> Iterator[dict[str, object]]:
        stamp = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if action is Action.PROMPT:
            if session.title:
                yield {"type": "custom-title", "customTitle": session.title}
            yield {"type": "user", "timestamp": stamp, "message": {"role": "user", "content": "made up"}}
        elif action is Action.TOOL_DONE:
            result = [{"type": "tool_result", "tool_use_id": "t", "content": "made up"}]
            yield {"type": "user", "timestamp": stamp, "message": {"role": "user", "content": result}}
        elif action in (Action.TOOL, Action.WAIT, Action.RESPONSE):
            yield {
                "type": "assistant",
                "timestamp": stamp,
                "isSidechain": False,
                "message": self._response(action, session),
            }
        elif action is Action.COMPACT:
            yield {"type": "system", "subtype": "compact_boundary", "timestamp": stamp}

    def _response(self, action: Action, session: DemoSession) -> dict[str, object]:
        self._responses += 1
        over = action is Action.RESPONSE
        hour = session.ttl_seconds > 300
        return {
            "id": f"msg_{self._responses}",
            "role": "assistant",
            "model": MODEL,
            "stop_reason": "end_turn" if over else "tool_use",
            "content": [{"type": "text", "text": "made up"} if over else {"type": "tool_use", "id": "t"}],
            "usage": {
                "input_tokens": 10,
                "output_tokens": 300,
                "cache_read_input_tokens": session.context_tokens - 2000,
                "cache_creation_input_tokens": 1990,
                "cache_creation": {
                    "ephemeral_5m_input_tokens": 0 if hour else 1990,
                    "ephemeral_1h_input_tokens": 1990 if hour else 0,
                },
            },
        }


class FastClock:
    """A clock that runs only during waits, `speed` times as fast, and plays the steps that fall into each wait.

    It stands still while the monitor works: on a slow machine the demo takes longer and skips nothing.
    """

    def __init__(self, now: float, speed: float, play: Callable[[float], None], real: Clock) -> None:
        self._now = now
        self._speed = speed
        self._play = play
        self._real = real

    def time(self) -> float:
        """Return the made-up time in epoch seconds."""
        return self._now

    def wait(self, wake: threading.Event, seconds: float) -> None:
        """Return after `seconds` of made-up time, or as soon as `wake` is set."""
        began = self._real.time()
        self._real.wait(wake, seconds / self._speed)
        passed = (self._real.time() - began) * self._speed
        self._now += min(seconds, max(0.0, passed)) if wake.is_set() else seconds
        self._play(self._now)


class DemoMonitor(Monitor):
    """A monitor whose snapshots say that their sessions are made up."""

    def snapshot(self) -> Snapshot:
        """Return all sessions at this moment."""
        shot = super().snapshot()
        return shot if shot.problem else replace(shot, problem=BANNER)


@contextmanager
def demo(*, alerts: bool, real: Clock | None = None, price: Price | None = None) -> Iterator[DemoMonitor]:
    """A monitor of the made-up sessions, in a folder that is removed afterwards. Raises OSError."""
    real = real or SystemClock()
    with tempfile.TemporaryDirectory(prefix="claude-session-status-demo-", ignore_cleanup_errors=True) as folder:
        paths, now = Paths(folder), real.time()
        player = Player(paths, now)
        player.play(now)
        yield DemoMonitor(paths, clock=FastClock(now, SPEED, player.play, real), alerts=alerts, price=price)
