"""Sessions on other machines over OpenSSH, with real sshds on loopback: what is shown, and what is when it fails."""

import json
import os
import signal
import threading
import time
from contextlib import suppress
from datetime import datetime

import pytest

from claude_session_status import host_states
from claude_session_status.desktop.go.remote import terminals
from claude_session_status.model import Activity, Cache, Host, HostConnection
from claude_session_status.remote import backoff, connection, network
from claude_session_status.spool import Spool
from remote.machines import PROGRAM, Here, Machine, Proxy, make_key, write_program
from remote.scene import Tray, tray
from waiting import wait_for


def expiry_there(machine: Machine, session: str) -> float:
    """When the cache expires, as that machine knows it."""
    found = json.loads(machine.run("status", "--json").stdout)["sessions"]
    (expires_at,) = (each["expires_at"] for each in found if each["session_id"] == session)
    return datetime.fromisoformat(expires_at).timestamp()


def test_a_turn_there_is_shown_here_until_it_ends_there(here: Here) -> None:
    build = here.add("build")
    build.turn("s", "web-shop")
    here.set_hosts("build")
    with tray(here.where) as shown:
        state = shown.wait_for_session("build/s")
        assert (state.session.host, state.session.own_id, state.session.project) == ("build", "s", "web-shop")
        assert (state.cache, state.activity) == (Cache.WARM, Activity.IDLE)
        assert shown.host("build").connection is HostConnection.CONNECTED
        build.turn("t", "api")
        shown.wait_for_session("build/t")
        build.turn("t", "api", "mark-end")
        shown.wait_for_session("build/t", lambda s: s.activity is Activity.ENDED)
        assert Spool(here.where.spool).names() == []
    wait_for("the end of the program there", lambda: not build.programs())


def test_two_machines_show_their_sessions_and_neither_can_read_the_other(here: Here) -> None:
    build, gpu = here.add("build"), here.add("gpu")
    if build.account is None or gpu.account is None:
        pytest.skip("needs root that may mount; run the tests as root")
    build.turn("s", "web-shop")
    gpu.turn("s", "training")
    here.set_hosts("build", "gpu")
    with tray(here.where) as shown:
        assert shown.wait_for_session("build/s").session.project == "web-shop"
        assert shown.wait_for_session("gpu/s").session.project == "training"
        followers = {machine.user: _followers(machine) for machine in (build, gpu)}
    assert {user: len(pids) for user, pids in followers.items()} == {build.user: 1, gpu.user: 1}
    for machine, other in ((build, gpu), (gpu, build)):
        for secret in (".claude/claude-session-status/status.duckdb", ".ssh/authorized_keys"):
            assert machine.account is not None
            assert machine.account.run("head", "-c1", str(machine.home / secret)).stdout
            refused = machine.account.run("head", "-c1", str(other.home / secret), check=False)
            assert "Permission denied" in refused.stderr


def test_the_countdown_is_the_other_machines_although_its_clock_is_an_hour_ahead(here: Here) -> None:
    faked = 'FAKETIME_DONT_FAKE_MONOTONIC=1 exec faketime -f +3600s python3 -m claude_session_status "$@"'
    build = here.add("build", program=faked)
    build.turn("s")
    turned_at = time.time()
    here.set_hosts("build")
    with tray(here.where) as shown:
        state = shown.wait_for_session("build/s")
        assert state.expires_at is not None
        assert -3.0 < state.expires_at - (turned_at + 300) <= 0.3


def test_a_slow_line_and_one_that_was_held_up_never_lengthen_the_countdown(here: Here) -> None:
    build = here.add("build")
    proxy = Proxy(build.port, delay=0.3)
    here.write_config(build=proxy.port)
    build.turn("s")
    here.set_hosts("build")
    with tray(here.where) as shown:
        state = shown.wait_for_session("build/s")
        assert state.expires_at is not None
        assert state.expires_at - expiry_there(build, "s") < 0.5
        proxy.hold()
        build.turn("t")
        truth = expiry_there(build, "t")
        wait_for("a few seconds to pass", lambda: time.time() > truth - 300 + 3)
        proxy.release()
        state = shown.wait_for_session("build/t")
        assert state.expires_at is not None
        assert state.expires_at - truth < 0.5
    proxy.close()


@pytest.mark.parametrize(
    ("make", "connection", "detail"),
    [
        pytest.param({"accepted": False}, "refused", "none of your keys", id="wrong key"),
        pytest.param(
            {"options": "PasswordAuthentication yes\nPubkeyAuthentication no"}, "refused", "only a password",
            id="password only",
        ),
        pytest.param({"known": False}, "refused", "not known", id="unknown host key"),
        pytest.param({"program": "exit 127"}, "no-program", "not installed there", id="no program"),
        pytest.param(
            {"program": 'echo "Usage: claude-session-status status [OPTIONS]\\n\\nError: --follow needs --short or'
                        ' --waybar." >&2; exit 2'},
            "wrong-version", "too old", id="version 1.0 there",
        ),
        pytest.param(
            {"program": """while echo '{"schema": 2, "now": 7}'; do sleep 0.1; done"""}, "wrong-version", "newer",
            id="a newer version there",
        ),
        pytest.param({"program": "while echo Hello; do sleep 0.1; done"}, "bad-data", "3 lines", id="no JSON"),
    ],
)  # fmt: skip
def test_the_reason_for_a_missing_connection_is_shown(
    make: dict[str, object], connection: str, detail: str, here: Here
) -> None:
    here.add("build", **make)  # type: ignore[arg-type]
    known = here.known_hosts.read_bytes()
    here.set_hosts("build")
    with tray(here.where) as shown:
        state = shown.wait_for_host("build", HostConnection(connection))
    assert detail in (state.detail or "")
    assert here.known_hosts.read_bytes() == known


def test_a_key_that_is_accepted_now_is_tried_as_soon_as_the_user_asks(here: Here) -> None:
    build = here.add("build", accepted=False)
    build.turn("s")
    here.set_hosts("build")
    with tray(here.where) as shown:
        shown.wait_for_host("build", HostConnection.REFUSED)
        build.authorized_keys.write_text(here.key("build").with_suffix(".pub").read_text())
        host_states.ask_for_retry(here.where)
        shown.wait_for_session("build/s")


def test_a_changed_host_key_is_reported_and_not_accepted(here: Here) -> None:
    build = here.add("build")
    build.turn("s")
    os.unlink(build.folder / "host_key")
    make_key(build.folder / "host_key")
    build.stop()
    build.start()
    known = here.known_hosts.read_bytes()
    here.set_hosts("build")
    with tray(here.where) as shown:
        assert "host key has changed" in (shown.wait_for_host("build", HostConnection.REFUSED).detail or "")
        assert shown.session("build/s") is None
    assert here.known_hosts.read_bytes() == known


def test_a_killed_machine_is_unreachable_with_its_countdowns_and_comes_back(here: Here) -> None:
    build = here.add("build")
    build.turn("s")
    here.set_hosts("build")
    with tray(here.where) as shown:
        before = shown.wait_for_session("build/s")
        build.stop()
        lost = shown.wait_for_host("build", HostConnection.UNREACHABLE)
        after = shown.wait_for_session("build/s")
        assert (after.cache, after.expires_at) == (Cache.WARM, before.expires_at)
        wait_for("a second try", lambda: (shown.host("build").detail or "") != lost.detail)
        assert shown.host("build").since == lost.since
        build.turn("t")
        build.start()
        shown.wait_for_host("build", HostConnection.CONNECTED)
        shown.wait_for_session("build/t")


def test_a_full_disk_there_is_shown_here_and_there_and_nothing_that_was_recorded_is_lost(here: Here) -> None:
    build = here.add("build", disk="8m")
    if build.account is None:
        pytest.skip("needs root that may mount; run the tests as root")
    build.turn("s")
    truth = expiry_there(build, "s")
    here.set_hosts("build")
    filler = build.claude_dir / "filler"
    problem = "No space is left on the disk, so events are lost"
    with tray(here.where) as shown:
        shown.wait_for_session("build/s")
        assert "No space left" in build.account.run("cp", "/dev/zero", str(filler), check=False).stderr
        refused = build.run("mark-turn", data=json.dumps({"session_id": "t", "cwd": "/srv/t"}))
        assert (refused.returncode, "the event is not recorded" in refused.stderr) == (0, True)
        wait_for("the problem here", lambda: shown.host("build").detail == problem)
        assert problem in build.run("status", check=False).stderr
        kept = shown.wait_for_session("build/s")
        assert (shown.host("build").connection, kept.cache) == (HostConnection.CONNECTED, Cache.WARM)
        assert kept.expires_at == pytest.approx(truth, abs=0.5)
        assert expiry_there(build, "s") == truth
        # A connection that begins now: the program there can't write anything.
        shown.monitor.close()
        wait_for("a new connection", lambda: shown.host("build").detail == problem and len(_followers(build)) == 1)
        build.account.run("rm", str(filler))
        wait_for("no problem", lambda: shown.host("build").detail is None)
        build.turn("t")
        shown.wait_for_session("build/t")
        assert expiry_there(build, "s") == truth


def test_a_second_process_shows_the_same_and_connects_when_the_first_one_ends(here: Here) -> None:
    build = here.add("build")
    build.turn("s")
    here.set_hosts("build")
    with tray(here.where) as second:
        second.wait_for_host("build", HostConnection.CONNECTED)
        with tray(here.where) as third:
            third.wait_for_session("build/s")
            third.wait_for_host("build", HostConnection.CONNECTED)
            assert len(_followers(build)) == 1
            second.monitor.close()  # as a process that ends: it lets the lock go
            third.wait_for_host("build", HostConnection.CONNECTED)
            build.turn("t")
            third.wait_for_session("build/t")


def _followers(machine: Machine) -> list[int]:
    import psutil

    found = []
    for pid in machine.programs():
        with suppress(psutil.Error):  # it ends at this moment
            if "--follow" in psutil.Process(pid).cmdline():
                found.append(pid)
    return found


def test_a_host_that_leaves_the_settings_is_shown_no_longer(here: Here) -> None:
    build = here.add("build")
    build.turn("s")
    here.set_hosts("build")
    with tray(here.where) as shown:
        shown.wait_for_session("build/s")
        here.set_hosts()
        wait_for("no host", lambda: not shown.shot.hosts and shown.session("build/s") is None)
        wait_for("the end of the program there", lambda: not build.programs())


def test_of_two_terminals_the_one_that_shows_a_session_is_known_by_its_connection(here: Here) -> None:
    name = "two-ways"  # other tests of this run look for terminals that lead to `build`
    build = here.add(name)
    here.set_hosts(name)
    hook = f"""echo '{{"session_id": "s'$1'", "cwd": "/srv"}}' | ~/.local/bin/{PROGRAM} mark-turn; sleep 600"""
    write_program(build.home / "work", hook)
    pids, terminals_here = [], []
    for number in range(2):
        pid, terminal = os.forkpty()
        if pid == 0:
            os.execvp("ssh", ["ssh", "-t", name, "./work", str(number)])
        pids.append(pid)
        terminals_here.append(terminal)
    for terminal in terminals_here:
        threading.Thread(target=drain, args=(terminal,), daemon=True).start()
    try:
        with tray(here.where) as shown:
            ports = [shown.wait_for_session(f"{name}/s{number}").session.ssh_client_port for number in range(2)]
        assert {process.pid for process in terminals(Host(name))} == set(pids)
        assert [[process.pid for process in terminals(Host(name), port)] for port in ports] == [[pid] for pid in pids]
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def drain(terminal: int) -> None:
    with suppress(OSError):  # the end of a terminal
        while os.read(terminal, 4096):
            pass
    os.close(terminal)


def test_a_container_is_another_home_and_another_process_namespace(here: Here) -> None:
    machine = Machine("dev", here.folder.parent / "dev", 1)
    machine.home.mkdir(parents=True)
    machine.install()
    (machine.home / ".profile").write_text('PATH="$HOME/.local/bin:$PATH"\n')
    machine.turn("s", "in-container")
    command = ["unshare", "--pid", "--fork", "--kill-child", "env", "-i", f"HOME={machine.home}", "PATH=/usr/bin:/bin"]
    here.set_hosts(more=f'[[host]]\nname = "dev"\ncommand = {command!r}')
    with tray(here.where) as shown:
        assert shown.wait_for_session("dev/s").session.project == "in-container"
    wait_for("the end of the program there", lambda: not machine.programs())


def test_a_machine_that_stands_still_is_unreachable_until_it_goes_on(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "SILENT_SECONDS", 12.0)
    build = here.add("build")
    build.turn("s")
    here.set_hosts("build")
    with tray(here.where) as shown:
        shown.wait_for_session("build/s")
        stopped = build.processes()
        build.signal(signal.SIGSTOP)
        shown.wait_for_host("build", HostConnection.UNREACHABLE)
        _continue(stopped)
        _wait_until_connected(shown)


def test_a_network_that_comes_back_is_used_at_once(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(backoff, "FIRST_SECONDS", 300.0)  # so it is no usual try that succeeds
    build = here.add("build", has_link=True)
    if build.account is None:
        pytest.skip("needs root that may mount; run the tests as root")
    build.turn("s")
    here.set_hosts("build")
    with tray(here.where) as shown:
        shown.wait_for_session("build/s")
        build.account.set_link("down")
        _kill_ssh()  # else half a minute of silence would pass
        shown.wait_for_host("build", HostConnection.UNREACHABLE)
        build.turn("t")
        build.account.set_link("up")
        _wait_until_connected(shown)
        shown.wait_for_session("build/t")


def _kill_ssh() -> None:
    import psutil

    for child in psutil.Process().children():
        if child.name() == "ssh":
            child.kill()


def _continue(pids: list[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass


def _wait_until_connected(shown: Tray) -> None:
    shown.wait_for_host("build", HostConnection.CONNECTED)
