"""What the tray shows of the history: a child's line, taken when the child has ended."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from claude_session_status.cli.cold_returns import EVERY_SECONDS, FIRST_SECONDS, MOST_SECONDS, UNKNOWN, ColdReturns


class Child:
    """A child process that ends when the test says so."""

    def __init__(self) -> None:
        self.returncode: int | None = None
        self.output = b""
        self.killed = False

    def end(self, output: object, code: int = 0) -> None:
        self.returncode = code
        self.output = output if isinstance(output, bytes) else json.dumps(output).encode()

    def poll(self) -> int | None:
        return self.returncode

    def communicate(self) -> tuple[bytes, None]:
        return self.output, None

    def kill(self) -> None:
        self.killed = True
        self.end(b"", -9)


class Story:
    """A tray's hour in virtual time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.children: list[Child] = []
        self.error: OSError | None = None
        self.returns = ColdReturns(("program", "history"), lambda: self.now, self._start)

    def _start(self, command: Sequence[str]) -> Any:
        assert command == ("program", "history")
        if self.error is not None:
            raise self.error
        self.children.append(Child())
        return self.children[-1]

    def after(self, seconds: float) -> tuple[str, str]:
        self.now += seconds
        return self.returns.week(), self.returns.today()


def test_the_first_child_starts_after_a_while_and_its_line_is_shown() -> None:
    story = Story()
    assert story.after(FIRST_SECONDS - 1) == (UNKNOWN, "")
    assert story.children == []
    story.after(1)
    assert story.after(5) == (UNKNOWN, "")
    story.children[0].end({"week": "2 cold returns, about $1.15", "today": ""})

    assert story.after(5) == ("This week: 2 cold returns, about $1.15", "")
    assert len(story.children) == 1


def test_another_child_starts_each_hour_and_the_old_line_stays_meanwhile() -> None:
    story = Story()
    story.after(FIRST_SECONDS)
    story.children[0].end({"week": "1 cold return", "today": "1 cold return"})
    story.after(5)
    assert story.after(EVERY_SECONDS) == ("This week: 1 cold return", "1 cold return")

    assert len(story.children) == 2


@pytest.mark.parametrize("output", [b"", b"no json", b"[]", b"7", b'{"week": 3, "today": null}'])
def test_a_child_that_prints_nothing_useful_changes_nothing(output: bytes) -> None:
    story = Story()
    story.after(FIRST_SECONDS)
    story.children[0].end(output, 1)

    assert story.after(5) == (UNKNOWN, "")


def test_a_child_that_hangs_is_killed() -> None:
    story = Story()
    story.after(FIRST_SECONDS)
    story.after(MOST_SECONDS + 1)

    assert story.children[0].killed


def test_a_program_that_cannot_be_started_is_tried_again_an_hour_later() -> None:
    story = Story()
    story.error = FileNotFoundError("gone")
    assert story.after(FIRST_SECONDS) == (UNKNOWN, "")
    story.error = None
    story.after(EVERY_SECONDS - 1)
    assert story.children == []
    story.after(1)

    assert len(story.children) == 1


@pytest.mark.parametrize(
    ("printed", "shares"),
    [([0.6, 0.95], (0.6, 0.95)), (None, None), ([0.9, 0.2], None), (["a", 1], None), ([0.5, 7], None), ([1], None)],
)
def test_shares_that_make_no_sense_are_none(printed: object, shares: tuple[float, float] | None) -> None:
    story = Story()
    story.after(FIRST_SECONDS)
    story.children[0].end({"rebuilt": printed})
    story.after(5)

    assert story.returns.rebuilt() == shares
