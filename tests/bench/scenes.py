"""What the measured programs find: Claude Code's folders with conversations of realistic size, and input for hooks."""

import json
import os
import random
import time
import uuid
from pathlib import Path

from claude_session_status.lock import FileLock
from claude_session_status.paths import Paths
from fakes import Transcript

MEGABYTE = 1_000_000
INGEST_SECONDS = 30.0
USUAL_BYTES = 2 * MEGABYTE  # a conversation of an hour or two

_SENTENCE = "the cache of a session is warm until its time is over and then all tokens are read again from the start"
_WORDS = _SENTENCE.split()


def environment(home: Path, claude_dir: Path) -> dict[str, str]:
    """The environment of a hook. The client is this process, so that the session is alive."""
    kept = ("PATH", "LANG", "SYSTEMROOT", "TEMP", "TMP")
    env = {name: os.environ[name] for name in kept if name in os.environ}
    home.mkdir(parents=True, exist_ok=True)
    return env | {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "CLAUDE_CONFIG_DIR": str(claude_dir),
        "CLAUDE_PID": str(os.getpid()),
        "CLAUDECODE": "1",
        "CLAUDE_CODE_ENTRYPOINT": "cli",
    }


class Conversation:
    """A session and its transcript, as the client writes them."""

    def __init__(self, claude_dir: Path, project: str, size: int = USUAL_BYTES, ttl: str = "5m") -> None:
        self.session_id = str(uuid.uuid4())
        self.project = project
        self.path = claude_dir / "projects" / f"-home-me-{project}" / f"{self.session_id}.jsonl"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._random = random.Random(project)
        self._ttl = ttl
        self._transcript = Transcript(self.path)
        self.path.touch()
        if size:
            self._fill(size)

    def turn(self, at: float | None = None) -> None:
        """Append one exchange: a prompt, a tool round, a response."""
        moment = (time.time() if at is None else at) - 3
        talk = self._transcript
        wrote = self._random.randrange(500, 4000)
        reads = 60_000 + wrote * 10
        wrote_5m, wrote_1h = (wrote, 0) if self._ttl == "5m" else (0, wrote)
        talk.user(moment, self._prose(400))
        talk.attachment(moment)
        talk.tool_use(moment + 1, message=uuid.uuid4().hex, read=reads, wrote_5m=wrote_5m, wrote_1h=wrote_1h)
        output = self._prose(self._random.randrange(200, 24_000))
        talk.user(moment + 2, [{"type": "tool_result", "tool_use_id": "t", "content": output}])
        talk.answer(
            moment + 3,
            message=uuid.uuid4().hex,
            read=reads,
            wrote_5m=wrote_5m,
            wrote_1h=wrote_1h,
            fields=self._prose(900),
        )

    def touch(self) -> None:
        """Give the file a new time without changing its bytes."""
        os.utime(self.path)

    def hook_input(self, event: str = "Stop") -> bytes:
        """What the client pipes to a hook."""
        fields: dict[str, object] = {
            "session_id": self.session_id,
            "transcript_path": str(self.path),
            "cwd": f"/home/me/{self.project}",
            "permission_mode": "default",
            "hook_event_name": event,
        }
        if event == "Stop":
            answer = {"stop_hook_active": False, "last_assistant_message": self._prose(2500)}
            fields |= {**answer, "background_tasks": [], "session_crons": []}
        return json.dumps(fields).encode()

    def _fill(self, size: int) -> None:
        began = time.time() - 7200
        self._transcript.title(f"What is to be done about {self.project}", kind="ai")
        while (written := self.path.stat().st_size) < min(size, MEGABYTE):
            self.turn(began + written / MEGABYTE)
        piece = self.path.read_bytes()
        with self.path.open("ab") as file:  # more of the same, by the megabyte
            while file.tell() + len(piece) <= size:
                file.write(piece)
        self.turn()

    def _prose(self, length: int) -> str:
        words: list[str] = []
        while length > 0:
            words.append(self._random.choice(_WORDS))
            length -= len(words[-1]) + 1
        return " ".join(words)


def status_line(expires_at: int) -> bytes:
    """What the client pipes to a status line command, in a realistic size."""
    cache = {"warm": True, "ttl": "5m", "expires_at": expires_at, "recache_tokens_if_cold": 142_000}
    fields = {"session_id": str(uuid.UUID(int=1)), "cwd": "/home/me/web-shop", "prompt_cache": cache}
    return json.dumps(fields | {"context_window": {"total_input_tokens": 142_000}, "padding": "x" * 2000}).encode()


def beat(where: Paths) -> None:
    """Do what a monitor does at each poll."""
    Path(where.monitor_alive).parent.mkdir(parents=True, exist_ok=True)
    Path(where.monitor_alive).touch()


def take_notes(where: Paths, count: int) -> None:
    """Remove the hooks' notes, as a monitor does; raises RuntimeError unless there are exactly so many."""
    names = [entry for entry in Path(where.spool).iterdir() if entry.suffix == ".json"]
    if len(names) != count:
        raise RuntimeError(f"{count} notes expected in the spool, found {len(names)}")
    for name in names:
        name.unlink()


def wait_for_ingester(where: Paths) -> float:
    """Wait until the ingester that a hook started has applied all notes and has ended; return the seconds until then.

    Raises RuntimeError when a note is left after INGEST_SECONDS.
    """
    began = time.perf_counter()
    lock = FileLock(where.ingest_lock)
    while time.perf_counter() - began < INGEST_SECONDS:
        left = any(entry.suffix == ".json" for entry in Path(where.spool).iterdir())
        applied = time.perf_counter() - began
        if not left and lock.acquire():
            lock.release()
            time.sleep(0.02)  # its interpreter shuts down: that must not fall into what is timed next
            return applied
        time.sleep(0.002)
    raise RuntimeError(f"a note is left in {where.spool}")


def forget_flags(conversation: Conversation) -> None:
    """Remove what the original leaves in the folder for temporary files of the whole machine."""
    Path(f"/tmp/claude-cache-warmth-{conversation.session_id}").unlink(missing_ok=True)
