"""A hook call: reads what Claude Code says on stdin, keeps the few fields that matter, leaves a note, and returns.

It is silent and exits with 0 whatever happens: a hook's stdout goes into the model's context, and exit code 2 blocks
the user. What went wrong is one line on stderr. No part of a prompt or a response is ever kept.

While a monitor runs the hook wakes it and is done. Otherwise it starts a detached ingester (background.py), and the row
is in the database within a second; the hook waits for neither. It imports nothing beyond `os`, `sys`, `time` and the C
part of json: json itself, dataclasses, enum or pathlib would each cost more than all of its work.
"""

from __future__ import annotations

import os
import time

from claude_session_status import paths
from claude_session_status.claude.hook_table import is_ignored, kind_of
from claude_session_status.claude.payload import (
    PayloadError,
    complain,
    encode,
    parse,
    project_folder,
    read_input,
    reason,
    text_of,
    worktree_project,
)
from claude_session_status.claude.pids import process_of, ssh_client_port
from claude_session_status.heartbeat import monitor_runs, wake_monitor
from claude_session_status.spool import Spool

TYPE_CHECKING = False  # importing typing would cost a hook more than its own work
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def main(command: str) -> int:
    """Handle one hook call. Always returns 0."""
    at = round(time.time(), 6)  # what the table can hold
    try:
        _run(command, at)
    except PayloadError as error:
        complain(f"{command}: {error}")
    except KeyboardInterrupt:
        pass  # the client is ending; a note that is written stays
    except Exception as error:
        complain(f"{command}: {reason(error)}")
    return 0


def _run(command: str, at: float) -> None:
    note = note_of(parse(read_input()), command, at, os.environ)
    if note is None:
        return
    where = paths.from_environment()
    try:
        Spool(where.spool).write(encode(note), at)
    except OSError as error:
        raise PayloadError(f"can't write to {where.spool}: {error.strerror}; the event is not recorded") from error
    if monitor_runs(where.monitor_alive, at):
        wake_monitor(where.wake)
        return
    from claude_session_status.claude import background  # noqa: PLC0415 - needed only without a monitor

    try:
        background.start(where)
    except OSError as error:
        raise PayloadError(f"no ingester can be started: {error.strerror}; the event waits in {where.spool}") from error


def note_of(data: Mapping[str, Any], command: str, at: float, environment: Mapping[str, str]) -> dict[str, Any] | None:
    """The note for a hook's input, as a flat object; None for an event that does not concern the session itself.

    `at`: epoch seconds. Takes the field names of Claude Code and the other spellings that the first versions of this
    program took. Raises PayloadError when no session is named.
    """
    if is_ignored(data):
        return None
    session_id = text_of(data, "session_id", "sessionId", "id")
    if not session_id:
        raise PayloadError("no session_id in the JSON on standard input")
    cwd = text_of(data, "cwd")
    kind, folder = kind_of(command, data), project_folder(environment, cwd)
    started_in = folder or (cwd if kind == "start" else None)
    note = {
        "kind": kind,
        "session_id": session_id,
        "at": at,
        "cwd": cwd,
        "project_folder": folder,
        "project": text_of(data, "project", "project_name", "projectName") or worktree_project(started_in),
        "title": text_of(data, "session_title", "session_name", "title"),
        "transcript_path": text_of(data, "transcript_path"),
        "model": text_of(data, "model"),
        "source": text_of(data, "source"),
        "entrypoint": text_of(environment, "CLAUDE_CODE_ENTRYPOINT"),
        "ssh_client_port": ssh_client_port(environment),
        **process_of(environment),
    }
    return {key: value for key, value in note.items() if value is not None}
