"""From which size on a client compacts an idle conversation: its settings, its environment, and nothing else of it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from claude_session_status.claude import pids
from claude_session_status.claude.idle_compaction import IdleCompaction, environment_of, tokens_from
from claude_session_status.model import Process
from rows import session


@pytest.mark.parametrize(
    ("what", "settings", "environment", "expected"),
    [
        ("nothing set", [], {}, 200_000),
        ("settings that do not matter", [{"model": "opus", "idleCompaction": True}], {}, 200_000),
        ("turned off", [{"idleCompaction": False}], {}, None),
        ("turned off in any file", [{"idleCompaction": False}, {"idleCompaction": True}], {}, None),
        ("compacts nothing by itself", [{"autoCompactEnabled": False}], {}, None),
        ("a value of the wrong type is no value", [{"idleCompaction": "false"}], {}, 200_000),
        ("auto-compaction off", [], {"DISABLE_AUTO_COMPACT": "1"}, None),
        ("compaction off", [], {"DISABLE_COMPACT": "True"}, None),
        ("not off", [], {"DISABLE_COMPACT": "0", "DISABLE_AUTO_COMPACT": ""}, 200_000),
        ("a threshold of its own", [], {"CLAUDE_CODE_IDLE_COMPACT_MIN_TOKENS": "350000"}, 350_000),
        ("not below the floor", [], {"CLAUDE_CODE_IDLE_COMPACT_MIN_TOKENS": "5"}, 100_000),
        ("no number", [], {"CLAUDE_CODE_IDLE_COMPACT_MIN_TOKENS": "many"}, 200_000),
        ("another alphabet's digits", [], {"CLAUDE_CODE_IDLE_COMPACT_MIN_TOKENS": "\u0663"}, 200_000),
        ("a variable in the settings", [{"env": {"DISABLE_AUTO_COMPACT": "1"}}], {}, None),
        ("the settings beat the environment",
            [{"env": {"CLAUDE_CODE_IDLE_COMPACT_MIN_TOKENS": 150000}}],
            {"CLAUDE_CODE_IDLE_COMPACT_MIN_TOKENS": "350000"}, 150_000),
        ("variables that are no object", [{"env": ["DISABLE_AUTO_COMPACT"]}], {}, 200_000),
    ],
)  # fmt: skip
def test_the_threshold_follows_settings_and_environment(
    what: str, settings: list[dict[str, Any]], environment: dict[str, str], expected: int | None
) -> None:
    assert tokens_from(settings, environment) == expected, what


@pytest.fixture
def look(tmp_path: Path) -> IdleCompaction:
    (tmp_path / "home/.claude").mkdir(parents=True)
    return IdleCompaction(str(tmp_path / "home/.claude"), managed=(str(tmp_path / "managed"),))


def large(folder: Path, **fields: object) -> Any:
    return session(entrypoint="cli", context_tokens=214_000, project_folder=str(folder / "app"), **fields)


@pytest.mark.parametrize(
    "path",
    [
        "home/.claude/settings.json",
        "home/.claude.json",
        "app/.claude/settings.json",
        "app/.claude/settings.local.json",
        "managed/managed-settings.json",
        "managed/managed-settings.d/10-cache.json",
    ],
)
def test_any_settings_file_can_turn_it_off(path: str, look: IdleCompaction, tmp_path: Path) -> None:
    name = "autoCompactEnabled" if path == "home/.claude.json" else "idleCompaction"
    assert look.tokens_of(large(tmp_path)) == 200_000
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({name: False}))
    assert look.tokens_of(large(tmp_path)) is None
    file.write_text(json.dumps({name: True, "more": 1}))
    os.utime(file, (1, 1))
    assert look.tokens_of(large(tmp_path)) == 200_000


@pytest.mark.parametrize("content", ["", "{", "[1]", "null", "[" * 100_000, "\udcff"])
def test_a_settings_file_that_is_none_counts_as_empty(content: str, look: IdleCompaction, tmp_path: Path) -> None:
    (tmp_path / "home/.claude/settings.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    assert look.tokens_of(large(tmp_path)) == 200_000


def test_a_pipe_in_place_of_a_settings_file_blocks_nobody(look: IdleCompaction, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "home/.claude/settings.json")
    assert look.tokens_of(large(tmp_path)) == 200_000


@pytest.mark.parametrize(
    ("what", "fields"),
    [
        ("a program's session", {"entrypoint": "sdk-cli"}),
        ("an editor's session", {"entrypoint": "claude-vscode"}),
        ("an unknown entrypoint", {"entrypoint": None}),
        ("smaller than any threshold", {"context_tokens": 99_999}),
        ("of unknown size", {"context_tokens": None}),
    ],
)
def test_a_session_that_never_qualifies(what: str, fields: dict[str, object], look: IdleCompaction) -> None:
    values: dict[str, object] = {"entrypoint": "cli", "context_tokens": 214_000, **fields}
    assert look.tokens_of(session(**values)) is None, what


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the environment of another process is not read")
def test_of_a_running_clients_environment_only_three_variables_are_kept(look: IdleCompaction, tmp_path: Path) -> None:
    secret = {"ANTHROPIC_API_KEY": "secret", "XDISABLE_COMPACT": "1"}
    wanted = {"CLAUDE_CODE_IDLE_COMPACT_MIN_TOKENS": "120000", "DISABLE_COMPACT": "no"}
    child = subprocess.Popen(
        [sys.executable, "-S", "-c", "print(); input()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **secret, **wanted},
    )  # fmt: skip
    assert child.stdout is not None
    child.stdout.readline()
    process = Process(child.pid, pids.start_ticks(child.pid), pids.pid_namespace())
    try:
        assert environment_of(process) == wanted
        assert look.tokens_of(large(tmp_path, process=process)) == 120_000
        assert environment_of(Process(child.pid, 1, process.namespace)) == {}, "an earlier process of that id"
        assert environment_of(Process(child.pid, process.started, "pid:[1]")) == {}, "a process of a container"
    finally:
        child.communicate()
    assert environment_of(process) == {}
