"""Keeps a session of the real client warm in real time, with no clock moved, and prints each request as it comes.

    cd tests && python -m client.keep_warm_live --minutes 10 [--hour]

It runs in real time. A five-minute cache gets a ping every 4 minutes, a one-hour cache every 57 minutes.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from client.harness import VERSIONS, Home, Terminal, find_client
from client.keep_warm import PING, PLUGIN
from client.prefix_cache import PrefixCache
from client.standin import StandIn


def run(folder: Path, program: Path, *, minutes: float, hour: bool) -> None:
    """One turn, the pings, and the turn after them."""
    cache = PrefixCache()
    with StandIn(prefix_cache=cache) as api:
        home = Home(folder, api.url, program).prepare()
        ours = home.config / "claude-session-status"
        (ours / "keep-warm").mkdir(parents=True, mode=0o700)
        extra = {"ENABLE_PROMPT_CACHING_1H": "1"} if hour else {}
        with Terminal(home, "--plugin-dir", str(PLUGIN), extra=extra) as terminal:
            terminal.turn("hello")
            session_id, begun, shown = terminal.session_id, time.time(), 0
            order = {"v": 1, "at": begun, "until": begun + 60 * minutes, "max_pings": 100, "allow_five_minutes": 1}
            (ours / "keep-warm" / f"{session_id}.json").write_text(json.dumps(order))
            while time.time() < begun + 60 * minutes or shown < len(api.received):
                for request, use in list(zip(api.received, cache.uses, strict=False))[shown:]:
                    shown += 1
                    kind = "ping" if PING in json.dumps(request.body["messages"][-1]) else "request"
                    print(f"{request.at - begun:7.1f} s  {kind:8} read {use.read:6}  wrote {use.written}", flush=True)
                time.sleep(1)
            terminal.turn("here I am again")
            use = cache.uses[-1]
            print(f"{time.time() - begun:7.1f} s  the turn   read {use.read:6}  wrote {use.written}")
            print((ours / "mods" / f"{session_id}.json").read_text().strip())


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description="Keep a session of the real client warm in real time.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--hour", action="store_true", help="an hour-long cache in place of five minutes")
    chosen = parser.parse_args()
    program = find_client(VERSIONS[0])
    assert program is not None, "install the client first: see client.harness.install_line"
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder) / "live", program, minutes=chosen.minutes, hour=chosen.hour)


if __name__ == "__main__":
    main()
