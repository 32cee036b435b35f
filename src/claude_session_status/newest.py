"""The newer of two facts wins, so that the order of events does not matter."""

import math
from typing import Any

from claude_session_status.model import Session, folder_name
from claude_session_status.values import replace

BEHIND_HOOKS_SECONDS = 1e12  # a discovered value yields to any hook's, however old the hook's is


def latest_of(a: float | None, b: float | None) -> float | None:
    """The later of two times; None where neither is known."""
    if a is None or b is None:
        return b if a is None else a
    return max(a, b)


def earliest_of(a: float | None, b: float | None) -> float | None:
    """The earlier of two times; None where neither is known."""
    if a is None or b is None:
        return b if a is None else a
    return min(a, b)


def newer_fact(one: tuple[float | None, int | None], other: tuple[float | None, int | None]) -> tuple[Any, Any]:
    """The later of two times with its tokens; of one time the larger count, so that the order does not matter."""
    return max(one, other, key=lambda fact: tuple(-math.inf if value is None else value for value in fact))


def set_newer(session: Session, values: dict[str, Any], at: float) -> Session:
    """Set the fields whose current value is older than `at`; of two values of one moment the greater wins."""
    stamps = dict(session.stamps)
    taken = {}
    for name, value in values.items():
        if (at, str(value)) > (stamps.get(name, -math.inf), str(getattr(session, name))):
            taken[name] = value
            stamps[name] = at
    return replace(session, **taken, stamps=tuple(sorted(stamps.items()))) if taken else session


def name_project(session: Session) -> Session:
    """The session with the name of its project: the newest of a name given by an event and the project folder's."""
    stamps = dict(session.stamps)
    if "project" in stamps and stamps["project"] >= stamps.get("project_folder", -math.inf):
        return session
    name = folder_name(session.folder) or session.project
    return session if name == session.project else replace(session, project=name)
