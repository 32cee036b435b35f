"""`status --follow`: writes a line for a bar whenever it changes, and ends with the bar."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest

from claude_session_status import report
from claude_session_status.cli.follow import REPEAT_SECONDS, Follower
from claude_session_status.paths import Paths
from claude_session_status.spool import Spool
from fakes import NOW
from ingester import wait_until_applied
from rows import make, shot

COMMAND = [sys.executable, "-m", "claude_session_status"]


@pytest.mark.parametrize(
    ("waits", "written"),
    [
        pytest.param([], 1, id="the first line at once"),
        pytest.param([1] * 5, 1, id="an unchanged line once"),
        pytest.param([REPEAT_SECONDS], 2, id="again after a while, to find out whether the reader has left"),
        pytest.param([1] * 25, 3, id="each time counted from the last write"),
        pytest.param([-3600], 2, id="also when the clock was set back"),
    ],
)
def test_an_unchanged_line_is_repeated_after_a_while(waits: list[float], written: int) -> None:
    lines: list[str] = []
    follower = Follower(report.short, lines.append)
    nothing = shot()
    follower(nothing)
    for seconds in waits:
        nothing = replace(nothing, now=nothing.now + seconds)
        follower(nothing)
    assert lines == ["no warm cache"] * written


def test_a_changed_line_is_written_at_once() -> None:
    lines: list[str] = []
    follower = Follower(report.short, lines.append)
    for age in (10, 11, 11, 12):
        follower(shot(make("a", age)))
    assert lines == ["1 warm, next 4:50 a", "1 warm, next 4:49 a", "1 warm, next 4:48 a"]


@contextmanager
def following(form: str) -> Iterator["subprocess.Popen[str]"]:
    argv = [*COMMAND, "status", form, "--follow"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def mark_turn(project: str) -> None:
    data = json.dumps({"session_id": project, "cwd": f"/home/me/{project}"})
    subprocess.run([*COMMAND, "mark-turn"], input=data, text=True, check=True)


def next_line(process: "subprocess.Popen[str]") -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM; start these tests under Linux or macOS")
def test_it_shows_a_turn_and_counts_down_until_it_is_ended(where: Paths) -> None:
    with following("--waybar") as process:
        assert next_line(process)["text"] == ""
        mark_turn("my-app")
        while not (news := next_line(process))["text"]:
            pass
        assert news["text"].startswith("1 warm, next 4:")
        assert next_line(process)["text"] != news["text"]

        assert Spool(where.spool).names() == []
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")
    with pytest.raises(FileNotFoundError):
        open(where.monitor_alive).close()  # else hooks would leave their notes to a monitor that has ended


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM; start these tests under Linux or macOS")
def test_a_signal_ends_it_although_its_reader_reads_nothing(where: Paths) -> None:
    mark_turn("my-app")
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 1024)
    os.set_blocking(writer, True)
    with subprocess.Popen(
        [*COMMAND, "status", "--short", "--follow"], stdout=writer, stderr=subprocess.PIPE
    ) as process:
        os.close(writer)
        while not os.path.exists(where.monitor_alive) and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    os.close(reader)
    assert (process.returncode, errors) == (0, b"")


def test_it_ends_when_its_reader_has_left(where: Paths) -> None:
    mark_turn("my-app")
    wait_until_applied(where)
    with following("--short") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("1 warm, next ")
        process.stdout.close()
        _, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")


def test_follow_is_refused_for_a_table() -> None:
    done = subprocess.run([*COMMAND, "status", "--follow"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--follow needs --short, --waybar or --json" in done.stderr


def test_json_is_written_at_each_change_and_after_ten_seconds_not_each_second() -> None:
    lines: list[str] = []
    follower = Follower(
        lambda each: json.dumps(report.as_json(each)), lines.append, lambda each: report.lasting(report.as_json(each))
    )
    session = make("a", 10)
    for age in range(12):
        follower(replace(shot(session), now=NOW + age))
    follower(replace(shot(replace(session, title="new")), now=NOW + 12))
    assert [json.loads(line)["now"][-7:-1] for line in lines] == ["00.000", "10.000", "12.000"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes; start these tests under Linux or macOS")
def test_following_as_json_ends_with_the_pipe_that_is_its_input(where: Paths) -> None:
    argv = [*COMMAND, "status", "--json", "--follow", "--all"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert next_line(process)["sessions"] == []
        process.stdin.close()
        assert process.wait() == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes; start these tests under Linux or macOS")
def test_following_as_json_shows_a_session_until_it_has_ended_and_while_it_just_has(where: Paths) -> None:
    mark_turn("my-app")
    argv = [*COMMAND, "status", "--json", "--follow", "--all"]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        while not (found := next_line(process)["sessions"]):
            pass
        assert (found[0]["project"], found[0]["activity"], found[0]["ended_at"]) == ("my-app", "idle", None)
        data = json.dumps({"session_id": "my-app", "cwd": "/home/me/my-app"})
        subprocess.run([*COMMAND, "mark-end"], input=data, text=True, check=True)
        while (found := next_line(process)["sessions"])[0]["activity"] != "ended":
            pass
        assert found[0]["ended_at"] is not None
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait() == 0
