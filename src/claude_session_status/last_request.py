"""Which request the countdown runs from: the last main request, as status line, transcript, mod and hook report it."""

import math

from claude_session_status.model import Request, Session, Source, TranscriptFacts, Turn
from claude_session_status.values import replace

DEFAULT_TTL_SECONDS = 300
LONGEST_TTL_SECONDS = 86400  # no TTL is longer; a longer one is a mistake
PING_RESPONSE_SECONDS = 10.0  # a ping asks for one word
SAME_EXPIRY_SECONDS = 30.0  # two sources may differ by seconds on one expiry; a new request moves it by more
SAME_REQUEST_SECONDS = 2.0  # status line and transcript differ by less on one request
LAG_SECONDS = 30.0  # a hook and the transcript line of the same moment may differ by this much on a busy machine


def newer_request(old: Request | None, new: Request | None) -> Request | None:
    """The request to count from: the later one, and of the same moment the one with the shorter countdown.

    The status line rounds up to whole seconds, so it may report the same request at a slightly different time. Where
    both then agree on the TTL the status line is the source, with the other's exact time.
    """
    if old is None or new is None:
        return new if old is None else old
    if _is_same_request(old, new):
        shorter = min(old, new, key=lambda r: r.expires_at)
        agreed = old.ttl_seconds == new.ttl_seconds
        return replace(shorter, source=Source.STATUS_LINE) if agreed else shorter
    return max(old, new, key=lambda r: (r.started_at, -r.ttl_seconds, r.source is not Source.HOOK))


def _is_same_request(a: Request, b: Request) -> bool:
    """Whether the status line and another source report one request."""
    return _is_rounded(a) != _is_rounded(b) and abs(a.started_at - b.started_at) <= SAME_REQUEST_SECONDS


def _is_rounded(request: Request) -> bool:
    """Whether only the status line reported the time. Another source makes it exact, between whole seconds."""
    return request.source is Source.STATUS_LINE and request.started_at.is_integer()


def _begins_before(request: Request, other: Request | None) -> bool:
    return other is not None and (request.started_at, request.ttl_seconds) < (other.started_at, other.ttl_seconds)


def apply_report(session: Session, reported: Request, at: float) -> Session:
    """The session after the status line reported a countdown at `at`. Its newest report counts, also a shorter one.

    The client shortens its own countdown where it keeps the cache alive by itself, and extends it for requests that
    leave no line in the transcript. Only a response that began after the report is newer than it.
    """
    request = session.request
    if at <= (session.reported_at or -math.inf):
        is_reported = request is not None and request.source is Source.STATUS_LINE
        if at != session.reported_at or not is_reported or not _begins_before(reported, request):
            return session  # of two reports of one moment the request that began first counts
    session = replace(session, reported_at=at)
    if session.forgotten_at is not None and reported.started_at <= session.forgotten_at:
        is_reported = request is not None and request.source is Source.STATUS_LINE
        return replace(session, request=None) if is_reported else session
    if request is None or (request.source is Source.HOOK and _is_of_last_turn(session, reported)):
        return replace(session, request=reported)
    if _is_same_request(request, reported) or not _is_known_to_report(session, request):
        return replace(session, request=newer_request(request, reported))
    return replace(session, request=reported)


def newer_than_report(session: Session, seen: Request) -> Request | None:
    """The request to count from after the transcript showed `seen`: the status line's, where it reported later."""
    known = session.request
    if known is not None and known.source is Source.STATUS_LINE and not _is_same_request(known, seen):
        return known if _is_known_to_report(session, seen) else newer_request(known, seen)
    return newer_request(known, seen)


def _is_known_to_report(session: Session, request: Request) -> bool:
    """Whether the status line's last report was made after the request's response began."""
    if session.reported_at is None:
        return False
    if request.source is Source.STATUS_LINE:
        return True
    if request.source is Source.MOD:
        return knows_ping(session, request.started_at)
    responded_at = session.response_at if request.source is Source.TRANSCRIPT else session.answered_at
    return session.reported_at >= max(request.started_at, responded_at or -math.inf)


def knows_ping(session: Session, at: float) -> bool:
    """Whether the status line's last report came after the response to a ping sent at `at`."""
    return session.reported_at is not None and session.reported_at >= at + PING_RESPONSE_SECONDS


def _is_of_last_turn(session: Session, request: Request) -> bool:
    """Whether the request belongs to the turn that began last."""
    return session.prompted_at is not None and request.started_at >= session.prompted_at - SAME_REQUEST_SECONDS


def ttl_written_at(session: Session, facts: TranscriptFacts, before: Request | None) -> float | None:
    """The time of the response that shows the last request's TTL; None where that request's own response does."""
    if facts.ttl_seconds is not None:
        return facts.ttl_written_at
    if session.ttl_written_at is not None or before is None:
        return session.ttl_written_at
    return before.started_at  # too far back in the file to be read now: it is remembered


def shorten_ttl_after_resume(session: Session) -> Session:
    """The session with the default TTL where the last request may have asked for less than the one before it.

    In older clients a request that only reads does not show its TTL. It has the TTL of the last write, unless another
    process has resumed the session since, which may ask for another TTL: then only the shorter one is certain.
    """
    request, written_at, opened_at = session.request, session.ttl_written_at, session.opened_at
    if request is None or request.source is not Source.TRANSCRIPT or written_at is None or opened_at is None:
        return session
    if not written_at < opened_at <= request.started_at or request.ttl_seconds <= DEFAULT_TTL_SECONDS:
        return session
    return replace(session, request=replace(request, ttl_seconds=DEFAULT_TTL_SECONDS))


def assume_request(
    session: Session, default_ttl: int = DEFAULT_TTL_SECONDS, *, transcript_is_there: bool = False
) -> Session:
    """The session with a guess at the request of its last turn, where the transcript does not show it.

    The transcript may lag behind the hook, or be gone. One that shows the prompt shows when the request began. One
    that is readable and shows responses is trusted over a hook; otherwise the end of the turn is the guess.
    """
    if session.answered_at is None or _transcript_covers_last_turn(session):
        return session
    start, shown = session.answered_at, session.transcript_at
    is_open = session.transcript_turn in (Turn.ASKED, Turn.TOOL)
    if is_open and shown is not None and shown >= (session.prompted_at or -math.inf) - LAG_SECONDS:
        start = shown
    elif transcript_is_there and session.response_at is not None:
        return session
    known = session.request
    is_reported = known is not None and (
        _is_of_last_turn(session, known) or (session.reported_at or -math.inf) >= session.answered_at
    )
    if is_reported and known is not None and known.source is Source.STATUS_LINE:
        return session
    ttl = session.request.ttl_seconds if session.request else default_ttl
    request = newer_request(session.request, Request(start, ttl, Source.HOOK))
    return session if request is session.request else replace(session, request=request)


def _transcript_covers_last_turn(session: Session) -> bool:
    """Whether the transcript, as it was last read, reaches the end of the last completed turn."""
    if session.transcript_at is None or session.answered_at is None:
        return session.answered_at is None
    lag = LAG_SECONDS if session.transcript_turn is Turn.OVER else 0.0
    return session.transcript_at >= session.answered_at - lag
