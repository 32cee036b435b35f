"""The PyInstaller spec, run with a stand-in for PyInstaller on each system: what would be built there."""

import sys
import types
from pathlib import Path
from typing import Any

import pytest

import identity
from claude_session_status import __version__

SPEC = Path(__file__).parents[2] / "packaging/pyinstaller/claude-session-status.spec"
RESOURCES = (
    "VSVersionInfo",
    "FixedFileInfo",
    "StringFileInfo",
    "StringTable",
    "StringStruct",
    "VarFileInfo",
    "VarStruct",
)
RUNTIME_HOOKS = ["pyi_rth_inspect", "pyi_rth_pkgutil", "pyi_rth_pyobjc", "pyi_rth_multiprocessing"]


class Built:
    """What the spec asked for: the calls by their name."""

    def __init__(self) -> None:
        self.calls: dict[str, list[tuple[tuple[Any, ...], dict[str, Any]]]] = {}

    def builder(self, name: str) -> Any:
        def build(*values: Any, **options: Any) -> Any:
            self.calls.setdefault(name, []).append((values, options))
            scripts = [(hook, f"{hook}.py", "PYSOURCE") for hook in RUNTIME_HOOKS]
            if name == "Analysis":
                scripts.append((Path(values[0][0]).stem, values[0][0], "PYSOURCE"))
            return types.SimpleNamespace(pure=[], scripts=scripts, binaries=[], datas=[], name=options.get("name"))

        return build

    def options(self, name: str) -> list[dict[str, Any]]:
        return [options for _, options in self.calls.get(name, [])]


def run(platform: str, monkeypatch: pytest.MonkeyPatch) -> Built:
    """Run the spec as PyInstaller does on that system."""
    built = Built()
    hooks = types.SimpleNamespace(
        collect_data_files=lambda package: [(package, package)],
        copy_metadata=lambda package: [(package, f"{package}.dist-info")],
    )
    resource = types.SimpleNamespace(**{name: lambda *values, **options: (values, options) for name in RESOURCES})
    monkeypatch.setitem(sys.modules, "PyInstaller.utils.hooks", hooks)
    monkeypatch.setitem(sys.modules, "PyInstaller.utils.win32", types.SimpleNamespace(versioninfo=resource))
    monkeypatch.setattr(sys, "platform", platform)
    names = {name: built.builder(name) for name in ("Analysis", "PYZ", "EXE", "COLLECT", "BUNDLE")}
    exec(compile(SPEC.read_text(), SPEC, "exec"), {"SPECPATH": str(SPEC.parent), **names})
    return built


@pytest.mark.parametrize("platform", ["win32", "darwin", "linux"])
def test_two_programs_share_a_folder(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    built = run(platform, monkeypatch)
    assert [(o["name"], o["console"]) for o in built.options("EXE")] == [
        ("claude-session-status-tray", False),
        ("claude-session-status", True),
    ]
    assert len(built.options("COLLECT")) == 1
    assert all(o["exclude_binaries"] for o in built.options("EXE")), "one file would unpack itself at each hook"
    for (scripts, *_), _ in built.calls["Analysis"]:
        assert Path(scripts[0]).is_file()
    for options in built.options("EXE"):
        assert Path(options["icon"]).is_file()


@pytest.mark.parametrize(
    ("platform", "backend"), [("win32", "pystray._win32"), ("darwin", "pystray._darwin"), ("linux", "pystray._xorg")]
)
def test_what_is_chosen_by_name_is_packed(platform: str, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for options in run(platform, monkeypatch).options("Analysis"):
        assert backend in options["hiddenimports"]


def test_the_prices_come_with_what_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    for options in run("linux", monkeypatch).options("Analysis"):
        assert {("genai_prices", "genai_prices"), ("genai_prices", "genai_prices.dist-info")} <= set(options["datas"])


def test_a_hook_starts_without_what_it_does_not_need(monkeypatch: pytest.MonkeyPatch) -> None:
    for (_, scripts), _ in run("darwin", monkeypatch).calls["EXE"]:
        kept = [entry[0] for entry in scripts]
        assert "pyi_rth_inspect" not in kept
        assert "pyi_rth_pyobjc" in kept
        assert kept[-1] in {"tray", "command"}


def test_on_a_mac_it_is_an_app_without_a_dock_icon(monkeypatch: pytest.MonkeyPatch) -> None:
    (app,) = run("darwin", monkeypatch).options("BUNDLE")
    assert app["name"] == "Claude Session Status.app"
    assert app["version"] == app["info_plist"]["CFBundleShortVersionString"] == __version__
    assert app["info_plist"]["LSUIElement"] is True
    assert app["bundle_identifier"] == identity.bundle_id(identity.repository())


def test_on_windows_the_files_properties_name_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    built = run("win32", monkeypatch)
    assert built.options("BUNDLE") == []
    for options in built.options("EXE"):
        assert __version__ in str(options["version"])
