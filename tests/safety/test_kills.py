"""No event is lost or counts twice when hooks, ingesters and monitors are killed: see kills.py."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from safety.fuzzing import Fuzz

SMALL, FULL = 240, 100_000  # events
SMALL_KILLS, FULL_KILLS = 6, 200

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="adopts orphans, which only Linux lets it do")


def test_kills_of_hooks_ingesters_and_monitors_lose_and_double_no_event(fuzz: Fuzz, tmp_path: Path) -> None:
    events, kills = fuzz.size(SMALL, FULL), fuzz.size(SMALL_KILLS, FULL_KILLS)
    arguments = ["--events", str(events), "--kills", str(min(kills, FULL_KILLS, events // 10))]
    done = subprocess.run(
        [sys.executable, "-m", "safety.kills", *arguments],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
    )
    assert done.stdout, done.stderr
    figures = json.loads(done.stdout)
    assert figures["wrong"] == []
    assert done.returncode == 0, done.stderr
    assert min(figures["killed_hooks"], figures["killed_ingesters"], figures["killed_monitors"]) > 0
    assert figures["events"] >= events
    fuzz.report(str(figures))
