"""Everything printed arrives and steers no terminal, be stdout a console, a pipe in an old code page, or nothing."""

import io
import json
import logging
import sys

import pytest

from claude_session_status.cli.streams import echo, echo_json, prepare_streams
from claude_session_status.warnings_on_stderr import print_warnings

TEXT = "● ▶ ○ × █ Müller"


class Stream(io.TextIOWrapper):
    """A stream to a pipe, or to a terminal."""

    def __init__(self, encoding: str, *, terminal: bool = False) -> None:
        self.bytes = io.BytesIO()
        self._terminal = terminal
        super().__init__(self.bytes, encoding=encoding, newline="")

    def isatty(self) -> bool:
        return self._terminal


@pytest.mark.parametrize(
    ("encoding", "terminal", "forced", "expected"),
    [
        ("utf-8", False, False, TEXT.encode()),
        ("cp1252", False, False, TEXT.encode()),  # a pipe on Windows: JSON is UTF-8 everywhere
        ("ascii", False, False, TEXT.encode()),
        ("ascii", True, False, b"* > o x # M?ller"),
        ("latin-1", True, False, "* > o × # Müller".encode("latin-1")),  # a terminal shows what it can
        ("cp1252", False, True, "* > o × # Müller".encode("cp1252")),  # PYTHONIOENCODING: the user chose it
    ],
)
def test_a_stream_accepts_every_text(
    encoding: str, terminal: bool, forced: bool, expected: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Stream(encoding, terminal=terminal)
    monkeypatch.setattr(sys, "stdout", stream)
    prepare_streams({"PYTHONIOENCODING": "x"} if forced else {})
    print(TEXT, end="", flush=True)
    assert stream.bytes.getvalue() == expected


def test_without_streams_printing_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows starts pythonw.exe, and so a tray at login, without them."""
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    prepare_streams({})
    print(TEXT)
    assert not sys.stdout.isatty()
    sys.stdout.close()
    sys.stderr.close()


def redirected(monkeypatch: pytest.MonkeyPatch) -> io.BytesIO:
    """Return what is printed to stdout and stderr from now on, in UTF-8."""
    stream = Stream("utf-8")
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(logging, "lastResort", logging.lastResort)  # put back afterwards
    prepare_streams({})
    return stream.bytes


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("two\nlines\tand a tab", b"two\nlines\tand a tab\n"),
        ("\x1b]0;title\x07\r\x7f\x00", b" ]0;title    \n"),
        ("\x9b31m\x85", b" 31m \n"),
        ("\u202eright\u2066 to left\u200f", b" right  to left \n"),
        ("\u2028\ud800", b"  \n"),
        ("/home/caf\udce9", b"/home/caf\xe9\n"),  # a file name that is not UTF-8 can be copied
        ("\udc9b31m", b" 31m\n"),  # but not where its byte is a control character
    ],
)
def test_what_could_steer_a_terminal_is_not_printed(text: str, printed: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = redirected(monkeypatch)
    echo(text)
    assert stdout.getvalue() == printed


def test_json_is_readable_and_escapes_what_could_steer_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = redirected(monkeypatch)
    value = {"name": "Müller \u202e\x9b\x1b\udce9\U000e0001"}
    echo_json(value)
    printed = stdout.getvalue().decode()
    assert json.loads(printed) == value
    assert "Müller" in printed
    assert printed.replace("\n", "").isprintable()


def test_json_of_long_lists_has_a_line_for_each_object(monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = redirected(monkeypatch)
    value = {
        "schema": 1,
        "misses": [{"cause": 'a "b", c\x1f}\n{', "usd": None}, {"cause": "é", "usd": 0.5}],
        "by": {"day": [], "model": [{"name": None}], "low": [0.5, 1]},
        "none": {},
    }
    echo_json(value, in_lines=True)
    printed = stdout.getvalue().decode()
    assert json.loads(printed) == value
    assert printed.splitlines()[2:5] == [
        '  "misses": [',
        '    {"cause": "a \\"b\\", c\\u001f}\\n{", "usd": null},',
        '    {"cause": "é", "usd": 0.5}',
    ]


def test_a_warning_without_a_log_is_cleaned_too(monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = redirected(monkeypatch)
    monkeypatch.setattr(logging, "lastResort", None)  # and as it was at the end
    print_warnings()
    assert logging.lastResort is not None
    logging.lastResort.handle(logging.makeLogRecord({"msg": "no price for \x1b[31m", "levelno": logging.WARNING}))
    assert stdout.getvalue() == b"no price for  [31m\n"
