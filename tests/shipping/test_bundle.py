"""The macOS app, put together by PyInstaller's own COLLECT and BUNDLE from stub programs, as if on a Mac."""

import os
import plistlib
import sys
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PyInstaller.building import api, osx
from PyInstaller.config import CONF

import identity
from claude_session_status import __version__

SPEC = Path(__file__).parents[2] / "packaging/pyinstaller/claude-session-status.spec"
COMMAND, TRAY = "claude-session-status", "claude-session-status-tray"


class StubExe(api.EXE):  # type: ignore[misc]  # PyInstaller ships no types
    """A program of one line in the place of the bootloader, which is another one on a Mac."""

    def __init__(self, *_: Any, name: str, console: bool, **options: Any) -> None:
        assert options["exclude_binaries"]
        path = Path(CONF["workpath"], name)
        path.write_text(f"the program {name}")
        self.name, self.pkgname, self.console = str(path), f"{path}.pkg", console
        self.dependencies: list[Any] = []
        self.toc: list[Any] = []
        self.append_pkg, self.exclude_binaries, self.contents_directory = True, True, "_internal"
        self.target_arch = self.codesign_identity = self.entitlements_file = None


@dataclass
class App:
    """The app's folder, and what was signed."""

    folder: Path
    signed: list[str]

    @property
    def info(self) -> dict[str, Any]:
        with (self.folder / "Contents/Info.plist").open("rb") as file:
            return dict(plistlib.load(file))


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> App:
    """The app that the spec makes."""
    root = tmp_path_factory.mktemp("bundle")
    price_list = root / "prices.json"
    price_list.write_text("{}")
    signed: list[str] = []
    found = types.SimpleNamespace(
        pure=[], scripts=[], binaries=[], datas=[("data/prices.json", str(price_list), "DATA")]
    )
    with pytest.MonkeyPatch.context() as patch:
        for name in ("work", "dist"):
            (root / name).mkdir()
            patch.setitem(CONF, f"{name}path", str(root / name))
        for name, value in {
            "specpath": str(SPEC.parent),
            "spec": str(SPEC),
            "specnm": SPEC.stem,
            "noconfirm": True,
            "upx_available": False,
        }.items():
            patch.setitem(CONF, name, value)
        patch.setattr(sys, "platform", "darwin")
        patch.setattr(osx, "is_darwin", True)
        sign = types.SimpleNamespace(sign_binary=lambda name, *_, **__: signed.append(name))
        patch.setattr(osx, "osxutils", sign, raising=False)
        names: dict[str, Any] = {
            "Analysis": lambda *_, **__: found,
            "PYZ": lambda *_, **__: None,
            "EXE": StubExe,
            "COLLECT": api.COLLECT,
            "BUNDLE": osx.BUNDLE,
        }
        exec(compile(SPEC.read_text(), SPEC, "exec"), {"SPECPATH": str(SPEC.parent), **names})
    return App(root / "dist/Claude Session Status.app", signed)


def test_a_double_click_starts_the_tray(app: App) -> None:
    """The command has nothing to show, and would be what PyInstaller chooses."""
    assert app.info["CFBundleExecutable"] == TRAY
    program = app.folder / "Contents/MacOS" / app.info["CFBundleExecutable"]
    assert program.read_text() == f"the program {TRAY}"
    assert os.access(program, os.X_OK)


def test_it_may_show_an_icon_and_has_none_in_the_dock(app: App) -> None:
    assert app.info["LSBackgroundOnly"] is False
    assert app.info["LSUIElement"] is True


def test_the_command_lies_beside_it_where_the_cask_and_the_login_expect_it(app: App) -> None:
    assert (app.folder / "Contents/MacOS" / COMMAND).is_file()
    cask = (SPEC.parents[1] / "homebrew/claude-session-status-app.rb").read_text()
    assert f"{app.folder.name}/Contents/MacOS/{COMMAND}" in cask


def test_its_property_list_is_complete(app: App) -> None:
    info = app.info
    assert info["CFBundleIdentifier"] == identity.bundle_id(identity.repository())
    assert info["CFBundleShortVersionString"] == __version__
    assert (app.folder / "Contents/Resources" / info["CFBundleIconFile"]).read_bytes()[:4] == b"icns"
    assert info["NSHighResolutionCapable"] is True


def test_all_of_it_is_signed_at_last(app: App) -> None:
    assert app.signed == [str(app.folder)]
    assert (app.folder / "Contents/Resources/data/prices.json").is_file()
