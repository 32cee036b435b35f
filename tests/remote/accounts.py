"""A Unix user, and a view of the file system of its own, for each of the tests' other machines.

The user can't look into root's folders, in which the interpreter and this working tree may be. In the machine's mount
namespace both are bound, for reading only, to folders of the machine. What is mounted there ends with the namespace.
"""

import itertools
import os
import pwd
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path

import claude_session_status

SOURCES = {
    "python": Path(sys.base_prefix),
    "packages": Path(sysconfig.get_path("purelib")),
    "product": Path(claude_session_status.__file__).parents[1],
}
_numbers = itertools.count()


def environment(places: dict[str, Path]) -> str:
    """Lines of a shell script with which `python3` is the tests' own, and has the product."""
    python = places["python"]
    return (
        f'export PATH="{python}/bin:$PATH" LD_LIBRARY_PATH="{python}/lib"\n'
        f'export PYTHONPATH="{places["product"]}:{places["packages"]}"\n'
    )


@dataclass
class Account:
    """The user, with `folder/home` as home, and the process that keeps the mount namespace."""

    folder: Path
    shell: str
    has_link: bool = False  # a network of its own, which one link connects to this machine
    number: int = field(default_factory=lambda: next(_numbers))
    name: str = field(init=False)
    _keeper: "subprocess.Popen[bytes] | None" = None

    def __post_init__(self) -> None:
        self.name = f"css{os.getpid()}n{self.number}"

    @property
    def places(self) -> dict[str, Path]:
        """Where the machine has its interpreter and the product."""
        return {name: self.folder / "opt" / name for name in SOURCES}

    @property
    def inside(self) -> list[str]:
        """The words before a command that run it there as root."""
        assert self._keeper is not None
        namespaces = f"/proc/{self._keeper.pid}/ns"
        net = [f"--net={namespaces}/net"] if self.has_link else []
        return ["nsenter", f"--mount={namespaces}/mnt", *net, "--"]

    @property
    def login(self) -> list[str]:
        """The words before a command that run it there as the user."""
        user = pwd.getpwnam(self.name)
        return [*self.inside[:-1], f"--setuid={user.pw_uid}", f"--setgid={user.pw_gid}", "--"]

    def make(self) -> None:
        """Add the user, and mount what it needs. Needs root."""
        home = self.folder / "home"
        # `*`: no password fits, but sshd does not take the account for a locked one.
        words = ["--no-create-home", "--user-group", "--password", "*", "--shell", self.shell, "--home-dir", str(home)]
        subprocess.run(["useradd", *words, self.name], check=True)
        mounts = []
        for name, place in self.places.items():
            place.mkdir(parents=True)
            mounts.append(f'mount --bind "{SOURCES[name]}" "{place}" && mount -o remount,bind,ro "{place}"')
        script = f"{' && '.join(mounts)} && echo mounted && read line"
        net = ["--net"] if self.has_link else []
        self._keeper = subprocess.Popen(
            ["unshare", *net, "--mount", "--propagation", "private", "sh", "-c", script],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self._keeper.stdout is not None
        assert self._keeper.stdout.readline() == b"mounted\n"
        if self.has_link:
            self._connect(self._keeper.pid)

    @property
    def address(self) -> str:
        """Where the machine is reached."""
        return self._addresses[1] if self.has_link else "127.0.0.1"

    @property
    def _addresses(self) -> tuple[str, str]:
        """The two ends of the link: here and there."""
        first = 4 * ((os.getpid() + self.number) % 16384) + 1
        return tuple(f"10.213.{end // 256}.{end % 256}" for end in (first, first + 1))  # type: ignore[return-value]

    def _connect(self, pid: int) -> None:
        """Make the link to the network namespace of the process; it goes with the namespace."""
        near, far = self._addresses
        subprocess.run(
            ["ip", "link", "add", self.name, "type", "veth", "peer", "name", "far", "netns", str(pid)], check=True
        )
        for words, address, end in (([], near, self.name), (self.inside, far, "far")):
            subprocess.run([*words, "ip", "address", "add", f"{address}/30", "dev", end], check=True)
            subprocess.run([*words, "ip", "link", "set", end, "up"], check=True)

    def set_link(self, state: str) -> None:
        """Take the link `down` or `up`."""
        subprocess.run(["ip", "link", "set", self.name, state], check=True)

    def own(self, *paths: Path) -> None:
        """Give files and folders, with all that is in them, to the user."""
        subprocess.run(["chown", "--recursive", f"{self.name}:", *map(str, paths)], check=True)

    def mount_disk(self, place: Path, size: str) -> None:
        """Mount a small file system of the user's there; `size` as tmpfs has it, such as `8m`."""
        user = pwd.getpwnam(self.name)
        options = f"size={size},uid={user.pw_uid},gid={user.pw_gid},mode=700"
        subprocess.run([*self.inside, "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=True)

    def run(self, *command: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run a command there as the user."""
        return subprocess.run([*self.login, *command], text=True, capture_output=True, check=check)

    def close(self) -> None:
        """Remove the user, and let the mounts go."""
        if self._keeper is not None:
            assert self._keeper.stdin is not None
            self._keeper.stdin.close()
            self._keeper.wait()
            assert self._keeper.stdout is not None
            self._keeper.stdout.close()
        subprocess.run(["userdel", self.name], check=True)
