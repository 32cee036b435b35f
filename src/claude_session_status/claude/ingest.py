"""Turns notes and transcripts into rows. One process at a time does it; the others leave their notes to it.

Who ingests? Whoever gets the lock. Who finds it taken leaves at once: the holder looks at the spool once more after
letting go, so that nobody's last note is left lying. A note is removed only after its row is committed; a crash in
between applies it twice, which changes nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from claude_session_status import notes, policy
from claude_session_status.claude import transcript
from claude_session_status.errors import SessionStatusError
from claude_session_status.lock import FileLock
from claude_session_status.model import Event, EventKind, Session
from claude_session_status.paths import Paths
from claude_session_status.spool import Spool
from claude_session_status.store import Store

HOOK_TRIES = 4  # to open the database, 0.14 s in all: somebody waits for a hook, and the note is safe already
BATCH = 500  # notes a transaction: a crowded spool is worked off in pieces


class Outcome(Enum):
    """How a drain ended."""

    NOTHING = "nothing to do"
    DONE = "notes were applied"
    TAKEN = "another process is at it"


@dataclass(frozen=True, slots=True)
class Drained:
    """The outcome, and the sessions that changed, as they are now."""

    outcome: Outcome
    sessions: tuple[Session, ...] = ()


def drain(paths: Paths, spool: Spool, store: Store, default_ttl: int = policy.DEFAULT_TTL_SECONDS) -> Drained:
    """Apply all notes to the database. Raises SessionStatusError (locked, broken); the notes then stay."""
    changed: dict[str, Session] = {}
    seen: set[str] = set()  # a note that can't be taken away must not be met for ever

    def waiting() -> list[str]:
        return [name for name in spool.names() if name not in seen]

    outcome = Outcome.NOTHING
    while names := waiting():
        lock = FileLock(paths.ingest_lock)
        if not lock.acquire():
            return Drained(Outcome.TAKEN, tuple(changed.values()))
        try:
            while names:
                for session in _apply(names[:BATCH], spool, store, default_ttl):
                    changed[session.session_id] = session
                seen.update(names[:BATCH])
                names = waiting()
        finally:
            lock.release()
        outcome = Outcome.DONE
    return Drained(outcome, tuple(changed.values()))


def _apply(names: list[str], spool: Spool, store: Store, default_ttl: int) -> tuple[Session, ...]:
    events: list[Event] = []
    applied: list[str] = []
    for name in names:
        raw = spool.read(name)
        if raw is None:
            continue
        try:
            events.append(notes.decode(raw))
            applied.append(name)
        except notes.NoteError:
            spool.refuse(name)
    after: tuple[Session, ...] = ()

    def change(before: dict[str, Session]) -> tuple[Session, ...]:
        nonlocal after
        after = tuple(fold(before, events, default_ttl).values())
        return after

    if events:
        store.update((e.session_id for e in events), change)
    for name in applied:
        spool.remove(name)
    return after


def fold(before: dict[str, Session], events: Iterable[Event], default_ttl: int) -> dict[str, Session]:
    """The sessions after the events, each with its transcript looked at once."""
    after: dict[str, Session] = {}
    heard: dict[str, set[EventKind]] = {}
    for event in sorted(events, key=lambda e: (e.at, e.kind)):
        session = after.get(event.session_id) or before.get(event.session_id) or Session(event.session_id)
        after[event.session_id] = policy.apply(session, event)
        heard.setdefault(event.session_id, set()).add(event.kind)
    return {
        session_id: refresh(session, default_ttl, turn_ended=EventKind.TURN in heard[session_id])
        for session_id, session in after.items()
    }


def refresh(session: Session, default_ttl: int = policy.DEFAULT_TTL_SECONDS, *, turn_ended: bool = False) -> Session:
    """The session with what its transcript says, which is read only if the file changed.

    `turn_ended`: a turn has just ended; where no transcript tells of its request, the time of that end must do.
    """
    mark = transcript.stat_mark(session.transcript_path) if session.transcript_path else None
    if mark is not None and mark == session.transcript_mark:
        return session
    facts = transcript.read(session.transcript_path) if session.transcript_path and mark is not None else None
    if facts is not None and mark is not None:
        session = policy.observe(session, facts, mark, default_ttl)
        if facts.request_at is not None or facts.pending_at is not None:
            return session
    return policy.assume_request(session, default_ttl) if turn_ended else session


def write_transcripts(
    paths: Paths, store: Store, session_ids: Iterable[str], default_ttl: int = policy.DEFAULT_TTL_SECONDS
) -> tuple[int, int] | None:
    """Bring the rows of these sessions up to their transcripts; returns the database's stamp after that.

    None when another process is ingesting. Raises SessionStatusError.
    """
    lock = FileLock(paths.ingest_lock)
    if not lock.acquire():
        return None
    try:
        store.update(session_ids, lambda before: [refresh(s, default_ttl) for s in before.values()])
        return store.stamp()
    finally:
        lock.release()


def run_alone(paths: Paths) -> None:
    """What a hook does when no monitor lives: apply its note, and any that lie there, now.

    Raises SessionStatusError; the notes then wait for the next hook or monitor.
    """
    try:
        drain(paths, Spool(paths.spool), Store(paths.database, tries=HOOK_TRIES))
    except OSError as error:
        title = f"{error.filename or paths.folder}: {error.strerror or error}"
        raise SessionStatusError(title, "The event waits in the spool") from error
