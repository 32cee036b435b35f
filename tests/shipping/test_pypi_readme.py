"""On PyPI the README's pictures and links are addresses: nothing lies beside it there."""

import re
from pathlib import Path

import pytest

import pypi_readme

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
AT = "https://github.com/somebody/countdown"


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("![Icon](assets/tray.png)", f"![Icon]({AT}/raw/v1.2.3/assets/tray.png)"),
        ("a [file](packaging/README.md).", f"a [file]({AT}/blob/v1.2.3/packaging/README.md)."),
        ("![](a.png) | ![](b.png)", f"![]({AT}/raw/v1.2.3/a.png) | ![]({AT}/raw/v1.2.3/b.png)"),
        ("[there](https://example.org/x) and [here](#uninstall)",) * 2,
        ("`status [--json]` (of all)",) * 2,
    ],
)
def test_paths_become_addresses(text: str, whole: str) -> None:
    assert pypi_readme.whole(text, "somebody/countdown", "1.2.3") == whole


def test_none_is_left_and_nothing_else_changes() -> None:
    whole = pypi_readme.whole(README, "somebody/countdown", "1.2.3")
    assert not re.search(r"\]\((?!https://|#)", whole)
    assert re.sub(rf"{AT}/(?:raw|blob)/v1\.2\.3/", "", whole) == README
