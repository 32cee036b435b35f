"""What one poll of the monitor costs: when nothing has changed, when a hook left a note, when a transcript grew.

In this process, since a poll is far shorter than a start of Python.
"""

import os
import time
from pathlib import Path

from bench import scenes
from bench.measure import Case, counted_calls, interleaved
from bench.report import Figure
from claude_session_status.claude.pids import pid_namespace, start_ticks
from claude_session_status.model import Event, EventKind
from claude_session_status.monitor import Monitor
from claude_session_status.notes import encode
from claude_session_status.paths import Paths
from claude_session_status.spool import Spool

SESSIONS = 20
LIMIT_MS = 1.0
ROUNDS, QUICK_ROUNDS = 100, 5


def measure(folder: Path, *, quick: bool) -> list[Figure]:
    """One line per kind of poll, and the file system calls of a quiet one."""
    claude_dir = folder / ".claude"
    where = Paths(str(claude_dir))
    talks = [scenes.Conversation(claude_dir, f"project-{number}", scenes.MEGABYTE) for number in range(SESSIONS)]
    spool, monitor = Spool(where.spool), Monitor(where)
    for talk in talks:
        _leave_note(spool, talk)
    monitor.poll()
    monitor.poll()
    if len(monitor.snapshot().sessions) != SESSIONS:
        raise RuntimeError(f"{SESSIONS} sessions expected, found {len(monitor.snapshot().sessions)}")

    def new_event() -> None:
        talks[0].turn()
        _leave_note(spool, talks[0])

    quiet, event, grown = "nothing has changed", "one new event", "one transcript has grown"
    cases = [Case(event, monitor.poll, new_event), Case(grown, monitor.poll, talks[1].turn)]
    # Quiet polls run in a row, as they do in use: no heavy work before them empties a cache.
    medians = interleaved(cases, QUICK_ROUNDS if quick else ROUNDS // 4)
    medians |= interleaved([Case(quiet, monitor.poll)], QUICK_ROUNDS if quick else ROUNDS)
    with counted_calls() as calls:
        monitor.poll()
    monitor.close()
    asked = ", ".join(f"{count} {name}" for name, count in calls.most_common())
    took = medians[quiet]
    return [
        Figure(_name(quiet), f"{took:.2f} ms", f"at most {LIMIT_MS:g} ms", took <= LIMIT_MS),
        Figure("  of the file system it asks", asked),
        Figure(_name(event), f"{medians[event]:.1f} ms"),
        Figure(_name(grown), f"{medians[grown]:.1f} ms"),
    ]


def _name(kind: str) -> str:
    return f"poll of {SESSIONS} sessions, {kind}"


def _leave_note(spool: Spool, talk: scenes.Conversation) -> None:
    """Leave the note that a hook of this session writes; the client is this process."""
    now = time.time()
    event = Event(EventKind.TURN, talk.session_id, now, cwd=f"/home/me/{talk.project}", transcript_path=str(talk.path))
    pid = os.getpid()
    client = f', "pid": {pid}, "pid_started": {start_ticks(pid) or "null"}, "pid_namespace": "{pid_namespace()}"}}\n'
    spool.write(encode(event).rstrip().removesuffix(b"}") + client.encode(), now)
