"""Other machines for tests: OpenSSH's sshd on loopback, each with a user's home, keys and configuration of its own.

A login there gets a home and an environment of its own by `ForceCommand`, and the shell runs the command as sshd would.
The client's side is `ssh` as people have it, with its configuration named by a wrapper that is first on PATH.
"""

import json
import os
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
from waiting import wait_for

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
PROGRAM = "claude-session-status"


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
    program: str = f'exec "{sys.executable}" -m claude_session_status "$@"'
    before_login: str = "true"
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

    def make(self, accepted: Path | None, options: str = "") -> None:
        """Write its files. `accepted`: the key pair that may log in."""
        self.home.mkdir(parents=True)
        make_key(self.folder / "host_key")
        keys = self.folder / "authorized_keys"
        keys.write_text(accepted.with_suffix(".pub").read_text() if accepted else "")
        write_program(self.home / ".local/bin" / PROGRAM, self.program)
        # As on a real machine, only a login shell has the folder on its PATH.
        (self.home / ".profile").write_text('PATH="$HOME/.local/bin:$PATH"; echo "Welcome to this machine"\n')
        environment = [f"{key}='{value}'" for key, value in self._environment().items()]
        login = " ".join(["exec", "env", "-i", *environment, self.shell, "-c", '"$SSH_ORIGINAL_COMMAND"'])
        write_program(self.folder / "login", f'cd "{self.home}"; {self.before_login}; {login}')
        (self.folder / "sshd_config").write_text(
            f"{options}\n"
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.folder}/host_key\n"
            f"PidFile {self.folder}/sshd.pid\nAuthorizedKeysFile {keys}\nStrictModes no\nUsePAM no\n"
            f"PasswordAuthentication no\nKbdInteractiveAuthentication no\nForceCommand {self.folder}/login\n"
            "MaxStartups 100\nMaxSessions 100\nPrintMotd no\n"
        )

    def _environment(self) -> dict[str, str]:
        """The environment of a login, which sshd makes."""
        return {"HOME": str(self.home), "SHELL": self.shell, "PATH": "/usr/bin:/bin"}

    def start(self) -> None:
        """Start its sshd, and wait until it listens."""
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)  # which its service makes at boot
        with open(self.folder / "sshd.log", "ab") as log:
            self._process = subprocess.Popen(
                [SSHD, "-D", "-e", "-f", str(self.folder / "sshd_config")],
                stdin=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )

        def listens() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0

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

    def programs(self) -> list[int]:
        """The processes there that a login has started, also where the connection has ended."""
        import psutil

        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("HOME") == str(self.home):
                    found.append(process.pid)
            except (psutil.Error, OSError):
                pass
        return found

    # ---- what happens there -------------------------------------------------

    def run(self, *arguments: str, data: str = "", check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run our program there, as its user would."""
        return subprocess.run(
            [str(self.home / ".local/bin" / PROGRAM), *arguments],
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

    @property
    def key(self) -> Path:
        return self.folder / "id"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def make(self) -> None:
        self.folder.mkdir(parents=True)
        make_key(self.key)
        self.known_hosts.touch()
        ssh = shutil.which("ssh")
        write_program(self.folder / "bin/ssh", f'exec {ssh} -F "{self.folder}/config" "$@"')

    def add(self, name: str, *, accepted: bool = True, known: bool = True, options: str = "", **fields: Any) -> Machine:
        """Another machine, which ssh reaches by its name. `options`: lines for sshd; `fields`: of `Machine`."""
        machine = Machine(name, self.folder.parent / name, free_port(), **fields)
        machine.make(self.key if accepted else None, options)
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
            f"Host {m.name}\n  HostName 127.0.0.1\n  Port {ports.get(m.name, m.port)}\n"
            f"  HostKeyAlias [127.0.0.1]:{m.port}\n"
            for m in self.machines.values()
        ]
        (self.folder / "config").write_text(
            f"{more}\n{''.join(blocks)}\nHost *\n  IdentityFile {self.key}\n  IdentitiesOnly yes\n"
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
    folder = tempfile.TemporaryDirectory()  # sshd refuses paths as long as pytest's are
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
            wait_for(f"the end of what runs on {machine.name}", lambda machine=machine: not machine.programs())  # type: ignore[misc]
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
