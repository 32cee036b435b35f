"""The wheel as CI built it: it holds all of the program, so that what the tests prove about src holds for it too."""

import os
import zipfile
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
BUILD = "python -m build --wheel ."

pytestmark = pytest.mark.package


def test_it_holds_every_file_of_the_program_byte_for_byte() -> None:
    built = os.environ.get("WHEEL")
    if not built:
        pytest.skip(f"WHEEL names no wheel; build one: {BUILD}, and set it to the file's path")
    with zipfile.ZipFile(built) as wheel:
        names = [name for name in wheel.namelist() if not name.split("/")[0].endswith((".dist-info", ".data"))]
        packed = {name: wheel.read(name) for name in names}
    files = [path for path in SOURCE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert packed == {path.relative_to(SOURCE).as_posix(): path.read_bytes() for path in files}
