"""Every key is optional and checked; a mistake is named with its line and never stops anything."""

from pathlib import Path

import pytest

from claude_session_status import config
from claude_session_status.config import Config


def test_no_file_means_defaults(tmp_path: Path) -> None:
    assert config.load(str(tmp_path / "none.toml")) == config.Loaded()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Config()),
        ("poll_seconds = 1", Config(poll_seconds=1)),
        ("notify_before_seconds = 60", Config(notify_before_seconds=(60,))),
        ("notify_before_seconds = [30, 300, 30]", Config(notify_before_seconds=(300, 30))),
        ('notify_before_seconds = "auto"', Config()),
        ("notify_before_seconds = []", Config(notify_before_seconds=())),
        ("default_ttl_seconds = 3600", Config(default_ttl_seconds=3600)),
        ("min_tokens = 20000", Config(min_tokens=20_000)),
        ("sound = true", Config(sound=True)),
    ],
)
def test_what_is_set_holds(text: str, expected: Config) -> None:
    assert config.parse(text) == config.Loaded(expected)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("\npoll_seconds = 0", "config.toml:2: poll_seconds must be a number from 0.5 to 5, not 0"),
        ("poll_seconds = true", "config.toml:1: poll_seconds must be a number from 0.5 to 5, not True"),
        ("default_ttl_seconds = 60", "config.toml:1: default_ttl_seconds must be 300 or 3600, not 60"),
        ("\n\npoll_second = 2", "config.toml:3: unknown key 'poll_second'; known: default_ttl_seconds, "),
        ("min_tokens = -1", "config.toml:1: min_tokens must be a whole number of tokens from 0 to 10000000, not -1"),
        ("min_tokens = 1.5", "config.toml:1: min_tokens must be a whole number"),
        ("sound = 1", "config.toml:1: sound must be true or false, not 1"),
        ("[more]\nx = 1", "config.toml:1: unknown key 'more'"),
        ('notify_before_seconds = "soon"', "config.toml:1: notify_before_seconds must be a number of seconds from 5"),
        ("poll_seconds = ", "config.toml is not valid TOML: "),
    ],
)
def test_a_mistake_is_named_and_the_default_used(text: str, problem: str) -> None:
    loaded = config.parse(text)
    assert loaded.config == Config()
    (told,) = loaded.problems
    assert told.startswith(problem)


def test_one_mistake_leaves_the_other_keys_alone() -> None:
    assert config.parse("poll_seconds = 99\ndefault_ttl_seconds = 3600").config == Config(default_ttl_seconds=3600)


@pytest.mark.parametrize("kind", ["directory", "not text"])
def test_a_file_that_cannot_be_read_is_named(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.mkdir() if kind == "directory" else path.write_bytes(b"\xff\xfe")
    loaded = config.load(str(path))
    assert loaded.config == Config()
    assert str(path) in loaded.problems[0]
