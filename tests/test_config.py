"""Every key is optional and checked. A mistake is named with its line and stops nothing."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_session_status import config
from claude_session_status.config import Config
from claude_session_status.model import Host
from claude_session_status.quiet import QuietHours


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
        ("notify_when_waiting = true", Config(notify_when_waiting=True)),
        ('quiet = ["22:00-07:00"]', Config(quiet=(QuietHours(1320, 420),))),
        ('quiet = "22:00-07:00"', Config(quiet=(QuietHours(1320, 420),))),
        ('quiet = ["22:00-07:00", "12:00-13:30"]', Config(quiet=(QuietHours(1320, 420), QuietHours(720, 810)))),
        ("quiet = []", Config()),
        ('on_alert = ["notify-phone", "--quick", ""]', Config(on_alert=("notify-phone", "--quick", ""))),
        ("on_alert = []", Config()),
        ("hosts = []", Config()),
        ('hosts = ["build", "me@gpu-box"]', Config(hosts=(Host("build"), Host("me@gpu-box")))),
        (
            '[[host]]\nname = "dev"\ncommand = ["docker", "exec", "-i", "dev"]',
            Config(hosts=(Host("dev", ("docker", "exec", "-i", "dev")),)),
        ),
        (
            'hosts = ["a"]\n[[host]]\nname = "b"\nprogram = "~/bin/x"\n[[host]]\nname = "c"',
            Config(hosts=(Host("a"), Host("b", (), "~/bin/x"), Host("c"))),
        ),
        ('host = [{name = "a"}]', Config(hosts=(Host("a"),))),
    ],
)
def test_a_valid_key_is_used(text: str, expected: Config) -> None:
    assert config.parse(text) == config.Loaded(expected)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("\npoll_seconds = 0", "config.toml:2: poll_seconds must be a number from 0.5 to 5, not 0"),
        ("poll_seconds = true", "config.toml:1: poll_seconds must be a number from 0.5 to 5, not True"),
        ("default_ttl_seconds = 60", "config.toml:1: default_ttl_seconds must be 300 or 3600, not 60"),
        ("\n\npoll_second = 2", "config.toml:3: unknown key 'poll_second'. Did you mean poll_seconds?"),
        ("min_tokens = -1", "config.toml:1: min_tokens must be a whole number of tokens from 0 to 10000000, not -1"),
        ("min_tokens = 1.5", "config.toml:1: min_tokens must be a whole number"),
        ("sound = 1", "config.toml:1: sound must be true or false, not 1"),
        (
            'quiet = ["22-7"]',
            'config.toml:1: quiet must be a list of hours such as ["22:00-07:00", "12:30-13:00"], [] ',
        ),
        ("quiet = 22", "config.toml:1: quiet must be a list of hours such as "),
        ('quiet = ["22:00-07:00", 7]', "config.toml:1: quiet must be a list of hours such as "),
        ('on_alert = "notify-phone --quick"', "config.toml:1: on_alert must be a list of a program and its arguments"),
        ('on_alert = ["a", 1]', "config.toml:1: on_alert must be a list of a program and its arguments such as "),
        ('on_alert = [""]', "config.toml:1: on_alert must be a list of a program and its arguments such as "),
        (
            'on_alert = ["a", "\\u0000"]',
            "config.toml:1: on_alert must be a list of a program and its arguments such as ",
        ),
        ("notify_when_waiting = 1", "config.toml:1: notify_when_waiting must be true or false, not 1"),
        ("[more]\nx = 1", "config.toml:1: unknown key 'more'. Known keys: default_ttl_seconds, "),
        ('notify_before_seconds = "soon"', "config.toml:1: notify_before_seconds must be a number of seconds from 5"),
        ("poll_seconds = ", "config.toml is not valid TOML: "),
        ("poll_seconds = " + "9" * 5000, "config.toml is not valid TOML: "),
        ("poll_seconds = 0x" + "f" * 5000, "config.toml:1: poll_seconds must be a number from 0.5 to 5, not a number"),
        ("poll_seconds = " + "[" * 100_000, "config.toml is not valid TOML: "),
        ("poll_seconds = '" + "x" * 5000 + "'", "config.toml:1: poll_seconds must be a number from 0.5 to 5, not 'xxx"),
    ],
)
def test_a_mistake_is_named_and_the_default_used(text: str, problem: str) -> None:
    loaded = config.parse(text)
    assert loaded.config == Config()
    (first,) = loaded.problems
    assert first.startswith(problem)


_A_NAME = "a name of at most 64 letters, digits and . _ @ % : + -, and none that begins with -"


@pytest.mark.parametrize(
    ("text", "problem", "left"),
    [
        ('hosts = "build"', "1: hosts must be a list of machines for ssh such as ", ()),
        ('\nhosts = [\n  "build",\n  "-oProxyCommand=x",\n]', f"4: a host must be {_A_NAME}, not '-oP", ("build",)),
        ('hosts = ["a b"]', f"1: a host must be {_A_NAME}, not 'a b'", ()),
        ('hosts = ["me@-oProxyCommand=x"]', f"1: a host must be {_A_NAME}, not 'me@-oP", ()),
        ('[[host]]\nname = "a"\nprogram = "~/my files/x"', "3: program must be a path there without blanks ", ()),
        ('hosts = ["a/b"]', f"1: a host must be {_A_NAME}, not 'a/b'", ()),
        (f'hosts = ["{"x" * 65}"]', f"1: a host must be {_A_NAME}, not 'xxx", ()),
        ("hosts = [7]", f"1: a host must be {_A_NAME}, not 7", ()),
        ('hosts = ["a",\n"b", "a"]', "1: the host 'a' is listed twice; the first entry counts", ("a", "b")),
        ('hosts = ["a"]\n\n[[host]]\nname = "a"', "3: the host 'a' is listed twice; the first entry ", ("a",)),
        ("host = 3", "1: host must be tables, each under a line [[host]], not 3", ()),
        ('\n[host]\nname = "a"', "2: host must be tables, each under a line [[host]], not {'name': 'a'}", ()),
        ('[[host]]\nname = "a"\n\n[[host]]\ncommand = ["x"]', f"4: a [[host]] needs a name: {_A_NAME}", ("a",)),
        (
            '[[host]]\nname = "a"\n\n[[host]]\nname = "b"\ncommand = "docker exec"',
            '6: command must be a list of a program and its arguments such as ["docker", "exec", "-i", "dev"], not',
            ("a",),
        ),
        ('[[host]]\nname = "a"\ncommand = []', "3: command must be a list of a program and its arguments ", ()),
        ('[[host]]\nname = "a"\nprogram = "-x"', "3: program must be a path there without blanks such as ", ()),
        ('[[host]]\nname = "a"\nprogam = "x"', "3: unknown key 'progam' in [[host]]. Did you mean program?", ("a",)),
        ('[[host]]\nname = "a"\nx = 1', "3: unknown key 'x' in [[host]]. Known keys: name, command, program", ("a",)),
        ("hots = []", "1: unknown key 'hots'. Did you mean hosts?", ()),
    ],
)
def test_a_mistake_in_one_host_is_named_and_leaves_the_others(text: str, problem: str, left: tuple[str, ...]) -> None:
    loaded = config.parse(text)
    assert tuple(host.name for host in loaded.config.hosts) == left
    (first,) = loaded.problems
    assert first.startswith(f"config.toml:{problem}")


def test_one_mistake_leaves_the_other_keys_alone() -> None:
    assert config.parse("poll_seconds = 99\ndefault_ttl_seconds = 3600").config == Config(default_ttl_seconds=3600)


@pytest.mark.parametrize(
    "kind",
    [
        "directory",
        "not text",
        pytest.param(
            "pipe",
            marks=pytest.mark.skipif(
                not hasattr(os, "mkfifo"), reason="Windows has no such files; start these tests under Linux or macOS"
            ),
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_named(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    if kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.write_bytes(b"\xff\xfe")
    loaded = config.load(str(path))
    assert loaded.config == Config()
    assert str(path) in loaded.problems[0]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("poll_seconds = 2\npoll = 3", 2),
        ("# poll = 3\n\n'poll' = 3", 3),
        ("poll_seconds = 2\n[poll]\nx = 1", 2),
        ("poll.x = 3", 1),
    ],
)
def test_a_key_is_found_on_its_own_line(text: str, line: int) -> None:
    (problem,) = config.parse(text).problems
    assert problem.startswith(f"config.toml:{line}: unknown key 'poll'. ")


def test_mistakes_come_in_the_order_of_their_lines_and_after_ten_only_their_number() -> None:
    text = "poll = 1\nhosts = 3\nx = 2\n"
    lines = [problem.split(":")[1] for problem in config.parse(text).problems]
    assert lines == ["1", "2", "3"]
    many = config.parse("".join(f"k{number} = 1\n" for number in range(300))).problems
    assert len(many) == 11
    assert many[-1] == "config.toml: 290 more mistakes"


def test_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xef\xbb\xbfpoll_seconds = 1\r\n")
    assert config.load(str(path)) == config.Loaded(Config(poll_seconds=1))


_HOURS = st.builds(QuietHours, st.integers(0, 1439), st.integers(0, 1439)).filter(
    lambda hours: hours.start != hours.end
)
_NAMES = st.from_regex(r"(?!-)(?!.*@-)[A-Za-z0-9._@%:+-]{1,64}", fullmatch=True)
_PRINTABLE = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1)
_HOSTS = st.builds(Host, _NAMES) | st.builds(
    Host,
    _NAMES,
    st.lists(_PRINTABLE, max_size=3).map(tuple),
    st.none() | st.from_regex(r"(?!-)[A-Za-z0-9._@%:+=/~-]+", fullmatch=True),
)


def _as_in_a_file(hosts: list[Host]) -> tuple[Host, ...]:
    """The hosts without a table first."""
    return tuple(sorted(hosts, key=lambda host: bool(host.command or host.program)))


_WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@given(
    st.builds(
        Config,
        poll_seconds=st.floats(0.5, 5),
        notify_before_seconds=st.none()
        | st.sets(st.floats(5, 3300)).map(lambda leads: tuple(sorted(leads, reverse=True))),
        default_ttl_seconds=st.sampled_from([300, 3600]),
        min_tokens=st.integers(0, 10_000_000),
        notify_when_waiting=st.booleans(),
        quiet=st.lists(_HOURS, max_size=3).map(tuple),
        on_alert=st.lists(_WORDS, max_size=3).map(tuple),
        hosts=st.lists(_HOSTS, max_size=3, unique_by=lambda host: host.name).map(_as_in_a_file),
        sound=st.booleans(),
    )
)
def test_printed_settings_can_be_read_again(effective: Config) -> None:
    assert config.parse(config.as_toml(effective)) == config.Loaded(effective)


def test_a_file_is_read_again_when_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    file = config.ConfigFile(str(path))
    assert (file.reread(), file.loaded) == (False, config.Loaded())
    path.write_text("poll_seconds = 1")
    assert (file.reread(), file.loaded.config) == (True, Config(poll_seconds=1))
    assert not file.reread()
    path.write_text("poll_seconds = 'often'")
    assert file.reread()
    assert file.loaded.config == Config()
    assert file.loaded.problems[0].startswith("config.toml:1: poll_seconds must be")
    path.unlink()
    assert (file.reread(), file.loaded) == (True, config.Loaded())
