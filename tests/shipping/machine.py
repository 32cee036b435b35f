"""This machine with a package installed for real, and untouched all the same.

`dpkg` runs in a mount namespace of its own where /usr, /etc and /var are overlaid by a RAM disk: it unpacks, configures
and runs its triggers as on any user's machine, what is started there finds the command in /usr/bin, and with the last
process of the namespace all of it is gone.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

OVERLAID = ("usr", "etc", "var")
PROGRAMS = {
    "dpkg-deb": "dpkg",
    "dpkg-shlibdeps": "dpkg-dev",
    "objdump": "binutils",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "man": "man-db",
    "groff": "groff",
    "appstreamcli": "appstream",
    "desktop-file-validate": "desktop-file-utils",
    "systemd-analyze": "systemd",
}

_SETUP = """
set -eu
mount -t tmpfs tmpfs "$1"
for name in $2; do
    mkdir "$1/$name.upper" "$1/$name.work"
    mount -t overlay overlay -o "lowerdir=/$name,upperdir=$1/$name.upper,workdir=$1/$name.work" "/$name"
done
echo ready
exec cat
"""


def why_not() -> str | None:
    """Why no package can be built and installed here, and what helps; None when it can."""
    if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
        packages = " ".join(sorted({PROGRAMS[program] for program in missing}))
        return f"missing: {', '.join(missing)}; install: sudo apt-get install -y {packages}"
    if os.geteuid() != 0:
        return "only root may install a package, even into a namespace"
    return None


class Machine:
    """The machine. Enter it to get the namespace; leave it to be rid of everything."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._holder: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._folder.mkdir()
        argv = ["unshare", "--mount", "sh", "-c", _SETUP, "sh", str(self._folder), " ".join(OVERLAID)]
        self._holder = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "ready\n", "no namespace with overlays could be made"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._holder is not None
        self._holder.communicate(timeout=10)  # `cat` ends with its input

    def inside(self, *argv: str) -> list[str]:
        """The arguments that start a program on this machine; it keeps the process id that they are started under."""
        assert self._holder is not None, "the machine is not entered"
        return ["nsenter", f"--mount=/proc/{self._holder.pid}/ns/mnt", "--", *argv]

    def run(
        self, *argv: str, env: dict[str, str] | None = None, standard_input: str = "", check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end."""
        done = subprocess.run(
            self.inside(*argv), input=standard_input, env=env, capture_output=True, text=True, timeout=120
        )
        assert not check or done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
        return done

    def files(self) -> set[str]:
        """Every file in the places that a package writes to."""
        places: Sequence[str] = ("/usr/bin", "/usr/lib", "/usr/share", "/etc")
        return set(self.run("find", *places, "!", "-type", "d").stdout.splitlines())
