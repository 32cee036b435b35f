"""How a session's row grows with what Claude Code's files show: transcript, list of running clients, settings.

Pure functions of values; the files are read in `claude`.
"""

import math

from claude_session_status.last_request import (
    DEFAULT_TTL_SECONDS,
    newer_request,
    newer_than_report,
    shorten_ttl_after_resume,
    ttl_written_at,
)
from claude_session_status.model import ClientStatus, Request, Session, Source, TranscriptFacts
from claude_session_status.newest import BEHIND_HOOKS_SECONDS, latest_of, name_project, set_newer
from claude_session_status.values import replace

_MADE_UP = -1.0  # the stamp of a title that the model made up: any other title replaces it
_FROM_TRANSCRIPT = -2 * BEHIND_HOOKS_SECONDS  # the stamp of a folder from the transcript: any event's replaces it


def apply_transcript(
    session: Session, facts: TranscriptFacts, mark: str | None, default_ttl: int = DEFAULT_TTL_SECONDS
) -> Session:
    """The session after its transcript was read.

    `mark` identifies the state of the file; None for a file that is to be read again.
    """
    before = session.request
    is_newer = facts.turn_at is not None and facts.turn_at >= (session.transcript_at or -math.inf)
    session = replace(
        session,
        uncached_at=latest_of(session.uncached_at, facts.compacted_at),
        compacted_at=latest_of(session.compacted_at, facts.compacted_at),
        switched_at=latest_of(session.switched_at, facts.switched_at),
        switched_back_at=latest_of(session.switched_back_at, facts.switched_back_at),
        response_at=latest_of(session.response_at, facts.response_at),
        transcript_mark=mark,
        transcript_at=latest_of(session.transcript_at, facts.turn_at),
        transcript_turn=facts.turn if is_newer else session.transcript_turn,
        context_tokens=facts.context_tokens if facts.context_tokens is not None else session.context_tokens,
        cache_miss_reason=facts.cache_miss_reason if facts.request_at is not None else session.cache_miss_reason,
    )
    if before is not None and before.source is Source.HOOK:
        session = replace(session, request=None)  # a guess from before the transcript showed it; see assume_request
    ttl = facts.ttl_seconds or (before.ttl_seconds if before else default_ttl)
    if facts.request_at is not None and not facts.request_cached:
        session = replace(session, uncached_at=latest_of(session.uncached_at, facts.response_at or facts.request_at))
    elif facts.request_at is not None:
        seen = Request(facts.request_at, ttl, Source.TRANSCRIPT)
        session = replace(session, request=newer_than_report(session, seen))
        if session.request is seen:
            session = replace(session, ttl_written_at=ttl_written_at(session, facts, before))
    if facts.pending_at is not None and facts.pending_at <= (session.answered_at or -math.inf):
        # At Stop the response's lines are some 100 ms away, but the line of its request is there.
        pending = Request(facts.pending_at, ttl, Source.HOOK)
        session = replace(session, request=newer_request(session.request, pending))
    session = shorten_ttl_after_resume(session)
    if facts.model is not None and facts.request_at is not None:
        session = set_newer(session, {"model": facts.model}, facts.request_at)
    return _apply_title(session, facts)


def _apply_title(session: Session, facts: TranscriptFacts) -> Session:
    """A title that the user gave in the client beats a hook's, and a hook's beats one that the model made up."""
    stamps = dict(session.stamps)
    if not facts.title or (not facts.title_given and stamps.get("title", _MADE_UP) > _MADE_UP):
        return session
    stamps["title"] = math.inf if facts.title_given else _MADE_UP
    return replace(session, title=facts.title, stamps=tuple(sorted(stamps.items())))


def apply_client_status(session: Session, status: ClientStatus | None, since: float | None) -> Session:
    """The session with the status that its client reports now; None where the client no longer reports any."""
    if (status, since) == (session.client_status, session.client_status_at):
        return session
    return replace(session, client_status=status, client_status_at=since)


def apply_first_folder(session: Session, folder: str | None) -> Session:
    """The session with the first folder that its transcript names, where no event has reported its project folder."""
    if folder is None or session.project_folder is not None:
        return session
    stamps = dict(session.stamps) | {"project_folder": _FROM_TRANSCRIPT}
    return name_project(replace(session, project_folder=folder, stamps=tuple(sorted(stamps.items()))))


def apply_idle_compaction(session: Session, tokens: int | None) -> Session:
    """The session with the size from which its client compacts it when idle; None where it does not."""
    return session if tokens == session.idle_compact_tokens else replace(session, idle_compact_tokens=tokens)
