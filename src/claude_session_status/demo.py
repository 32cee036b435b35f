"""A made-up day of six sessions, twenty times as fast: every state within a minute, and nothing of the user's touched.

Only the sessions are made up. They write transcripts and notes as Claude Code and its hooks do, into a temporary
folder that stands for `~/.claude`; everything after that (ingesting, the countdown, alerts, tray, table) is the real
thing, run by a clock of its own.
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
CYCLE_SECONDS = 1200.0  # of the made-up time: then the day begins again; a minute at 20x
NOTICE = f"Demo: six made-up sessions, {SPEED:g} times as fast"


# ---- the story --------------------------------------------------------------


class Act(Enum):
    """What a session can do."""

    OPEN = "open"
    ASK = "ask"  # the user gives a prompt; the first request starts
    TOOL = "tool"  # the model asks for a tool, which runs
    GO_ON = "go on"  # the tool is done; the next request starts
    WAIT = "wait"  # the tool needs the user's permission
    ANSWER = "answer"
    COMPACT = "compact"
    END = "end"


@dataclass(frozen=True, slots=True)
class Part:
    """Who a session is. `ttl_seconds`: 300 or 3600."""

    project: str
    title: str
    ttl_seconds: int
    context_tokens: int


@dataclass(frozen=True, slots=True)
class Step:
    """What happens when, in seconds from the beginning of the day; before it: negative."""

    at: float
    part: int
    act: Act


CAST = (
    Part("web-shop", "Checkout keeps the basket", 300, 142_000),
    Part("billing-api", "Refunds by webhook", 300, 61_000),
    Part("handbook", "Rewrite the first chapter", 3600, 388_000),
    Part("notebooks", "Why the loss jumps at epoch 12", 300, 95_000),
    Part("dotfiles", "", 300, 18_000),
    Part("old-site", "Move the redirects", 300, 27_000),
)

BEFORE = (
    Step(-2860, 2, Act.OPEN), Step(-2850, 2, Act.ASK), Step(-2800, 2, Act.ANSWER),
    Step(-900, 3, Act.OPEN), Step(-890, 3, Act.ASK), Step(-840, 3, Act.ANSWER),
    Step(-160, 0, Act.OPEN), Step(-150, 0, Act.ASK), Step(-120, 0, Act.ANSWER),
    Step(-70, 5, Act.OPEN), Step(-60, 5, Act.ASK), Step(-30, 5, Act.ANSWER),
    Step(-40, 1, Act.OPEN), Step(-30, 1, Act.ASK), Step(-10, 1, Act.TOOL),
    Step(-20, 4, Act.OPEN),
)  # fmt: skip

DAY = (
    # Answered in the last moment, after the alert: the cache lives on. Later it goes cold.
    Step(138, 0, Act.ASK), Step(190, 0, Act.ANSWER),
    Step(620, 0, Act.ASK), Step(700, 0, Act.ANSWER), Step(1050, 0, Act.ASK), Step(1070, 0, Act.ANSWER),
    # A long run of tools refreshes its cache all the time, until one needs permission, and gets it too late.
    Step(40, 1, Act.GO_ON), Step(80, 1, Act.TOOL), Step(130, 1, Act.GO_ON), Step(170, 1, Act.TOOL),
    Step(230, 1, Act.GO_ON), Step(260, 1, Act.WAIT), Step(560, 1, Act.GO_ON), Step(620, 1, Act.ANSWER),
    Step(1150, 1, Act.ASK), Step(1170, 1, Act.TOOL),
    # An hour, used up to its last minutes.
    Step(1100, 2, Act.ASK), Step(1160, 2, Act.ANSWER),
    # Left alone for long, then taken up again.
    Step(600, 3, Act.ASK), Step(680, 3, Act.ANSWER),
    # Nothing is cached before the first prompt, nor after compaction.
    Step(400, 4, Act.ASK), Step(430, 4, Act.ANSWER), Step(1000, 4, Act.COMPACT),
    # Closed, and resumed later.
    Step(220, 5, Act.END), Step(900, 5, Act.OPEN), Step(920, 5, Act.ASK), Step(950, 5, Act.ANSWER),
)  # fmt: skip


def steps() -> Iterator[Step]:
    """What happens, in order, without end."""
    yield from sorted(BEFORE, key=lambda step: step.at)
    beginning = 0.0
    while True:
        for step in sorted(DAY, key=lambda step: step.at):
            yield replace(step, at=beginning + step.at)
        beginning += CYCLE_SECONDS


# ---- the stage --------------------------------------------------------------

# The hook event that the client fires, and the event's own fields.
_EVENTS: dict[Act, tuple[str, dict[str, str]]] = {
    Act.OPEN: ("SessionStart", {"source": "startup"}),
    Act.ASK: ("UserPromptSubmit", {}),
    Act.WAIT: ("Notification", {"notification_type": "permission_prompt"}),
    Act.ANSWER: ("Stop", {}),
    Act.COMPACT: ("SessionStart", {"source": "compact"}),
    Act.END: ("SessionEnd", {"reason": "prompt_input_exit"}),
}


class Stage:
    """Plays steps in a folder that stands for `~/.claude`: writes what the client and its hooks would write."""

    def __init__(self, paths: Paths, beginning: float) -> None:
        self._paths = paths
        self._beginning = beginning
        self._spool = Spool(paths.spool)
        self._steps = steps()
        self._next = next(self._steps)
        self._answers = 0

    def play(self, until: float) -> None:
        """Everything that happens up to this moment (epoch seconds). Raises OSError."""
        while self._beginning + self._next.at <= until:
            self._perform(self._next)
            self._next = next(self._steps)

    def _perform(self, step: Step) -> None:
        part, at = CAST[step.part], self._beginning + step.at
        session_id = f"{step.part + 1}0000000-0000-4000-8000-00000000000{step.part + 1}"
        folder = Path(self._paths.claude_dir, "projects", part.project)
        transcript = folder / f"{session_id}.jsonl"
        folder.mkdir(parents=True, exist_ok=True)
        with transcript.open("a", encoding="utf-8") as file:
            for line in self._lines(step.act, part, at):
                file.write(json.dumps(line) + "\n")
        os.utime(transcript, (at, at))  # by the clock that its lines are of
        if step.act not in _EVENTS:
            return
        event, fields = _EVENTS[step.act]
        data = {
            "hook_event_name": event,
            "session_id": session_id,
            "transcript_path": str(transcript),
            "cwd": f"/home/you/{part.project}",
            **fields,
        }
        note = hook.note_of(data, hook_table.command_of(event), at, {})
        if note is not None:
            self._spool.write(payload.encode(note), at)

    def _lines(self, act: Act, part: Part, at: float) -> Iterator[dict[str, object]]:
        stamp = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if act is Act.ASK:
            if part.title:
                yield {"type": "custom-title", "customTitle": part.title}
            yield {"type": "user", "timestamp": stamp, "message": {"role": "user", "content": "made up"}}
        elif act is Act.GO_ON:
            result = [{"type": "tool_result", "tool_use_id": "t", "content": "made up"}]
            yield {"type": "user", "timestamp": stamp, "message": {"role": "user", "content": result}}
        elif act in (Act.TOOL, Act.WAIT, Act.ANSWER):
            yield {"type": "assistant", "timestamp": stamp, "isSidechain": False, "message": self._answer(act, part)}
        elif act is Act.COMPACT:
            yield {"type": "system", "subtype": "compact_boundary", "timestamp": stamp}

    def _answer(self, act: Act, part: Part) -> dict[str, object]:
        self._answers += 1
        over = act is Act.ANSWER
        hour = part.ttl_seconds > 300
        return {
            "id": f"msg_{self._answers}",
            "role": "assistant",
            "model": "claude-opus-5-5",
            "stop_reason": "end_turn" if over else "tool_use",
            "content": [{"type": "text", "text": "made up"} if over else {"type": "tool_use", "id": "t"}],
            "usage": {
                "input_tokens": 10,
                "output_tokens": 300,
                "cache_read_input_tokens": part.context_tokens - 2000,
                "cache_creation_input_tokens": 1990,
                "cache_creation": {
                    "ephemeral_5m_input_tokens": 0 if hour else 1990,
                    "ephemeral_1h_input_tokens": 1990 if hour else 0,
                },
            },
        }


class FastClock:
    """A clock that runs only while it is waited for, `speed` times as fast, and plays what falls into each wait.

    It stands still while the monitor works: on a slow machine the demo takes longer, and skips nothing.
    """

    def __init__(self, now: float, speed: float, play: Callable[[float], None], real: Clock) -> None:
        self._now = now
        self._speed = speed
        self._play = play
        self._real = real

    def time(self) -> float:
        """Epoch seconds of the made-up time."""
        return self._now

    def wait(self, wake: threading.Event, seconds: float) -> None:
        """Return when `seconds` of the made-up time have passed, or as soon as `wake` is set."""
        began = self._real.time()
        self._real.wait(wake, seconds / self._speed)
        passed = (self._real.time() - began) * self._speed
        self._now += min(seconds, max(0.0, passed)) if wake.is_set() else seconds
        self._play(self._now)


class DemoMonitor(Monitor):
    """A monitor that says in every snapshot that what it shows is made up."""

    def snapshot(self) -> Snapshot:
        """All sessions at this moment."""
        shot = super().snapshot()
        return shot if shot.problem else replace(shot, problem=NOTICE)


@contextmanager
def demo(
    *, alerts: bool, speed: float = SPEED, real: Clock | None = None, price: Price | None = None
) -> Iterator[DemoMonitor]:
    """A monitor of the made-up day, in a folder that is gone afterwards. Raises OSError."""
    real = real or SystemClock()
    with tempfile.TemporaryDirectory(prefix="claude-session-status-demo-", ignore_cleanup_errors=True) as folder:
        paths, now = Paths(folder), real.time()
        stage = Stage(paths, now)
        stage.play(now)
        yield DemoMonitor(paths, clock=FastClock(now, speed, stage.play, real), alerts=alerts, price=price)
