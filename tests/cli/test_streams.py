"""What is printed arrives, whatever stdout is: a console, a pipe in Windows' old code page, or nothing at all."""

import io
import sys

import pytest

from claude_session_status.cli.streams import prepare_streams

SAID = "● ▶ ○ × █ Müller"


class Stream(io.TextIOWrapper):
    """A stream to a pipe or, where asked for, to a terminal."""

    def __init__(self, encoding: str, *, terminal: bool = False) -> None:
        self.bytes = io.BytesIO()
        self._terminal = terminal
        super().__init__(self.bytes, encoding=encoding, newline="")

    def isatty(self) -> bool:
        return self._terminal


@pytest.mark.parametrize(
    ("encoding", "terminal", "forced", "expected"),
    [
        ("utf-8", False, False, SAID.encode()),
        ("cp1252", False, False, SAID.encode()),  # a pipe on Windows: JSON is UTF-8 everywhere
        ("ascii", False, False, SAID.encode()),
        ("ascii", True, False, b"* > o x # M?ller"),
        ("latin-1", True, False, "* > o × # Müller".encode("latin-1")),  # a terminal shows what it can
        ("cp1252", False, True, "* > o × # Müller".encode("cp1252")),  # PYTHONIOENCODING: somebody wants it so
    ],
)
def test_a_stream_takes_all_that_is_printed(
    encoding: str, terminal: bool, forced: bool, expected: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Stream(encoding, terminal=terminal)
    monkeypatch.setattr(sys, "stdout", stream)
    prepare_streams({"PYTHONIOENCODING": "x"} if forced else {})
    print(SAID, end="", flush=True)
    assert stream.bytes.getvalue() == expected


def test_without_streams_nothing_is_said_and_nothing_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows starts pythonw.exe, and so a tray at login, without any."""
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    prepare_streams({})
    print(SAID)
    assert not sys.stdout.isatty()
    sys.stdout.close()
    sys.stderr.close()
