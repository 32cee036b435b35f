"""Settings files at random: each is edited and given back to the byte, or refused with a SettingsError."""

import json
import random

from claude.setup.settings_corpus import CORPUS
from claude_session_status.claude.setup import inspection, plugin
from claude_session_status.claude.setup.hook_commands import Launcher
from claude_session_status.claude.setup.plan import ChangeOutcome, plan_install, plan_uninstall
from claude_session_status.claude.setup.settings_file import original_from_json, original_to_json
from claude_session_status.cli.hooks import difference
from claude_session_status.errors import SettingsError
from safety.fuzzing import Fuzz

SMALL, FULL = 200, 100_000
LAUNCHERS = (
    Launcher("/venvs/x/bin/python", ("-E", "-P", "-s", "-m", "claude_session_status")),
    Launcher("/my tools/o'brien/claude-session-status"),
    Launcher(r"C:\x\python.exe", ("-E", "-P", "-m", "claude_session_status"), direct=True),
)
PIECES = [
    '"hooks"',
    '"Stop"',
    '"SessionStart"',
    '"PreToolUse"',
    '"statusLine"',
    '"command"',
    '"type": "command"',
    '"matcher"',
    '"claude-session-status mark-turn"',
    '"python -P -m claude_session_status mark-end"',
    '"args": ["mark-turn"]',
    '"x | claude-session-status statusline"',
    "\"/x/claude-session-status statusline -- sh -c 'a b'\"",
    "[]",
    "{}",
    "[ ]",
    "{ }",
    "null",
    "true",
    "1e999",
    "-0",
    "NaN",
    '"\\ud800"',
    '"\\u0000"',
    "\ufeff",
    "\u2028",
    "//",
    "/*",
    ",",
    ":",
    "[",
    "]",
    "{",
    "}",
    '"',
    "\\",
    "\r",
    "\n",
    "\t",
    "\x00",
    "\x9b",
    "9" * 5000,
    "[" * 400,
    '{"a":' * 200,
    "é",
    "😀",
    "\x7f",
]
KEYS = [
    "hooks",
    "Stop",
    "Notification",
    "SessionEnd",
    "PreToolUse",
    "statusLine",
    "command",
    "type",
    "matcher",
    "",
    "x",
]
VALUES = [
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "command",
    "true",
    "claude-session-status mark-turn",
    "claude-session-status statusline",
    "a && claude-session-status mark-turn",
    "& 'C:/x/claude-session-status.exe' mark-wait",
    "permission_prompt",
]


def text_of(chance: random.Random) -> str:
    """A settings file: one of the corpus with a few faults, or JSON that is made up."""
    if chance.random() < 0.5:
        content = chance.choice(CORPUS).content
        text = "" if content is None else content.decode()
    else:
        indent = chance.choice([None, None, 1, "\t"])
        text = json.dumps(value_of(chance, 0), ensure_ascii=chance.random() < 0.5, indent=indent)
    for _ in range(chance.choice([0, 0, 1, 1, 2, 5])):
        start = chance.randrange(len(text) + 1)
        end = min(len(text), start + chance.choice([0, 0, 1, 2, 20]))
        text = text[:start] + chance.choice(PIECES) + text[end:]
    return text


def value_of(chance: random.Random, depth: int) -> object:
    kind = chance.random()
    if depth == 0 or (kind < 0.45 and depth < 5):
        return {chance.choice(KEYS): value_of(chance, depth + 1) for _ in range(chance.randrange(5))}
    if kind < 0.75 and depth < 5:
        return [value_of(chance, depth + 1) for _ in range(chance.randrange(3))]
    return chance.choice(VALUES)


def check(text: str, launcher: Launcher, *, status_line: bool) -> bool:
    """Install and uninstall; whether the text was not refused."""
    inspection.inspect(text, launcher)
    inspection.forbidding_file([("x", text)])
    plugin.enabled_in(text)
    original_from_json(text)
    try:
        stripped = plan_uninstall(text).after
        installed = plan_install(text, launcher, status_line=status_line)
    except SettingsError:
        return False
    assert installed.after is not None
    hooks = json.loads(installed.after.removeprefix("\ufeff"), parse_int=float)["hooks"]
    assert set(hooks) >= {"SessionStart", "UserPromptSubmit", "Stop", "StopFailure", "Notification", "SessionEnd"}
    again = plan_install(installed.after, launcher, installed.original, status_line=status_line)
    assert (again.outcome, again.original) == (ChangeOutcome.UNCHANGED, installed.original)
    kept = original_from_json(original_to_json(installed.original))
    assert plan_uninstall(installed.after, kept).after == stripped
    shown = difference(installed, "settings.json")
    assert all(line.replace("\t", "").isprintable() for line in shown.split("\n"))
    found = inspection.inspect(installed.after, launcher)
    assert (found.problem, found.launchers) == (None, (launcher,))
    return True


def test_any_settings_file_is_edited_and_given_back_or_refused(fuzz: Fuzz) -> None:
    edited, size = 0, fuzz.size(SMALL, FULL)
    for chance in fuzz.cases(size):
        text, launcher = text_of(chance), chance.choice(LAUNCHERS)
        with fuzz.naming(lambda text=text: repr(text)):  # type: ignore[misc]
            edited += check(text, launcher, status_line=chance.random() < 0.5)
    assert size // 4 < edited < size, "both kinds are tried"
    fuzz.report(f"{size} settings files, {edited} of them edited and given back")
