"""Whether hooks can leave their notes: room on the disk."""

import os
import sys

import pytest

from claude_session_status.inbox import has_room

if sys.platform == "win32":
    pytest.skip("it reads statvfs, which Windows lacks: run it under Linux", allow_module_level=True)


@pytest.mark.parametrize(
    ("free", "is_root", "expected"),
    [
        ({}, False, True),
        ({"available": 0}, False, False),
        ({"available": 0}, True, True),
        ({"available": 0, "for_root": 0}, True, False),
        ({"files_available": 0}, False, False),
        pytest.param({"files_available": 0, "files": 0}, False, True, id="a file system without inodes, as btrfs"),
        pytest.param({"available": 0, "blocks": 0}, False, True, id="one that gives no size, as some of FUSE"),
    ],
)
def test_whether_a_disk_has_room_for_a_note(free: dict[str, int], is_root: bool, expected: bool) -> None:
    found = {"blocks": 100, "for_root": 10, "available": 5, "files": 50, "files_available": 7, **free}
    blocks, files = (
        (found[n] for n in ("blocks", "for_root", "available")),
        (found["files"], 7, found["files_available"]),
    )
    assert has_room(os.statvfs_result((4096, 4096, *blocks, *files, 0, 255)), is_root=is_root) is expected
