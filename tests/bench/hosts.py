"""What other machines cost here, and how soon a turn there is shown here: real ssh to sshds on loopback.

Not among the benchmarks that run with the tests: it starts a program for each of 20 machines, and waits for minutes.

    python tests/bench/hosts.py [--hosts 20] [--sessions 50] [--seconds 60] [--turns 20]
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from claude_session_status.model import Event, EventKind, Host, HostConnection
from claude_session_status.notes import encode
from claude_session_status.paths import Paths
from claude_session_status.remote.connection import Connection
from claude_session_status.spool import Spool
from remote.machines import Here, Machine, this_machine, write_program
from remote.scene import Tray, tray
from waiting import wait_for

CPU_LIMIT, MEMORY_LIMIT, DELAY_LIMIT = 0.1, 2.0, 1.0  # percent of a core and MB a quiet host, seconds
FLOOD_LIMIT = 5.0  # percent of a core
REPORT = '{"schema": 1, "now": "2026-11-24T08:40:00Z", "sessions": []}'


def fill(where: Paths, machine: str, sessions: int) -> None:
    """Leave the notes of that many idle sessions."""
    spool, now = Spool(where.spool), time.time()
    for number in range(sessions):
        name = f"{machine}-{number}"
        spool.write(encode(Event(EventKind.TURN, name, now, cwd=f"/srv/{name}", title=f"Title of {name}")), now)


def quiet_costs(seconds: float) -> tuple[float, float, float]:
    """Return what is used while nothing happens: CPU seconds of this process and of its ssh, and our memory in MB."""
    us = psutil.Process()
    clients = [child for child in us.children() if child.name() == "ssh"]

    def spent() -> tuple[float, float]:
        own, others = us.cpu_times(), [client.cpu_times() for client in clients]
        return own.user + own.system, sum(c.user + c.system for c in others)

    before = spent()
    time.sleep(seconds)
    after = spent()
    return after[0] - before[0], after[1] - before[1], own_memory(us.pid)


def own_memory(pid: int) -> float:
    """Return the MB that a process shares with no file, and so with no other process."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Anonymous:"):
            return float(line.split()[1]) / 1024
    return 0.0


def delays(shown: Tray, machine: Machine, turns: int) -> list[float]:
    """Return the seconds from the start of a hook there until its turn is in a snapshot here."""
    found = []
    for number in range(turns):
        key, began = f"turn-{number}", time.time()
        machine.turn(key)
        wait_for(f"{key} here", lambda key=key: shown.session(f"{machine.name}/{key}"))  # type: ignore[misc]
        found.append(time.time() - began)
        time.sleep(0.5 + number % 7 / 10)
    return found


def flood_share(here: Here, prints: str, seconds: float) -> float:
    """Return the percent of a core that we use while a host runs the shell command `prints` without end."""
    stand_in = here.folder / "flood"
    write_program(stand_in, f"echo '{REPORT}'; while {prints}; do :; done")
    made, us = Connection(Host("flood", (str(stand_in),)), lambda: None), psutil.Process()
    made.start()
    try:
        wait_for("a report", made.take)
        before = us.cpu_times()
        time.sleep(seconds)
        after = us.cpu_times()
    finally:
        made.stop()
        made.join(2.0)
    return 100 * (after.user + after.system - before.user - before.system) / seconds


def measured(here: Here, hosts: int, sessions: int, seconds: float, turns: int) -> None:
    """Print the figures: first without another machine but as many sessions, then with all."""
    fill(here.where, "here", hosts * sessions)
    here.set_hosts()
    with tray(here.where) as shown:
        wait_for("the sessions", lambda: len(shown.shot.sessions) == hosts * sessions)
        time.sleep(15)
        base, _, base_memory = quiet_costs(seconds)
    for name in os.listdir(here.where.folder):
        if name.startswith("status.duckdb"):
            os.unlink(os.path.join(here.where.folder, name))
    machines = [here.add(f"host{number}") for number in range(hosts)]
    for machine in machines:
        fill(Paths(str(machine.claude_dir)), machine.name, sessions)
    here.set_hosts(*(machine.name for machine in machines))
    with tray(here.where) as shown:
        wait_for("all connections", lambda: _connected(shown) == hosts, 300)
        wait_for("the sessions", lambda: len(shown.shot.sessions) == hosts * sessions, 300)
        time.sleep(15)
        own, children, memory = quiet_costs(seconds)
        clients = [own_memory(child.pid) for child in psutil.Process().children() if child.name() == "ssh"]
        found = delays(shown, machines[0], turns)
    share = 100 * (own - base) / seconds / hosts
    cost = (memory - base_memory) / hosts
    print(f"{hosts} hosts with {sessions} sessions each, quiet for {seconds:g} s")
    print(f"with as many sessions of our own: {100 * base / seconds:.2f} % of a core, {base_memory:.1f} MB")
    print(f"with the hosts:                   {100 * own / seconds:.2f} % of a core, {memory:.1f} MB")
    print(f"a quiet host costs us {share:.3f} % of a core and {cost:.2f} MB")
    ssh_share, ssh_cost = 100 * children / seconds / hosts, statistics.median(clients or [0])
    print(f"its ssh costs {ssh_share:.3f} % of a core and {ssh_cost:.2f} MB")
    both = share + ssh_share, cost + ssh_cost
    print(
        f"together {both[0]:.3f} % {_verdict(both[0], CPU_LIMIT)}, {both[1]:.2f} MB {_verdict(both[1], MEMORY_LIMIT)}"
    )
    median = statistics.median(found)
    verdict = _verdict(median, DELAY_LIMIT)
    floods = {"reports": f"echo '{REPORT}'", "errors": f"echo {'x' * 60} >&2"}
    for name, prints in floods.items():
        cost_here = flood_share(here, prints, 10.0)
        print(f"a host that prints {name} without end costs us {cost_here:.1f} % {_verdict(cost_here, FLOOD_LIMIT)}")
    print(f"a turn there is here after {median:.2f} s in the median {verdict}, {max(found):.2f} s at most")


def _connected(shown: Tray) -> int:
    return sum(host.connection is HostConnection.CONNECTED for host in shown.shot.hosts)


def _verdict(found: float, limit: float) -> str:
    return f"({'holds' if found <= limit else 'MISSED'}: at most {limit:g})"


def main() -> int:
    """Measure; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=20)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--turns", type=int, default=20)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, this_machine(Paths(folder)) as here:
        measured(here, chosen.hosts, chosen.sessions, chosen.seconds, chosen.turns)
    return 0


if __name__ == "__main__":
    sys.exit(main())
