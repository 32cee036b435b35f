"""An unexpected error is in the tray's log: a tray that started at login has no visible standard error."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from claude_session_status.cli import tray
from claude_session_status.desktop import tray as desktop_tray


def log_of(monkeypatch: pytest.MonkeyPatch, folder: Path, run_tray: Callable[..., Any]) -> str:
    """Run the tray with this in place of the icon; return its log."""
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(folder))
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)  # put back afterwards
    monkeypatch.setattr(desktop_tray, "run_tray", run_tray)
    root = logging.getLogger()
    others, root.handlers = root.handlers, []  # the tests' own
    try:
        tray.run()
    finally:
        ours, root.handlers = root.handlers, others
        for handler in ours:
            handler.close()
    return (folder / "claude-session-status/log/tray.log").read_text("utf-8")


def test_an_unexpected_error_of_the_tray_is_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise IndexError("tuple index out of range")

    with pytest.raises(IndexError):
        log_of(monkeypatch, tmp_path, broken)
    log = (tmp_path / "claude-session-status/log/tray.log").read_text("utf-8")
    assert "Traceback" in log
    assert "IndexError: tuple index out of range" in log


def test_an_unexpected_error_of_a_thread_is_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise IndexError("in a thread")

    def break_a_thread(*_: Any, **__: Any) -> desktop_tray.TrayResult:
        thread = threading.Thread(target=broken)
        thread.start()
        thread.join()
        return desktop_tray.TrayResult(desktop_tray.TrayOutcome.ENDED)

    assert "IndexError: in a thread" in log_of(monkeypatch, tmp_path, break_a_thread)
