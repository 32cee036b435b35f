"""What each action does, and the message it shows."""

import time
from pathlib import Path

import pytest

from claude_session_status import menu_items
from claude_session_status.cli import board
from claude_session_status.cli.session_actions import SystemActionHandler, performer
from claude_session_status.errors import SessionStatusError
from claude_session_status.keep_warm_times import Choice
from claude_session_status.model import EventKind, Session
from costs.conversations import Ask, write


class Recorder:
    """A monitor, a file manager and a clipboard that record their calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def submit(self, kind: EventKind, session_id: str) -> None:
        self.calls.append((kind, session_id))

    def keep_warm(self, session_id: str, choice: Choice, *, consents: bool = False) -> tuple[str, ...]:
        self.calls.append((choice, session_id, consents))
        return ("my-app is kept warm until 14:05.", "Once.")

    def go_to_session(self, session: Session) -> str:
        self.calls.append(("go", session.session_id))
        return "my-app is in front"

    def open_folder(self, folder: str) -> None:
        self.calls.append(("open", folder))

    def history(self) -> str:
        self.calls.append(("history",))
        return "This week: 2 cold returns"

    def copy_resume_command(self, folder: str | None, session_id: str, host: str | None = None) -> str:
        self.calls.append(("copy", folder, session_id, *filter(None, [host])))
        return "Copied"


@pytest.mark.parametrize(
    ("action", "call", "message"),
    [
        (board.SetMuted("s", "my-app", muted=True), (EventKind.MUTE, "s"), "my-app is muted"),
        (board.SetMuted("s", "my-app", muted=False), (EventKind.UNMUTE, "s"), "my-app is unmuted"),
        (
            menu_items.KeepSessionWarm("s", Choice.HOUR, True),
            (Choice.HOUR, "s", True),
            "my-app is kept warm until 14:05. Once.",
        ),
        (board.GoToSession(Session("s")), ("go", "s"), "my-app is in front"),
        (board.OpenFolder("my-app", "/x/my-app"), ("open", "/x/my-app"), "Opened /x/my-app"),
        (menu_items.ShowHistory(), ("history",), "This week: 2 cold returns"),
        (board.CopyResumeCommand("s", "/x/my-app"), ("copy", "/x/my-app", "s"), "Copied"),
        (board.CopyResumeCommand("s", "/x/my-app", "build"), ("copy", "/x/my-app", "s", "build"), "Copied"),
    ],
)
def test_each_action_is_performed_and_returns_a_message(
    action: board.Action, call: tuple[object, ...], message: str
) -> None:
    recorder = Recorder()
    assert performer(recorder, recorder)(action) == message
    assert recorder.calls == [call]


def test_a_folder_on_another_machine_is_not_opened_here() -> None:
    recorder = Recorder()
    with pytest.raises(SessionStatusError, match="The folder of build: my-app is on another machine"):
        performer(recorder, recorder)(board.OpenFolder("build: my-app", "/srv/my-app", "build"))
    assert recorder.calls == []


def test_a_host_that_is_no_longer_in_the_settings_is_an_error() -> None:
    with pytest.raises(SessionStatusError, match=r"build is not among the hosts of config\.toml"):
        SystemActionHandler().copy_resume_command("/srv/my-app", "s", "build")


def test_an_unknown_folder_is_an_error_that_names_the_session() -> None:
    recorder = Recorder()
    with pytest.raises(SessionStatusError, match="The folder of my-app is not known"):
        performer(recorder, recorder)(board.OpenFolder("my-app", None))
    assert recorder.calls == []


@pytest.fixture
def clipboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An X clipboard: a program that writes what it reads into a file."""
    kept, tools = tmp_path / "kept", tmp_path / "tools"
    tools.mkdir()
    (tools / "xclip").write_text(f'#!/bin/sh\n/bin/cat >"{kept}"\n')
    (tools / "xclip").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setenv("DISPLAY", ":made-up")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    return kept


def test_the_resume_command_is_copied_into_the_clipboard(clipboard: Path) -> None:
    message = SystemActionHandler().copy_resume_command("/x/my app", "s")
    assert clipboard.read_text() == "cd -- '/x/my app' && claude --resume s"
    assert message == "Copied: cd -- '/x/my app' && claude --resume s"


def test_without_a_clipboard_the_command_is_shown_and_kept(clipboard: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As over ssh: the user can copy it off the screen."""
    monkeypatch.delenv("DISPLAY")
    handler = SystemActionHandler()
    command = "cd -- /x/a && claude --resume s"
    assert handler.copy_resume_command("/x/a", "s").endswith(f"the command is printed when you quit: {command}")
    assert handler.uncopied == command
    assert not clipboard.exists()


def test_the_history_is_read_by_a_child(claude_dir: Path) -> None:
    write(
        claude_dir / "projects" / "-p" / "a.jsonl",
        [Ask(0, wrote_5m=100_000), Ask(900, wrote_5m=101_000)],
        start=time.time() - 3_600,
    )

    message = SystemActionHandler().history()

    assert message == "This week: 1 cold return, about $0.57. For more, run: claude-session-status history"
