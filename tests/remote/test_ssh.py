"""Sessions on other machines over OpenSSH, with real sshds on loopback: what is shown, and what is when it fails."""

from collections.abc import Iterator

import pytest

from claude_session_status.model import Activity, Cache, HostConnection
from claude_session_status.paths import Paths
from remote.machines import Here, this_machine
from remote.scene import tray


@pytest.fixture
def here(where: Paths) -> Iterator[Here]:
    with this_machine(where) as found:
        yield found


def test_a_turn_there_is_shown_here_and_counts_down(here: Here) -> None:
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
