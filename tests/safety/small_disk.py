"""Full and read-only disks for tests: real ones by mount, simulated ones by limits on the process."""

import functools
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

COMMAND = [sys.executable, "-m", "claude_session_status"]

# No file may grow beyond this size: to the process that looks like a full disk.
_LIMITED = (
    "import os, resource, sys; size = int(sys.argv[1]); resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))\n"
    "os.execv(sys.argv[2], sys.argv[2:])"
)

# File modes restrict root only without these capabilities.
_OVERRIDE = "-dac_override,-dac_read_search"
_BOUND = ("setpriv", "--inh-caps", _OVERRIDE, "--bounding-set", _OVERRIDE, "--")


class Disk:
    """A small disk at `root`: a real one if `mounted`."""

    def __init__(self, root: Path, *, mounted: bool) -> None:
        self.root, self.mounted = root, mounted
        self.full = self.read_only = False

    def fill(self) -> None:
        """Leave no byte free."""
        self.full = True
        if self.mounted:
            with (self.root / "fill").open("ab", buffering=0) as file:
                try:
                    while file.write(b"x" * 4096):
                        pass
                except OSError:
                    return

    def free(self) -> None:
        """Make room again."""
        self.full = False
        (self.root / "fill").unlink(missing_ok=True)

    def lock(self) -> None:
        """Make it read-only."""
        self.read_only = True
        if self.mounted:
            subprocess.run(["mount", "-o", "remount,ro", str(self.root)], check=True)
        else:
            for folder in [self.root, *(p for p in self.root.rglob("*") if p.is_dir())]:
                folder.chmod(0o555)

    def unlock(self) -> None:
        """Make it writable again."""
        self.read_only = False
        if self.mounted:
            subprocess.run(["mount", "-o", "remount,rw", str(self.root)], check=True)
        else:
            for folder in [self.root, *(p for p in self.root.rglob("*") if p.is_dir())]:
                folder.chmod(0o755)

    def run(self, *arguments: str, raw: bytes = b"", room: int = 0) -> "subprocess.CompletedProcess[bytes]":
        """Run the program on this disk. `room`: the largest size of a file (bytes) on a simulated disk that is full."""
        argv: Sequence[str] = [*COMMAND, *arguments]
        if self.full and not self.mounted:
            argv = [sys.executable, "-c", _LIMITED, str(room), *argv]
        if self.read_only and not self.mounted and os.geteuid() == 0:
            argv = [*_BOUND, *argv]
        # Python 3.11 takes a compiled file that could be written only in part for a whole one.
        environment = os.environ | {"CLAUDE_CONFIG_DIR": str(self.root / "claude"), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(argv, input=raw, env=environment, capture_output=True)

    @contextmanager
    def full_for_this_process(self, room: int) -> Iterator[None]:
        """Let a simulated disk be full for this process as well."""
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        compiles, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        if self.full and not self.mounted:
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            sys.dont_write_bytecode = compiles


@functools.cache
def can_mount() -> bool:
    """Whether a file system can be mounted here: root in a container often may not."""
    if os.geteuid() != 0 or not sys.platform.startswith("linux"):
        return False
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True)
        if done.returncode == 0:
            subprocess.run(["umount", folder], check=True)
        return done.returncode == 0


@contextmanager
def small_disk(root: Path, size: str, *, mounted: bool) -> Iterator[Disk]:
    """A disk of `size` (as mount takes it) at `root`."""
    root.mkdir(exist_ok=True)
    if mounted:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(root)], check=True)
    try:
        yield Disk(root, mounted=mounted)
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(root)], check=True)
