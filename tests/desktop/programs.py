"""Programs that a test starts by an argument list, with a log for each, and ends by their process ids."""

import contextlib
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

END_SECONDS = 5.0


class RecordingTerminal:
    """A terminal emulator that shows nothing: it records its arguments, and perhaps what `also` prints."""

    def __init__(self, folder: Path, also: str = "true") -> None:
        self.program, self._record = folder / "terminal", folder / "terminal-arguments"
        self.program.write_text(
            f'#!/bin/sh\n(echo "$@"; {also}) >{self._record}.new\nmv {self._record}.new {self._record}\n'
        )
        self.program.chmod(0o755)

    def arguments(self) -> str | None:
        """What it was started with; None before it was started."""
        return self._record.read_text() if self._record.exists() else None


class Program:
    """A program that was started, and its log."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], log: Path, **options: Any) -> None:
        self.argv = list(argv)
        self.log = log
        with log.open("ab") as stream:
            self.process = subprocess.Popen(
                self.argv,
                env=dict(env),
                stdin=options.pop("stdin", subprocess.DEVNULL),
                stdout=options.pop("stdout", stream),
                stderr=stream,
                **options,
            )

    @property
    def text(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def alive(self) -> bool:
        return self.process.poll() is None

    def end(self, number: int = signal.SIGTERM, seconds: float = END_SECONDS) -> int:
        """Send the signal, wait, and return the exit code; killed when that takes too long."""
        if self.alive():
            self.process.send_signal(number)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        return self.process.returncode
