"""The keep-warm mod's rules and hooks, in JavaScript: tables of cases that Node runs, without Claude Code."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from claude_session_status.keep_warm import ModReport, ModState, reason_in_words
from claude_session_status.values import replace
from client.keep_warm import PLUGIN

CASES = {name: Path(__file__).with_name(f"keep_warm_{name}.test.mjs") for name in ("mod", "register")}
HOOKS = PLUGIN / "hooks"


@pytest.mark.skipif(
    shutil.which("node") is None, reason="node is not installed; install it with: apt-get install nodejs"
)
@pytest.mark.parametrize("cases", CASES.values(), ids=CASES)
def test_the_mod_does_as_its_tables_say(cases: Path) -> None:
    node = ["node", "--no-warnings", "--experimental-vm-modules", "--test"]
    done = subprocess.run([*node, str(cases)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_plugin_has_no_hook_command_and_one_module() -> None:
    """Beside the plugin for the countdown, whose hooks call our program, this one adds no process."""
    found = json.loads((HOOKS / "hooks.json").read_text("utf-8"))
    assert (found.get("hooks"), found["modules"]) == (None, ["./register.mjs"])


def test_the_program_has_words_for_every_reason_of_the_mod() -> None:
    decisions, hooks = ((HOOKS / name).read_text("utf-8") for name in ("decisions.mjs", "register.mjs"))
    reasons = set(re.findall(r'reason: "([a-z-]+)"', decisions)) - {"five-minutes"}  # of which the menu asks
    reasons |= set(re.findall(r'changed\(\$, "([a-z-]+)"', hooks)) | {"cleared", "ended", "late"}
    assert {"busy", "compacted", "max-pings", "model-changed"} <= reasons
    report = ModReport("s", 7, 1.0, 3600, 1000, "m", ModState.REFUSED)
    unknown = [reason for reason in reasons if "(" in reason_in_words(replace(report, reason=reason))]
    assert unknown == []


def test_the_readme_lists_every_call_of_the_mod() -> None:
    source = "".join(path.read_text("utf-8") for path in HOOKS.glob("*.mjs"))
    readme = (PLUGIN / "README.md").read_text("utf-8")
    calls = set(re.findall(r"\$\.\w+\.\w+", source))
    assert calls == set(re.findall(r"`(\$\.\w+\.\w+)`", readme))
    events = set(re.findall(r'\bon\("([\w.]+)"', source))
    assert events <= set(re.findall(r"`([\w.]+)`", readme))
    assert not {"$.session.messages", "$.http.fetch", "$.process.run", "$.prompt.read"} & calls
