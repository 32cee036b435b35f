"""What a person is advised to do about a failure of the system."""

import errno
import os

import pytest

from claude_session_status.errors import next_step_of


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EACCES, "Check the owner and the mode of the file and of its folder"),
        (errno.EPERM, "Check the owner and the mode of the file and of its folder"),
        (errno.EEXIST, "Move away what is in its place"),
        (errno.ENOTDIR, "Move away what is in its place"),
        (errno.ENOENT, "Make its folder first, or name another"),
        (errno.ENOSPC, "Free space on the disk, then try again"),
        (errno.EROFS, "The disk can only be read: name another, or make it writable"),
        (errno.EIO, "Check the disk, then try again"),
    ],
)
def test_each_reason_of_the_system_has_a_next_step(number: int, advice: str) -> None:
    assert next_step_of(OSError(number, os.strerror(number), "/x")) == advice
