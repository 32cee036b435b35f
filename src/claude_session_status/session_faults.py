"""Keeps an exception that one session causes from stopping the others: it is logged once and shown as a problem."""

import os
from collections.abc import Callable, Container, Sequence
from typing import TypeVar

from claude_session_status.errors import SessionStatusError
from claude_session_status.lazy_log import Log
from claude_session_status.model import Session

Item = TypeVar("Item")
T = TypeVar("T")

log = Log(__name__)

NEXT_STEP = "Other sessions are not affected. Please report this line with the log"


class SessionFaults:
    """What failed for which session. A fault stays until the same work succeeds for that session.

    `logs`: whether faults are logged; where not, the first one is still a problem to show.
    """

    def __init__(self, *, logs: bool = True) -> None:
        self._logs = logs
        self._faults: dict[tuple[str, str], SessionStatusError] = {}  # by session and work
        self._logged: set[tuple[str, str]] = set()  # session, fault

    def attempt(self, session: Session, doing: str, work: Callable[[], T], otherwise: T) -> T:
        """Return `work()`, or `otherwise` when it raises. `doing` says what is tried, as in "reading its files"."""
        key = session.session_id, doing
        try:
            result = work()
        except Exception as error:  # whatever it is, the other sessions go on
            self._add(key, session, error)
            return otherwise
        if self._faults:
            self._faults.pop(key, None)
        return result

    def without_faulty(
        self,
        doing: str,
        items: Sequence[Item],
        session_of: Callable[[Item], Session],
        work: Callable[[Sequence[Item]], T],
    ) -> T:
        """Return `work(items)`, without the items for which it raises."""
        try:
            result = work(items)
        except Exception:  # reported below, for the session that causes it
            sound = [item for item in items if self._is_sound(doing, item, session_of(item), work)]
            return work(sound)
        self.clear(doing)
        return result

    def _is_sound(self, doing: str, item: Item, session: Session, work: Callable[[Sequence[Item]], object]) -> bool:
        def succeed() -> bool:
            work((item,))
            return True

        return self.attempt(session, doing, succeed, otherwise=False)

    def _add(self, key: tuple[str, str], session: Session, error: Exception) -> None:
        name = f"{session.project or 'session'} ({session.session_id[:8]})"
        fault = SessionStatusError(f"{name}: {key[1]} failed: {type(error).__name__}: {error}", NEXT_STEP)
        self._faults[key] = fault
        if not self._logs or (session.session_id, fault.title) in self._logged:
            return
        self._logged.add((session.session_id, fault.title))
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = f"{os.path.basename(place.tb_frame.f_code.co_filename)}:{place.tb_lineno}" if place else "?"
        # One line, since a hook's log is Claude Code's standard error.
        log.error("%s (%s)", fault.title, where)

    def clear(self, doing: str) -> None:
        """Drop the faults of this work."""
        if self._faults:
            self._faults = {key: fault for key, fault in self._faults.items() if key[1] != doing}

    def keep(self, session_ids: Container[str]) -> None:
        """Drop the faults of all other sessions."""
        if self._logged:
            self._faults = {key: fault for key, fault in self._faults.items() if key[0] in session_ids}
            self._logged = {entry for entry in self._logged if entry[0] in session_ids}

    @property
    def problem(self) -> SessionStatusError | None:
        """The first fault, as a problem to show."""
        return next(iter(self._faults.values()), None)
