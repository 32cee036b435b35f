"""The logo is the tray icon: after a change of the icon, the logo must be made again."""

import importlib.util
import math
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

from claude_session_status.desktop.icon import Ring, Stroke, shapes
from claude_session_status.glance import IconSpec
from claude_session_status.model import Urgency

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def make_assets() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_assets", ROOT / "packaging/make_assets.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_assets_match_the_icon(make_assets: ModuleType) -> None:
    stale = [name for name, _ in make_assets.differing(ROOT / "assets")]
    assert stale == [], "run: python packaging/make_assets.py"


def test_a_missing_or_different_file_is_named(make_assets: ModuleType, tmp_path: Path) -> None:
    names = [name for name, _ in make_assets.differing(tmp_path)]
    assert {"logo.svg", "logo-16.png", "logo.ico", "logo.icns"} <= set(names)
    for name, wanted in make_assets.files():
        (tmp_path / name).write_bytes(wanted)
    assert make_assets.differing(tmp_path) == []
    (tmp_path / "logo-16.png").write_bytes((tmp_path / "logo-22.png").read_bytes())
    (tmp_path / "logo.ico").write_bytes(b"not an icon")
    assert [name for name, _ in make_assets.differing(tmp_path)] == ["logo-16.png", "logo.ico"]


@pytest.mark.parametrize("urgency", list(Urgency))
@pytest.mark.parametrize("waiting", [False, True])
def test_every_icon_can_be_written_as_svg(make_assets: ModuleType, urgency: Urgency, waiting: bool) -> None:
    drawn = shapes(IconSpec(urgency, 9, waiting))
    root = ElementTree.fromstring(make_assets.svg(drawn))
    assert len(root) == len(drawn) + 1


def test_svg_paths_lie_where_the_pixels_do(make_assets: ModuleType) -> None:
    """A quarter of a ring ends at three o'clock, three quarters at nine."""
    red = (255, 0, 0, 255)
    quarter = make_assets._element(Ring(red, 1.0, 0.5, 0.25))
    assert 'd="M64.000 0.000 A64 64 0 0 1 128.000 64.000 L96.000 64.000 A32 32 0 0 0 64.000 32.000 Z"' in quarter
    assert " 0 1 1 0.000 64.000 " in make_assets._element(Ring(red, 1.0, 0.5, 0.75))
    line = make_assets._element(Stroke(red, 0.25, ((-0.5, 0), (0.5, 0))))
    assert line.startswith('<polyline points="32.000,64.000 96.000,64.000"')
    assert 'stroke-width="16"' in line
    assert math.isclose(float(make_assets._point(64, 0.5).split()[1]), 128)
