"""Other machines for tests: OpenSSH's sshd on loopback, each with a user's home, keys and configuration of its own.

A login there is turned by `ForceCommand` into one of another user, with that user's home and environment, and the shell
runs the command as sshd would. Where the tests' interpreter is closed to other users, it is root's login instead. The
client's side is `ssh` as people have it, with its configuration named by a wrapper that is first on PATH.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

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


FIRST_USER = 61000


def as_user(user: int) -> list[str]:
    """What runs a command as another user; nothing where that user may not run the tests' interpreter."""
    prefix = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    if os.geteuid() != 0:
        return []
    tried = subprocess.run([*prefix, sys.executable, "-c", "import claude_session_status.model"], capture_output=True)
    return prefix if tried.returncode == 0 else []


@dataclass
class Machine:
    """A machine that ssh reaches by `name`: its sshd, and the home folder that a login finds there."""

    name: str
    folder: Path
    port: int
    user: list[str]
    shell: str = "/bin/sh"
    environment: dict[str, str] = field(default_factory=dict)
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
        write_program(self.home / ".local/bin" / PROGRAM, f'exec "{sys.executable}" -m claude_session_status "$@"')
        # As on a real machine, only a login shell has the folder on its PATH.
        (self.home / ".profile").write_text('PATH="$HOME/.local/bin:$PATH"; echo "Welcome to this machine"\n')
        environment = [f"{key}='{value}'" for key, value in self._environment().items()]
        login = " ".join(["exec", *self.user, "env", "-i", *environment, self.shell, "-c", '"$SSH_ORIGINAL_COMMAND"'])
        write_program(self.folder / "login", f'cd "{self.home}"; {login}')
        if self.user:
            subprocess.run(["chown", "-R", self.user[1].partition("=")[2], str(self.home)], check=True)
            self.home.chmod(0o700)
        (self.folder / "sshd_config").write_text(
            f"{options}\n"
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.folder}/host_key\n"
            f"PidFile {self.folder}/sshd.pid\nAuthorizedKeysFile {keys}\nStrictModes no\nUsePAM no\n"
            f"PasswordAuthentication no\nKbdInteractiveAuthentication no\nForceCommand {self.folder}/login\n"
            "MaxStartups 100\nMaxSessions 100\nPrintMotd no\n"
        )

    def _environment(self) -> dict[str, str]:
        """The environment of a login, which sshd makes."""
        return {"HOME": str(self.home), "SHELL": self.shell, "PATH": "/usr/bin:/bin", **self.environment}

    def start(self) -> None:
        """Start its sshd, and wait until it listens."""
        os.makedirs("/run/sshd", exist_ok=True)
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

    # ---- what happens there -------------------------------------------------

    def run(self, *arguments: str, data: str = "", check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run our program there, as its user would."""
        return subprocess.run(
            [*self.user, sys.executable, "-m", "claude_session_status", *arguments],
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

    def add(self, name: str, *, accepted: bool = True, known: bool = True, options: str = "",
            shell: str = "/bin/sh", **environment: str) -> Machine:  # fmt: skip
        """Another machine, which ssh reaches by its name."""
        user = as_user(FIRST_USER + len(self.machines))
        machine = Machine(name, self.folder.parent / name, free_port(), user, shell, environment)
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
    folder = tempfile.TemporaryDirectory()  # pytest's own is closed to the other machines' users
    os.chmod(folder.name, 0o755)
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
        folder.cleanup()
