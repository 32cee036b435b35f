"""Runs Windows programs without Windows: starts a Wine of its own, and ends it.

Each `Wine` has its own prefix (C: drive and registry) and server; nothing is shared with the user's Wine, and ending it
ends everything that it started. Wine is not Windows: what passes here is probably right there; what fails here needs a
look.
"""

import contextlib
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

CACHE = Path(__file__).resolve().parent / ".wine"
PREPARED = CACHE / "prepared"
INSIDE = Path("drive_c/Program Files/Python313")  # with a space, as Windows has it
FROM_WHEEL = INSIDE / "Lib/from-wheel"
LOADER = Path("/usr/lib/wine/wine64")  # not the `wine` wrapper, which does not end its child
SERVER = Path("/usr/lib/wine/wineserver64")

PROGRAMS = {"Xvfb": "xvfb", "openbox": "openbox", "trayer": "trayer", "xdotool": "xdotool"}
PREPARE = "python tests/windows/prepare.py"
PATIENCE = 60.0  # seconds; generous, since nothing waits for it but a failure
PREPARING_PATIENCE = 600.0  # pip compiles all that it installs, beside whatever else runs then


def missing() -> str | None:
    """Which programs are missing, and what installs them; None when all are there."""
    packages = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if not (LOADER.exists() and SERVER.exists()):
        packages.append("wine64")
    if not packages:
        return None
    return f"missing: {', '.join(packages)}; install: sudo apt-get install -y {' '.join(packages)}"


@dataclass(frozen=True)
class Done:
    """A program's output and exit code."""

    code: int
    out: bytes
    err: bytes
    seconds: float

    @property
    def text(self) -> str:
        return self.out.decode("utf-8").replace("\r\n", "\n")

    @property
    def complaint(self) -> str:
        return self.err.decode("utf-8", "replace").replace("\r\n", "\n")


class Running:
    """A running program. Its streams are pipes: under Wine, Windows' Python accepts nothing else."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
        self._process = subprocess.Popen(
            list(argv), env=dict(env), cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._parts: dict[str, list[bytes]] = {"out": [], "err": []}
        self._readers = [
            threading.Thread(target=self._read, args=(name, stream), daemon=True)
            for name, stream in (("out", self._process.stdout), ("err", self._process.stderr))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, name: str, stream: IO[bytes] | None) -> None:
        assert stream is not None
        while part := os.read(stream.fileno(), 65536):
            self._parts[name].append(part)

    @property
    def text(self) -> str:
        """What it has printed so far, on both streams."""
        return b"".join(self._parts["out"] + self._parts["err"]).decode("utf-8", "replace").replace("\r\n", "\n")

    def alive(self) -> bool:
        return self._process.poll() is None

    def write(self, data: bytes, *, last: bool = False) -> None:
        """Write to its standard input, and close that when it was the last."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(data)
            self._process.stdin.flush()
        if last:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()

    def wait(self, seconds: float = PATIENCE) -> int:
        """Its exit code. Fails when it takes longer."""
        code = self._process.wait(seconds)
        for reader in self._readers:
            reader.join(2)  # a child may keep the pipe open
        return code

    def output(self) -> tuple[bytes, bytes]:
        return b"".join(self._parts["out"]), b"".join(self._parts["err"])

    def end(self) -> None:
        if self.alive():
            self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        for reader, stream in zip(self._readers, (self._process.stdout, self._process.stderr), strict=True):
            reader.join(5)
            if stream is not None and not reader.is_alive():
                stream.close()


class Wine:
    """A Windows in `prefix`. Enter it to start it; leaving ends all that runs in it. `env` is added to its own."""

    def __init__(self, prefix: Path, env: Mapping[str, str] | None = None) -> None:
        self.prefix = prefix
        self.drive = prefix / "drive_c"
        self.python = str(prefix / INSIDE / "python.exe")
        self.program = str(prefix / INSIDE / "Scripts/claude-session-status.exe")
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(prefix),
            "LANG": "C.UTF-8",
            "WINEPREFIX": str(prefix),
            "WINEARCH": "win64",
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": "mscoree,mshtml=",  # Wine would offer to install them
            **(env or {}),
        }
        self._running: list[Running] = []

    def __enter__(self) -> Self:
        self._server("-p")
        # With its own streams: the server that it starts stays and would keep the first program's streams open.
        quiet = subprocess.DEVNULL
        subprocess.run([LOADER, "wineboot"], env=self.env, stdin=quiet, stdout=quiet, stderr=quiet, timeout=120)
        return self

    def __exit__(self, *_: object) -> None:
        for program in self._running:
            program.end()
        self._server("-k")
        self._server("-w")

    def _server(self, option: str) -> None:
        quiet = subprocess.DEVNULL
        subprocess.run([SERVER, option], env=self.env, stdin=quiet, stdout=quiet, stderr=quiet, timeout=60)

    def start(
        self, *argv: str, env: Mapping[str, str] | None = None, cwd: Path | None = None, without: Sequence[str] = ()
    ) -> Running:
        """Start a program: a path of ours to an .exe, or a name that Windows knows. Its standard input stays open."""
        surroundings = {k: v for k, v in {**self.env, **(env or {})}.items() if k not in without}
        program = Running([str(LOADER), *argv], surroundings, cwd or self.drive)
        self._running.append(program)
        return program

    def run(
        self,
        *argv: str,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        patience: float = PATIENCE,
    ) -> Done:
        """Run a program to its end. Fails when it takes longer than `patience` seconds."""
        began = time.perf_counter()
        program = self.start(*argv, env=env, cwd=cwd)
        program.write(stdin, last=True)
        code = program.wait(patience)
        seconds = time.perf_counter() - began
        out, err = program.output()
        program.end()
        self._running.remove(program)
        return Done(code, out, err, seconds)

    def must(self, *argv: str) -> None:
        done = self.run(*argv, patience=PREPARING_PATIENCE)
        if done.code != 0:
            raise RuntimeError(f"{' '.join(argv)} ended with {done.code}:\n{done.text}{done.complaint}")

    def windows_path(self, path: Path) -> str:
        r"""`C:\...` for what is on the drive, `Z:\...` for what lies outside."""
        if path.is_relative_to(self.drive):
            return "C:\\" + str(path.relative_to(self.drive)).replace("/", "\\")
        return "Z:" + str(path).replace("/", "\\")


def copy_of(prefix: Path, target: Path) -> None:
    """Copy `prefix` by hard links, since it holds 700 MB; Wine replaces the files that it changes."""
    subprocess.run(["cp", "-al", str(prefix), str(target)], check=True)
