"""Settings that the menu changes: one key, whole or not at all, and everything else as the user wrote it."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_session_status import config, config_file
from claude_session_status.errors import SessionStatusError
from claude_session_status.model import Host

OWN = """# My settings
poll_seconds = 1   # fast

# louder
sound = true  # yes!

[later]
x = 1
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder/config.toml"


def test_without_a_file_one_is_made_that_lists_every_key(path: Path) -> None:
    config_file.change(str(path), "sound", True)
    assert config.load(str(path)) == config.Loaded(config.Config(sound=True))
    text = path.read_text()
    assert all(f"# {line}\n" in text for line in config.as_toml(config.Config()).splitlines())
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("key", "value", "before", "after"),
    [
        ("sound", False, "sound = true  # yes!", "sound = false  # yes!"),
        ("poll_seconds", 2, "poll_seconds = 1   # fast", "poll_seconds = 2   # fast"),
        ("min_tokens", 20_000, "\n[later]", "min_tokens = 20000\n\n[later]"),
        ("notify_before_seconds", (), "\n[later]", "notify_before_seconds = []\n\n[later]"),
        ("notify_before_seconds", "auto", "\n[later]", 'notify_before_seconds = "auto"\n\n[later]'),
    ],
)
def test_comments_order_and_spaces_stay(
    path: Path, key: str, value: config_file.Value, before: str, after: str
) -> None:
    path.parent.mkdir()
    path.write_text(OWN)
    config_file.change(str(path), key, value)
    assert path.read_text() == OWN.replace(before, after)
    assert os.listdir(path.parent) == ["config.toml"]


@pytest.mark.parametrize(
    "content", [b"sound = tru", b"\xff\xfe", b"sound = true\nsound = false", b"x = " + b"[" * 9000]
)
def test_a_file_that_is_no_toml_is_named_in_one_line_and_left_alone(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(SessionStatusError) as caught:
        config_file.change(str(path), "sound", True)
    assert caught.value.title.startswith("config.toml is not ")
    assert "\n" not in caught.value.title
    assert "codec" not in caught.value.title
    assert caught.value.next_step == f"Nothing was changed. Correct {path}"
    assert path.read_bytes() == content
    assert os.listdir(path.parent) == ["config.toml"]


def test_a_byte_order_mark_and_windows_lines_stay(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"\xef\xbb\xbf# mine\r\nsound = true\r\n")
    config_file.change(str(path), "sound", False)
    assert path.read_bytes() == b"\xef\xbb\xbf# mine\r\nsound = false\r\n"


@pytest.mark.skipif(os.name != "posix", reason="links and modes of POSIX; start this test under Linux or macOS")
def test_a_link_to_a_file_elsewhere_stays_a_link_and_the_mode_stays(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "dotfiles/css.toml"
    target.parent.mkdir(mode=0o755)
    target.write_text("sound = true\n")
    target.chmod(0o640)
    path.parent.mkdir()
    path.symlink_to(target)
    config_file.change(str(path), "sound", False)
    assert path.is_symlink()
    assert target.read_text() == "sound = false\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert stat.S_IMODE(target.parent.stat().st_mode) == 0o755


def test_a_folder_in_its_place_is_named(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(SessionStatusError, match=r"config.toml can't be changed: "):
        config_file.change(str(path), "sound", True)


def test_what_an_editor_saves_at_the_same_moment_is_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.parent.mkdir()
    path.write_text("sound = true\n")
    save = os.fsync

    def save_and_edit(descriptor: int) -> None:
        save(descriptor)
        if "edited" not in path.read_text():
            path.write_text("# edited\nsound = true\n")

    monkeypatch.setattr(os, "fsync", save_and_edit)
    config_file.change(str(path), "min_tokens", 7)
    assert path.read_text() == "# edited\nsound = true\nmin_tokens = 7\n"


def test_a_file_is_made_for_the_editor_and_an_existing_one_left_alone(path: Path) -> None:
    config_file.make(str(path))
    assert config.load(str(path)) == config.Loaded()
    path.write_text("sound = true\n")
    config_file.make(str(path))
    assert path.read_text() == "sound = true\n"


@given(
    st.dictionaries(st.sampled_from(["sound", "x y", "ü", "a.b"]), st.booleans() | st.integers() | st.text()),
    st.booleans(),
)
def test_any_file_that_reads_as_toml_keeps_its_other_keys(table: dict[str, object], value: bool) -> None:
    import tomllib

    import tomlkit

    before = tomlkit.dumps(table)
    after = config_file.changed(before.encode(), "sound", value).decode()
    assert tomllib.loads(after) == tomllib.loads(before) | {"sound": value}


DEV = Host("dev", ("docker", "exec", "-i", "dev"))
WITH_HOSTS = """# mine
hosts = [
  "build",  # the big one
  "me@gpu-box",
]

[[host]]
name = "dev"  # a container
command = ["docker", "exec", "-i", "dev"]

[[host]]
name = "old"
program = "~/bin/x"
"""


@pytest.mark.parametrize(
    ("before", "host", "after"),
    [
        ("sound = true\n", Host("build"), 'sound = true\nhosts = ["build"]\n'),
        ("[later]\nx = 1\n", Host("build"), 'hosts = ["build"]\n\n[later]\nx = 1\n'),
        (WITH_HOSTS, Host("new"), WITH_HOSTS.replace('  "me@gpu-box",\n', '  "me@gpu-box",\n  "new",\n')),
        ("sound = true\n", DEV, 'sound = true\n\n[[host]]\nname = "dev"\ncommand = ["docker", "exec", "-i", "dev"]\n'),
        (WITH_HOSTS, Host("n", (), "~/n"), WITH_HOSTS + '\n[[host]]\nname = "n"\nprogram = "~/n"\n'),
        ('host = [{name = "x"}]\n', Host("y", ("z",)), 'host = [{name = "x"}, {name = "y", command = ["z"]}]\n'),
    ],
)
def test_a_host_is_added_and_the_rest_stays(before: str, host: Host, after: str) -> None:
    written = config_file.with_host(before.encode(), host).decode()
    assert written == after
    assert host in config.parse(written).config.hosts


@pytest.mark.parametrize(
    ("name", "gone", "instead"),
    [
        ("build", '  "build",  # the big one\n', ""),
        ("me@gpu-box", '  "me@gpu-box",\n', ""),
        ("dev", '[[host]]\nname = "dev"  # a container\ncommand = ["docker", "exec", "-i", "dev"]\n\n', ""),
        ("old", '[[host]]\nname = "old"\nprogram = "~/bin/x"\n', ""),
    ],
)
def test_a_host_is_removed_and_the_rest_stays(name: str, gone: str, instead: str) -> None:
    written = config_file.without_host(WITH_HOSTS.encode(), name).decode()
    assert written == WITH_HOSTS.replace(gone, instead)
    assert name not in [host.name for host in config.parse(written).config.hosts]


def test_the_last_table_of_a_host_goes_with_it() -> None:
    assert config_file.without_host(b'sound = true\n[[host]]\nname = "a"\n', "a") == b"sound = true\n"


@pytest.mark.parametrize("before", ['hosts = "build"\n', "hosts = 3\n", "hosts = {}\n", '[[hosts]]\nname = "a"\n'])
def test_a_host_is_not_added_where_the_file_has_a_mistake(path: Path, before: str) -> None:
    path.parent.mkdir()
    path.write_text(before)
    with pytest.raises(SessionStatusError, match=r"hosts can't be changed in this config\.toml") as caught:
        config_file.add_host(str(path), Host("new"))
    assert caught.value.next_step == f"Nothing was changed. Correct {path}"
    assert path.read_text() == before


def test_another_setting_is_changed_beside_hosts() -> None:
    written = config_file.changed(WITH_HOSTS.encode(), "sound", True).decode()
    assert config.parse(written).config.sound
    assert config.parse(written).config.hosts == config.parse(WITH_HOSTS).config.hosts
