"""Sessions on other machines over OpenSSH, with real sshds on loopback: what is shown, and what is when it fails."""

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from claude_session_status import host_states
from claude_session_status.model import Activity, Cache, HostConnection
from claude_session_status.paths import Paths
from claude_session_status.remote import connection
from claude_session_status.spool import Spool
from remote.machines import PROGRAM, Here, Machine, Proxy, make_key, this_machine, write_program
from remote.scene import Tray, tray
from waiting import wait_for


@pytest.fixture
def here(where: Paths) -> Iterator[Here]:
    with this_machine(where) as found:
        yield found


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


def test_the_countdown_is_the_other_machines_although_its_clock_is_an_hour_ahead(here: Here) -> None:
    faked = f'FAKETIME_DONT_FAKE_MONOTONIC=1 exec faketime -f +3600s "{sys.executable}" -m claude_session_status "$@"'
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
        (build.folder / "authorized_keys").write_text(here.key.with_suffix(".pub").read_text())
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


def test_a_machine_without_room_on_its_disk_still_shows_what_it_has(here: Here) -> None:
    build = here.add("build", before_login="ulimit -f 0")
    build.turn("s")
    expiry_there(build, "s")
    here.set_hosts("build")
    with tray(here.where) as shown:
        assert shown.wait_for_session("build/s").cache is Cache.WARM
        assert shown.host("build").connection is HostConnection.CONNECTED


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

    return [pid for pid in machine.programs() if "--follow" in psutil.Process(pid).cmdline()]


def test_a_host_that_leaves_the_settings_is_shown_no_longer(here: Here) -> None:
    build = here.add("build")
    build.turn("s")
    here.set_hosts("build")
    with tray(here.where) as shown:
        shown.wait_for_session("build/s")
        here.set_hosts()
        wait_for("no host", lambda: not shown.shot.hosts and shown.session("build/s") is None)
        wait_for("the end of the program there", lambda: not build.programs())


def test_a_container_is_another_home_and_another_process_namespace(here: Here) -> None:
    machine = Machine("dev", here.folder.parent / "dev", 1)
    machine.home.mkdir(parents=True)
    write_program(machine.home / ".local/bin" / PROGRAM, machine.program)
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


def _continue(pids: list[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass


def _wait_until_connected(shown: Tray) -> None:
    shown.wait_for_host("build", HostConnection.CONNECTED)
