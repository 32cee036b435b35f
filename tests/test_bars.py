"""The one line for tmux and Polybar, and the JSON for Waybar, as data."""

from typing import Any

import pytest

from claude_session_status import report
from claude_session_status.model import Session
from fakes import NOW
from rows import ENDED, make, shot

LEFT_41 = make("my-app", 259)
WAITING: dict[str, Any] = {"last_event_at": NOW, "waiting_at": NOW}


@pytest.mark.parametrize(
    ("sessions", "line"),
    [
        ([], "no warm cache"),
        ([make("old", 900)], "no warm cache"),
        ([make("gone", 10, **ENDED)], "no warm cache"),
        ([LEFT_41], "1 warm, next 0:41 my-app"),
        ([LEFT_41, make("b", 10), make("old", 900)], "2 warm, next 0:41 my-app"),
        ([make("hour", 470, 3600)], "1 warm, next 52:10 hour"),
        ([make("hour", 0, 3600)], "1 warm, next 60:00 hour"),
        ([make("a-name-that-no-bar-has-the-room-for", 0)], "1 warm, next 5:00 a-name-that-…he-room-for"),
        ([make("two\nlines\x1b[31m", 0)], "1 warm, next 5:00 two lines [31m"),
    ],
)
def test_the_line_for_a_bar(sessions: list[Session], line: str) -> None:
    assert report.short(shot(*sessions)) == line


@pytest.mark.parametrize("name", ["%{A1:reboot:}x", "#[bg=red]x", "#(reboot)", "#{pane_id}", "%%{A}", "##[x"])
def test_a_folders_name_can_not_run_a_bars_commands(name: str) -> None:
    """Polybar runs a command on a click for %{A1:command:}, tmux has its own for #[...]."""
    line = report.short(shot(make(name, 0)))
    assert not any(command in line for command in ("%{", "#[", "#(", "#{"))


def test_harmless_characters_in_names_stay() -> None:
    assert report.short(shot(make("c#-100%", 0))) == "1 warm, next 5:00 c#-100%"


@pytest.mark.parametrize(
    ("sessions", "classes"),
    [
        ([], ["none"]),
        ([make("a", 900)], ["none"]),
        ([make("a", 10)], ["calm"]),
        ([make("a", 200)], ["soon"]),
        ([make("a", 280), make("b", 10)], ["last"]),
        ([make("a", 10, **WAITING)], ["calm", "waiting"]),
        ([make("a", 900, **WAITING)], ["none", "waiting"]),
    ],
)
def test_waybars_class_belongs_to_the_session_that_expires_soonest(sessions: list[Session], classes: list[str]) -> None:
    assert report.waybar(shot(*sessions))["class"] == classes


def test_waybar_hides_the_module_while_no_session_runs() -> None:
    assert report.waybar(shot())["text"] == ""
    assert report.waybar(shot(make("gone", 10, **ENDED)))["text"] == ""
    assert report.waybar(shot(make("old", 900)))["text"] == "no warm cache"


def test_waybars_tooltip_has_every_waiting_session_and_counts_the_hidden_ones() -> None:
    many = [make(f"s{n:02}", n, **(WAITING if n < 15 else {})) for n in range(20)]
    lines = report.waybar(shot(*many))["tooltip"].splitlines()
    assert [line.split()[2] for line in lines if "?" in line] == [f"s{n:02}" for n in reversed(range(15))]
    assert lines[15:] == ["and 5 more"]


def test_waybars_tooltip_lists_the_sessions_and_escapes_markup() -> None:
    module = report.waybar(shot(make("<b>a & b</b>", 259, title="Fix 'it'"), make("c", 10)))
    assert module["text"] == "2 warm, next 0:41 &lt;b&gt;a &amp; b&lt;/b&gt;"
    assert module["tooltip"] == "\u20070:41 ● &lt;b&gt;a &amp; b&lt;/b&gt; · Fix 'it'\n\u20074:50 ● c"
