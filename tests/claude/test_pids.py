"""Which ssh connection shows a session, from the environment of its hooks."""

import pytest

from claude_session_status.claude.pids import ssh_client_port

OVER_SSH = "10.0.0.5 50312 10.0.0.9 22"


@pytest.mark.parametrize(
    ("environment", "port"),
    [
        ({"SSH_CONNECTION": OVER_SSH}, 50312),
        ({"SSH_CONNECTION": "fe80::1%eth0 50312 fe80::2%eth0 22"}, 50312),
        ({}, None),
        pytest.param({"SSH_CONNECTION": OVER_SSH, "TMUX": "/tmp/tmux-0/default,1,0"}, None, id="tmux"),
        pytest.param({"SSH_CONNECTION": OVER_SSH, "STY": "1.pts-0"}, None, id="screen"),
        pytest.param({"SSH_CONNECTION": OVER_SSH, "ZELLIJ": "0"}, None, id="Zellij"),
        ({"SSH_CONNECTION": ""}, None),
        ({"SSH_CONNECTION": "10.0.0.5 x 10.0.0.9 22"}, None),
        ({"SSH_CONNECTION": "10.0.0.5 \u00b2 10.0.0.9 22"}, None),
        ({"SSH_CONNECTION": "10.0.0.5 503120 10.0.0.9 22"}, None),
    ],
)
def test_the_port_of_the_connection_is_known_outside_of_a_multiplexer(
    environment: dict[str, str], port: int | None
) -> None:
    assert ssh_client_port(environment) == port
