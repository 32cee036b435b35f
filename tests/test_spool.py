"""The durable inbox: whole notes or none, in order, and nothing that follows a link or blocks."""

import os
import stat
from pathlib import Path

import pytest

from claude_session_status.spool import LARGEST_NOTE, Spool


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(str(tmp_path / "made" / "spool"))


def test_notes_come_back_in_the_order_of_their_times(spool: Spool) -> None:
    for at in (3.5, 1.25, 2.0):
        spool.write(f"{at}".encode(), at)
    assert [spool.read(name) for name in spool.names()] == [b"1.25\n", b"2.0\n", b"3.5\n"]


def test_folder_and_notes_are_private(spool: Spool) -> None:
    name = spool.write(b"x", 1.0)
    folder = Path(spool.folder)
    assert [stat.S_IMODE(p.stat().st_mode) for p in (folder.parent, folder, folder / name)] == [0o700, 0o700, 0o600]


def test_a_removed_note_is_gone_for_good_and_removing_it_again_is_harmless(spool: Spool) -> None:
    name = spool.write(b"x", 1.0)
    spool.remove(name)
    spool.remove(name)
    assert spool.read(name) is None
    assert spool.names() == []


def test_a_folder_that_is_not_there_holds_nothing(spool: Spool) -> None:
    assert spool.names() == []


def test_a_failed_write_leaves_no_half_note(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    spool.write(b"first", 1.0)
    real = os.write

    def full(descriptor: int, data: bytes) -> int:
        if len(data) > 3:
            return real(descriptor, data[:3])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        spool.write(b"second", 2.0)
    assert len(os.listdir(spool.folder)) == 1


@pytest.mark.parametrize("kind", ["no newline", "too long", "directory", "fifo", "link to a file", "dangling link"])
def test_what_is_no_whole_note_reads_as_empty_and_can_be_set_aside(kind: str, spool: Spool, tmp_path: Path) -> None:
    spool.write(b"good", 2.0)
    outside = tmp_path / "outside"
    outside.write_bytes(b"secret\n")
    path = Path(spool.folder) / "00000000000000001-1-aa.json"
    if kind == "no newline":
        path.write_bytes(b'{"half": ')
    elif kind == "too long":
        path.write_bytes(b"x" * LARGEST_NOTE + b"\n")
    elif kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to(outside if kind == "link to a file" else tmp_path / "nowhere")
    assert spool.names()[0] == path.name
    assert spool.read(path.name) == b""
    spool.refuse(path.name)
    assert len(spool.names()) == 1
    assert outside.read_bytes() == b"secret\n"


@pytest.mark.parametrize("name", ["", ".", "..", "/etc/passwd", "../outside", "a/b"])
def test_a_name_that_leads_out_of_the_folder_is_no_note(name: str, spool: Spool, tmp_path: Path) -> None:
    spool.write(b"x", 1.0)
    outside = Path(spool.folder).parent / "outside"
    outside.write_bytes(b"precious\n")
    assert spool.read(name) == b""
    for use in (spool.refuse, spool.remove):
        with pytest.raises(OSError, match="not the name of a note"):
            use(name)
    assert outside.read_bytes() == b"precious\n"


@pytest.mark.skipif(os.name != "posix", reason="Windows has no umask")
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_folder_and_note_are_private_whatever_the_umask(umask: int, spool: Spool, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        name = spool.write(b"x", 1.0)
    finally:
        os.umask(before)
    folder = Path(spool.folder)
    assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.parent.stat().st_mode) & 0o077 == 0


@pytest.mark.skipif(os.name != "posix", reason="Windows has access lists in place of modes")
def test_a_folder_that_others_could_write_to_is_narrowed(spool: Spool) -> None:
    spool.write(b"x", 1.0)
    os.chmod(spool.folder, 0o777)
    spool.write(b"y", 2.0)
    assert stat.S_IMODE(os.stat(spool.folder).st_mode) == 0o700
