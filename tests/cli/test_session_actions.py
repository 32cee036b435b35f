"""What is done when a key asks for it, and what is said of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from claude_session_status.cli.board import Wish
from claude_session_status.cli.session_actions import SystemHands, fulfiller
from claude_session_status.errors import SessionStatusError
from claude_session_status.model import EventKind, SessionState
from rows import make, shot


class Recorder:
    """A monitor, a file manager and a clipboard that note what they were asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []

    def submit(self, kind: EventKind, session_id: str) -> None:
        self.asked.append((kind, session_id))

    def open_folder(self, folder: str) -> None:
        self.asked.append(("open", folder))

    def copy_resume_command(self, folder: str | None, session_id: str) -> str:
        self.asked.append(("copy", folder, session_id))
        return "Copied"


def state(**fields: object) -> SessionState:
    session = replace(make("s", 10), **{"project": "my-app", "cwd": "/x/my-app", **fields})  # type: ignore[arg-type]
    return shot(session).sessions[0]


@pytest.mark.parametrize(
    ("wish", "on", "asked", "said"),
    [
        (Wish.MUTE, state(), (EventKind.MUTE, "s"), "my-app is muted"),
        (Wish.MUTE, state(muted=True), (EventKind.UNMUTE, "s"), "my-app may notify again"),
        (Wish.OPEN, state(), ("open", "/x/my-app"), "Opened /x/my-app"),
        (Wish.COPY, state(), ("copy", "/x/my-app", "s"), "Copied"),
    ],
)
def test_wishes(wish: Wish, on: SessionState, asked: tuple[object, ...], said: str) -> None:
    recorder = Recorder()
    assert fulfiller(recorder, recorder)(wish, on) == said
    assert recorder.asked == [asked]


def test_a_folder_that_nobody_knows() -> None:
    recorder = Recorder()
    with pytest.raises(SessionStatusError, match="The folder of my-app is not known"):
        fulfiller(recorder, recorder)(Wish.OPEN, state(cwd=None))
    assert recorder.asked == []


@pytest.fixture
def clipboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clipboard of X's: a program that keeps what it is given in a file."""
    kept, tools = tmp_path / "kept", tmp_path / "tools"
    tools.mkdir()
    (tools / "xclip").write_text(f'#!/bin/sh\n/bin/cat >"{kept}"\n')
    (tools / "xclip").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setenv("DISPLAY", ":made-up")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    return kept


def test_the_command_gets_into_the_clipboard(clipboard: Path) -> None:
    said = SystemHands().copy_resume_command("/x/my app", "s")
    assert clipboard.read_text() == "cd -- '/x/my app' && claude --resume s"
    assert said == "In the clipboard: cd -- '/x/my app' && claude --resume s"


def test_without_a_clipboard_the_command_is_shown(clipboard: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As over ssh: it can be copied off the screen."""
    monkeypatch.delenv("DISPLAY")
    hands = SystemHands()
    command = "cd -- /x/a && claude --resume s"
    assert hands.copy_resume_command("/x/a", "s").endswith(f"printed when you quit, to be copied. {command}")
    assert hands.uncopied == command
    assert not clipboard.exists()
