"""Other machines for tests: OpenSSH's sshd on loopback, each with a user, a home, keys and a configuration of its own.

Only root that may mount can make them. For anyone else all machines share one account, and a login there gets the
machine's home and environment by `ForceCommand`. The client's side is `ssh` as people have it, with its configuration
named by a wrapper that is first on PATH.
"""

import json
import os
import pwd
import queue
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from claude_session_status.paths import Paths
from remote.accounts import SOURCES, Account, environment
from safety.small_disk import can_mount
from waiting import wait_for

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
PROGRAM = "claude-session-status"
_FOLDERS_OF_SFTP = ("/usr/lib/openssh", "/usr/libexec", "/usr/lib/ssh", "/usr/libexec/openssh")
SFTP = shutil.which("sftp-server", path=":".join(_FOLDERS_OF_SFTP))


def free_port() -> int:
    """A port on loopback that nobody listens on at this moment."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def make_key(path: Path) -> Path:
    """A key pair without a passphrase; its public half is beside it."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


def write_program(path: Path, script: str) -> None:
    """An executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@dataclass
class Machine:
    """A machine that ssh reaches by `name`: its sshd, and the home folder that a login finds there."""

    name: str
    folder: Path
    port: int
    shell: str = "/bin/sh"
    program: str = 'exec python3 -m claude_session_status "$@"'
    disk: str | None = None  # the size of the file system with Claude Code's folder; None: /tmp's
    has_link: bool = False  # a network of its own, which one link connects to this machine
    account: Account | None = None  # None: the one that runs the tests
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def claude_dir(self) -> Path:
        return self.home / ".claude"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def address(self) -> str:
        return self.account.address if self.account else "127.0.0.1"

    @property
    def authorized_keys(self) -> Path:
        return self.home / ".ssh/authorized_keys"

    @property
    def user(self) -> str:
        """The name with which one logs in."""
        return self.account.name if self.account else pwd.getpwuid(os.geteuid()).pw_name

    def make(self, accepted: Path | None, options: str = "") -> None:
        """Write its files. `accepted`: the key pair that may log in."""
        self.home.mkdir(parents=True)
        self.claude_dir.mkdir()
        make_key(self.folder / "host_key")
        self.authorized_keys.parent.mkdir(mode=0o700)
        self.authorized_keys.write_text(accepted.with_suffix(".pub").read_text() if accepted else "")
        # As on a real machine, only a login shell has the folder on its PATH.
        (self.home / ".profile").write_text('PATH="$HOME/.local/bin:$PATH"; echo "Welcome to this machine"\n')
        if can_mount():
            self.account = Account(self.folder, self.shell, self.has_link)
            self.account.make()
        self.install()
        login = f"StrictModes no\nForceCommand {self.folder}/login"
        if self.account is not None:
            login = f"AllowUsers {self.user}"
            self.account.own(self.home)
            self.home.chmod(0o700)
            if self.disk is not None:
                self.account.mount_disk(self.claude_dir, self.disk)
        else:
            variables = [f"{key}='{value}'" for key, value in self._environment().items()]
            variables.append('SSH_CONNECTION="$SSH_CONNECTION"')
            command = " ".join(["exec", "env", "-i", *variables, self.shell, "-c", '"$SSH_ORIGINAL_COMMAND"'])
            write_program(self.folder / "login", f'cd "{self.home}"; {command}')
        (self.folder / "sshd_config").write_text(
            f"{options}\n"
            f"Port {self.port}\nListenAddress {self.address}\nHostKey {self.folder}/host_key\n"
            f"PidFile {self.folder}/sshd.pid\nAuthorizedKeysFile {self.authorized_keys}\nUsePAM no\n{login}\n"
            f"Subsystem sftp {SFTP}\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
            "MaxStartups 100\nMaxSessions 100\nPrintMotd no\n"
        )

    def install(self) -> None:
        """Put our program where `pipx` and `uv` put it."""
        places = self.account.places if self.account else SOURCES
        write_program(self.home / ".local/bin" / PROGRAM, environment(places) + self.program)

    def _environment(self) -> dict[str, str]:
        """The environment of a login, which sshd makes."""
        return {"HOME": str(self.home), "SHELL": self.shell, "PATH": "/usr/bin:/bin"}

    def start(self) -> None:
        """Start its sshd, and wait until it listens."""
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)  # which its service makes at boot
        inside = self.account.inside if self.account else []
        with open(self.folder / "sshd.log", "ab") as log:
            self._process = subprocess.Popen(
                [*inside, SSHD, "-D", "-e", "-f", str(self.folder / "sshd_config")],
                stdin=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )

        def listens() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex((self.address, self.port)) == 0

        wait_for(f"{self.name} to listen", listens)

    def processes(self) -> list[int]:
        """The sshd's process, and all that logins have started, which a new session of sshd's own does not hide."""
        if self._process is None:
            return []
        import psutil

        try:
            sshd = psutil.Process(self._process.pid)
            return [self._process.pid, *(child.pid for child in sshd.children(recursive=True))]
        except psutil.NoSuchProcess:
            return []

    def signal(self, number: int) -> None:
        """Send a signal to sshd and to all that logins have started."""
        for pid in self.processes():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def stop(self) -> None:
        """End it all, as when the machine loses its power."""
        if self._process is None:
            return
        pids = self.processes()
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self._process.wait()
        self._process = None

    def close(self) -> None:
        """End it all, and remove its user."""
        self.stop()
        wait_for(lambda: f"the end of {self.programs()} on {self.name}", lambda: not self.programs())
        if self.account is not None:
            self.account.close()

    def programs(self) -> list[int]:
        """The processes there that a login has started, also where the connection has ended."""
        import psutil

        found = []
        for process in psutil.process_iter():
            try:
                is_there = process.username() == self.user if self.account else self._has_home(process.environ())
                if is_there:
                    found.append(process.pid)
            except (psutil.Error, OSError):
                pass
        return found

    def _has_home(self, variables: dict[str, str]) -> bool:
        return variables.get("HOME") == str(self.home)

    # ---- what happens there -------------------------------------------------

    def run(self, *arguments: str, data: str = "", check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run our program there, as its user would."""
        return subprocess.run(
            [*(self.account.login if self.account else []), str(self.home / ".local/bin" / PROGRAM), *arguments],
            input=data, text=True, capture_output=True, env=self._environment(), check=check, cwd=self.folder,
        )  # fmt: skip

    def turn(self, session: str, project: str | None = None, command: str = "mark-turn") -> None:
        """A hook of Claude Code there."""
        data = {"session_id": session, "cwd": f"/srv/{project or session}"}
        self.run(command, data=json.dumps(data))


@dataclass
class Here:
    """This machine: its user's ssh configuration, keys and settings of ours."""

    folder: Path
    where: Paths
    machines: dict[str, Machine] = field(default_factory=dict)

    def key(self, machine: str) -> Path:
        """The key with which one logs in on the machine."""
        return self.folder / f"id-{machine}"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def make(self) -> None:
        self.folder.mkdir(parents=True, mode=0o700)
        self.known_hosts.touch()
        for program in ("ssh", "scp"):
            write_program(self.folder / "bin" / program, f'exec {shutil.which(program)} -F "{self.folder}/config" "$@"')

    def add(self, name: str, *, accepted: bool = True, known: bool = True, options: str = "", **fields: Any) -> Machine:
        """Another machine, which ssh reaches by its name. `options`: lines for sshd; `fields`: of `Machine`."""
        machine = Machine(name, self.folder.parent / name, free_port(), **fields)
        key = make_key(self.key(name))
        machine.make(key if accepted else None, options)
        self.machines[name] = machine
        if known:
            self.learn(machine)
        self.write_config()
        machine.start()
        return machine

    def learn(self, machine: Machine) -> None:
        """Know the machine's host key."""
        public = (machine.folder / "host_key.pub").read_text()
        with open(self.known_hosts, "a") as file:
            file.write(f"[127.0.0.1]:{machine.port} {public}")

    def write_config(self, more: str = "", **ports: int) -> None:
        """Write ssh's configuration. `ports`: other ports than the machines' own, such as a proxy's."""
        blocks = [
            f"Host {m.name}\n  HostName {m.address}\n  Port {ports.get(m.name, m.port)}\n"
            f"  HostKeyAlias [127.0.0.1]:{m.port}\n  User {m.user}\n  IdentityFile {self.key(m.name)}\n"
            for m in self.machines.values()
        ]
        (self.folder / "config").write_text(
            f"{more}\n{''.join(blocks)}\nHost *\n  IdentitiesOnly yes\n"
            f"  UserKnownHostsFile {self.known_hosts}\n  GlobalKnownHostsFile /dev/null\n"
        )

    def set_hosts(self, *hosts: str, more: str = "") -> None:
        """Write our settings. `more`: further lines, such as `[[host]]` tables."""
        os.makedirs(self.where.folder, exist_ok=True)
        Path(self.where.config).write_text(f"hosts = {json.dumps(hosts)}\n{more}\n")


@contextmanager
def this_machine(where: Paths) -> Iterator[Here]:
    """This machine, with `ssh` first on PATH; all others end with it."""
    if sys.platform == "win32" or not os.path.exists(SSHD) or shutil.which("ssh") is None:
        pytest.skip("sshd or ssh is not installed; install them: apt-get install openssh-server openssh-client")
    # sshd refuses paths as long as pytest's are, and root's own temporary folder may be closed to other users.
    folder = tempfile.TemporaryDirectory(dir="/var/tmp" if os.geteuid() == 0 else None)
    os.chmod(folder.name, 0o711)
    here = Here(Path(folder.name, "here"), where)
    here.make()
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{here.folder}/bin:{before}"
    try:
        yield here
    finally:
        os.environ["PATH"] = before
        for machine in here.machines.values():
            machine.stop()
        for machine in here.machines.values():
            machine.close()
        folder.cleanup()


class Proxy:
    """A line between this machine and another one: with a delay, and one that can be held up."""

    def __init__(self, to_port: int, delay: float = 0.0) -> None:
        self._to = to_port
        self._delay = delay
        self._goes = threading.Event()
        self._goes.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self) -> None:
        """Pass nothing on."""
        self._goes.clear()

    def release(self) -> None:
        """Pass on what waits, and what comes."""
        self._goes.set()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                for a, b in ((near, far), (far, near)):
                    waiting: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
                    threading.Thread(target=self._take, args=(a, waiting), daemon=True).start()
                    threading.Thread(target=self._pass_on, args=(b, waiting), daemon=True).start()

    def _take(self, end: socket.socket, waiting: "queue.SimpleQueue[tuple[float, bytes]]") -> None:
        data = b"x"
        while data:
            try:
                data = end.recv(65536)
            except OSError:
                data = b""
            waiting.put((time.monotonic() + self._delay, data))

    def _pass_on(self, end: socket.socket, waiting: "queue.SimpleQueue[tuple[float, bytes]]") -> None:
        with suppress(OSError):
            while True:
                at, data = waiting.get()
                time.sleep(max(0.0, at - time.monotonic()))
                self._goes.wait()
                if not data:
                    break
                end.sendall(data)
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
