"""The vocabulary of the table of truth, and the stage on which its stories are played.

A story is a list of steps, each so many seconds before `status` is called. Six nouns do everything:

- `hook`    Claude Code calls one of our commands, as it does for real: JSON on its standard input.
- `line`    Claude Code writes a line into the session's transcript.
- `file`    something happens to the transcript itself.
- `client`  Claude Code's process, and the file in which it states its status.
- `clock`   the machine's clock is set wrong, or right again.
- `client_settings`  what the user has set in Claude Code.

Only the clock is fake: the rest are real commands, a real folder, a real database, real files.
"""

import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import time_machine

from claude_session_status import heartbeat
from claude_session_status.claude import hook as hook_command
from claude_session_status.claude import pids
from claude_session_status.claude.ingest import run_alone
from claude_session_status.cli.run import main
from claude_session_status.paths import Paths
from claude_session_status.spool import Spool
from fakes import NOW, Transcript

Json = dict[str, Any]
OURS = "the-session"  # the session that a row is about


@dataclass(frozen=True)
class Row:
    """One case: a name in plain English, what happened, and what `status` must show now."""

    name: str
    story: Sequence["Step"]
    cache: str | None  # none, warm, expired; None: the session must not be listed at all
    activity: str | None = None  # idle, working, waiting, ended
    left: float | None = None  # seconds; None when nothing is cached
    also: Json = field(default_factory=dict)  # other keys of `status --json`, exactly
    others: dict[str, tuple[str, str, float | None]] = field(default_factory=dict)  # further sessions
    everything: bool = True  # `status --json --all`; False: without --all
    config: str = ""  # the content of config.toml
    only_live: str = ""  # why notes that are applied later can't show this; empty: they can


@dataclass(frozen=True)
class Step:
    """Something that happens `ago` seconds before `status` is called."""

    ago: float
    act: Callable[["Stage"], object]


class Stage:
    """A folder of Claude Code, a clock that the story moves, and our commands, which it calls."""

    def __init__(self, folder: Path, where: Paths) -> None:
        self.folder, self.where = folder, where
        self.ahead = 0.0  # by how many seconds the machine's clock is wrong
        self.true_time = NOW
        self.ingests_at_once = True
        self.transcripts: dict[str, Transcript] = {}
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def now(self) -> float:
        """What the machine's clock shows."""
        return self.true_time + self.ahead

    def play(self, story: Iterable[Step]) -> None:
        """Run the steps, the earliest first."""
        for step in sorted(story, key=lambda s: -s.ago):
            self.true_time = NOW - step.ago
            step.act(self)
        self.true_time = NOW

    def transcript(self, session: str) -> Transcript:
        """The session's transcript; a line that is written sets the file's time."""
        if session not in self.transcripts:
            self.transcripts[session] = Transcript(self.folder / "projects" / f"{session}.jsonl")
        return self.transcripts[session]

    def write(self, session: str, act: Callable[[Transcript], object]) -> None:
        """Write something into the transcript now."""
        written = self.transcript(session)
        act(written)
        if written.path.is_file():
            written.written_at(self.now)

    def call_hook(self, command: str, payload: Json) -> None:
        """Call one of our commands as Claude Code does."""
        # Beside a monitor the hook starts no ingester: that would run by the machine's clock, not by the story's.
        heartbeat.beat(self.where.monitor_alive, self.now)
        with _frozen(self.now), _standard_input(json.dumps(payload).encode()):
            assert hook_command.main(command) == 0
        if self.ingests_at_once:
            heartbeat.stop(self.where.monitor_alive)
            self.ingest()

    def ingest(self) -> None:
        """Apply the notes that lie in the spool."""
        with _frozen(self.now):
            run_alone(self.where)

    def status(self, *, everything: bool = True) -> dict[str, Json]:
        """What `status --json` prints now: the sessions by their id."""
        printed = io.StringIO()
        with _frozen(self.now), redirect_stdout(printed):
            assert main(["status", "--json", *(["--all"] if everything else [])]) == 0
        return {session["session_id"]: session for session in json.loads(printed.getvalue())["sessions"]}

    # ---- two ways in which a story reaches us -------------------------------

    def live(self, story: Iterable[Step]) -> None:
        """Each hook runs alone and at once, without a monitor."""
        self.play(story)

    def backwards(self, story: Iterable[Step]) -> None:
        """The notes stay in the spool until the end; they are applied newest first, and each of them twice."""
        self.ingests_at_once = False
        self.play(story)
        if os.path.exists(self.where.monitor_alive):
            os.unlink(self.where.monitor_alive)
        spool = Spool(self.where.spool)
        notes = [spool.read(name) for name in spool.names()]
        for name in spool.names():
            spool.remove(name)
        half = len(notes) // 2
        for part in (notes[half:], notes + notes):
            for note in reversed(part):
                assert note is not None
                spool.write(note, NOW)
            self.ingest()

    def close(self) -> None:
        """End the process that a story started."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()


@contextmanager
def _frozen(now: float) -> Iterator[None]:
    with time_machine.travel(now, tick=False):
        yield


@contextmanager
def _standard_input(data: bytes) -> Iterator[None]:
    kept = os.dup(0)
    try:
        with tempfile.TemporaryFile() as file:
            file.write(data)
            file.seek(0)
            os.dup2(file.fileno(), 0)
            yield
    finally:
        os.dup2(kept, 0)
        os.close(kept)


# ---- the nouns --------------------------------------------------------------


class _Hook:
    """Claude Code calls us."""

    def _step(self, command: str, event: str, ago: float, session: str, fields: Json) -> Step:
        def act(stage: Stage) -> None:
            common = {"session_id": session, "hook_event_name": event, "cwd": "/home/me/my-app"}
            path = str(stage.transcript(session).path)
            stage.call_hook(command, {**common, "transcript_path": path, **fields})

        return Step(ago, act)

    def start(self, ago: float, source: str = "startup", *, session: str = OURS, **fields: Any) -> Step:
        """SessionStart: startup, resume, clear, compact or fork."""
        return self._step("mark-start", "SessionStart", ago, session, {"source": source, **fields})

    def prompt(self, ago: float, *, session: str = OURS, **fields: Any) -> Step:
        """UserPromptSubmit."""
        return self._step("mark-prompt", "UserPromptSubmit", ago, session, {"prompt": "a secret", **fields})

    def stop(self, ago: float, *, session: str = OURS, **fields: Any) -> Step:
        """Stop: the response is complete."""
        return self._step("mark-turn", "Stop", ago, session, {"last_assistant_message": "a secret", **fields})

    def fail(self, ago: float, *, session: str = OURS, **fields: Any) -> Step:
        """StopFailure: the API failed."""
        return self._step("mark-turn", "StopFailure", ago, session, {"error": "server_error", **fields})

    def permission(self, ago: float, *, session: str = OURS) -> Step:
        """Notification: a permission prompt is open."""
        return self._step("mark-wait", "Notification", ago, session, {"notification_type": "permission_prompt"})

    def notification(self, ago: float, **fields: Any) -> Step:
        """Notification, of any type or of none."""
        return self._step("mark-wait", "Notification", ago, OURS, fields)

    def end(self, ago: float, *, session: str = OURS, reason: str = "prompt_input_exit") -> Step:
        """SessionEnd."""
        return self._step("mark-end", "SessionEnd", ago, session, {"reason": reason})


class _Line:
    """Claude Code writes into the transcript. `stamped`: how long ago the line says that it was written, in seconds."""

    def _step(
        self, ago: float, session: str, stamped: float | None, act: Callable[[Transcript, float], object]
    ) -> Step:
        def write(stage: Stage) -> None:
            at = stage.now if stamped is None else NOW - stamped
            stage.write(session, lambda t: act(t, at))

        return Step(ago, write)

    def user(
        self, ago: float, text: str = "do it", *, session: str = OURS, stamped: float | None = None, **extra: Any
    ) -> Step:
        """What the user typed, or what the client writes in the user's name."""
        return self._step(ago, session, stamped, lambda t, at: t.user(at, text, **extra))

    def tool_result(self, ago: float, *, session: str = OURS, stamped: float | None = None, **extra: Any) -> Step:
        """The result of a tool."""
        return self._step(ago, session, stamped, lambda t, at: t.tool_result(at, **extra))

    def attachment(self, ago: float, *, session: str = OURS) -> Step:
        """Something that the client adds to a prompt."""
        return self._step(ago, session, None, lambda t, at: t.attachment(at))

    def request(self, ago: float, ref: str, *, source: str = "repl_main_thread", session: str = OURS) -> Step:
        """The line of the request itself, which newer clients write."""
        return self._step(ago, session, None, lambda t, at: t.request(at, ref, source))

    def answer(self, ago: float, *, session: str = OURS, stamped: float | None = None, **extra: Any) -> Step:
        """A line of a response. It wrote (`wrote_5m`, `wrote_1h`) and read (`read`) so many tokens of the cache."""
        return self._step(ago, session, stamped, lambda t, at: t.answer(at, **extra))

    def tool_use(self, ago: float, *, session: str = OURS, stamped: float | None = None, **extra: Any) -> Step:
        """A response that asks for a tool."""
        return self._step(ago, session, stamped, lambda t, at: t.tool_use(at, **extra))

    def error(self, ago: float, *, session: str = OURS) -> Step:
        """What the client writes when the API failed."""
        return self._step(ago, session, None, lambda t, at: t.error(at))

    def interrupted(self, ago: float, how: str = "") -> Step:
        """What the client writes after Esc."""
        text = [{"type": "text", "text": f"[Request interrupted by user{how}]"}]
        return self._step(ago, OURS, None, lambda t, at: t.user(at, text))

    def retry(self, ago: float, wait_ms: object, attempt: int = 1, **extra: Any) -> Step:
        """What the client writes when a try failed and another one follows."""
        return self._step(ago, OURS, None, lambda t, at: t.retry(at, wait_ms, attempt, **extra))

    def command(self, ago: float, name: str, printed: str, *, in_system_lines: bool = False) -> tuple[Step, ...]:
        """A local command, like /model: three lines in the user's name, none of them a prompt.

        `in_system_lines`: newer clients write it as `system` lines instead.
        """
        if in_system_lines:
            fields = {"type": "system", "subtype": "local_command", "level": "info", "isMeta": False}
            texts = f"<command-name>/{name}</command-name>", f"<local-command-stdout>{printed}</local-command-stdout>"

            def line_of(text: str) -> Step:
                return self._step(ago, OURS, None, lambda t, at: t.at(at, content=text, **fields))

            return tuple(line_of(text) for text in texts)
        return (
            self.user(ago, "<local-command-caveat>The command below was run directly..", isMeta=True),
            self.user(ago, f"<command-name>/{name}</command-name>"),
            self.user(ago, f"<local-command-stdout>{printed}</local-command-stdout>"),
        )

    def compacted(self, ago: float, trigger: str = "manual") -> tuple[Step, ...]:
        """What /compact writes: the boundary, and after it lines that are older."""
        boundary = {"type": "system", "subtype": "compact_boundary", "compactMetadata": {"trigger": trigger}}
        return (
            self._step(ago, OURS, None, lambda t, at: t.at(at, **boundary)),
            self.user(ago, "the summary", stamped=ago + 0.04, isCompactSummary=True),
        )

    def turn_over(self, ago: float) -> Step:
        """The line that the client writes at the end of a turn."""
        return self._step(ago, OURS, None, lambda t, at: t.at(at, type="system", subtype="turn_duration"))

    def away_summary(self, ago: float) -> Step:
        """The recap that the client writes by itself while the user is away."""
        fields = {"type": "system", "subtype": "away_summary", "content": "You build a web shop."}
        return self._step(ago, OURS, None, lambda t, at: t.at(at, **fields))

    def title(self, ago: float, text: str, kind: str = "custom") -> Step:
        """A title, given by the user (custom) or made up by the model (ai)."""
        return self._step(ago, OURS, None, lambda t, at: t.title(text, kind))

    def other(self, ago: float, **fields: Any) -> Step:
        """A line of any kind."""
        return self._step(ago, OURS, None, lambda t, at: t.line(**fields))

    def hole(self, ago: float, size: int) -> Step:
        """One line of `size` zero bytes."""
        return self._step(ago, OURS, None, lambda t, at: t.hole(size))

    def bytes(self, ago: float, data: bytes) -> Step:
        """Any bytes."""
        return self._step(ago, OURS, None, lambda t, at: t.raw(data))


class _File:
    """Something happens to the transcript."""

    def _step(self, ago: float, act: Callable[[Path], object]) -> Step:
        return Step(ago, lambda stage: act(stage.transcript(OURS).path))

    def _instead(self, ago: float, make: Callable[[Path], object]) -> Step:
        def act(path: Path) -> None:
            path.unlink(missing_ok=True)
            make(path)

        return self._step(ago, act)

    def is_deleted(self, ago: float) -> Step:
        return self._step(ago, lambda path: path.unlink())

    def becomes_a_folder(self, ago: float) -> Step:
        return self._instead(ago, lambda path: path.mkdir())

    def becomes_a_pipe(self, ago: float) -> Step:
        return self._instead(ago, os.mkfifo)

    def becomes_a_dead_link(self, ago: float) -> Step:
        return self._instead(ago, lambda path: path.symlink_to("nowhere"))

    def is_moved_to(self, ago: float, folder: str) -> Step:
        """The project's folder was moved, so the transcript lies in another folder of transcripts."""

        def act(stage: Stage) -> None:
            path = stage.transcript(OURS).path
            new = Path(stage.where.projects, folder, path.name)
            new.parent.mkdir(parents=True)
            path.rename(new)

        return Step(ago, act)

    def loses_its_end(self, ago: float, kept: float = 0.5) -> Step:
        """Cut to a part of its size."""
        return self._step(ago, lambda path: os.truncate(path, int(path.stat().st_size * kept)))

    def is_replaced_by_an_older_copy(self, ago: float, lines: int) -> Step:
        """A backup is put back: another file, with the first lines only."""

        def act(path: Path) -> None:
            kept = path.read_bytes().splitlines(keepends=True)[:lines]
            path.unlink()
            path.write_bytes(b"".join(kept))

        return self._step(ago, act)


class _Client:
    """Claude Code's process."""

    def runs(self, ago: float) -> Step:
        """It runs, and its hooks name it from now on."""

        def act(stage: Stage) -> None:
            stage.process = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
            os.environ["CLAUDE_PID"] = str(stage.process.pid)

        return Step(ago, act)

    def is_started(self, ago: float, *, how: str = "cli", folder: str | None = None) -> Step:
        """From now on our hooks hear how it was started, and in which folder."""

        def act(_stage: Stage) -> None:
            os.environ["CLAUDE_CODE_ENTRYPOINT"] = how
            if folder is not None:
                os.environ["CLAUDE_PROJECT_DIR"] = folder

        return Step(ago, act)

    def says(self, ago: float, status: str, waiting_for: str | None = None) -> Step:
        """It writes its status into its file: idle, busy, waiting."""

        def act(stage: Stage) -> None:
            assert stage.process is not None
            pid = stage.process.pid
            entry: Json = {"pid": pid, "sessionId": OURS, "procStart": str(pids.start_ticks(pid))}
            entry |= {"status": status, "statusUpdatedAt": stage.now * 1000, "waitingFor": waiting_for}
            path = Path(stage.where.client_registry) / f"{pid}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(entry))

        return Step(ago, act)

    def is_killed(self, ago: float) -> Step:
        """It is gone without any hook or line."""
        return Step(ago, lambda stage: stage.close())


class _Settings:
    """What the user has set in Claude Code, and the folder in which Claude Code was started."""

    def has(self, ago: float, **settings: Any) -> Step:
        """The user's settings.json holds these from now on."""

        def act(stage: Stage) -> None:
            Path(stage.where.settings).parent.mkdir(parents=True, exist_ok=True)
            Path(stage.where.settings).write_text(json.dumps(settings))

        return Step(ago, act)


class _Clock:
    """The machine's clock."""

    def is_ahead(self, ago: float, seconds: float) -> Step:
        """From now on it is ahead by so many seconds (behind, where negative)."""
        return Step(ago, lambda stage: setattr(stage, "ahead", float(seconds)))

    def is_right_again(self, ago: float) -> Step:
        return self.is_ahead(ago, 0)


hook, line, file, client, clock, client_settings = _Hook(), _Line(), _File(), _Client(), _Clock(), _Settings()


def turn(asked: float, answered: float, *, session: str = OURS, **cached: Any) -> tuple[Step, ...]:
    """A whole turn: the prompt, one response, its end."""
    return (
        hook.prompt(asked, session=session),
        line.user(asked, session=session),
        line.answer(answered, session=session, **cached),
        hook.stop(answered, session=session),
    )


def story(*parts: Step | tuple[Step, ...]) -> list[Step]:
    """Steps and groups of steps, as one list."""
    return [step for part in parts for step in (part if isinstance(part, tuple) else (part,))]


def someone_looks(ago: float) -> Step:
    """Someone calls `status`."""
    return Step(ago, lambda stage: stage.status())
