"""The manifests for Homebrew and winget: filled in from real files, whole, and consistent.

winget's are read as YAML and held against what its schema 1.10 asks for. Homebrew's are Ruby; that `brew` takes them is
not tried here.
"""

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import identity
import manifests
from claude_session_status import __version__

REPOSITORY = "somebody/claude-session-status"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a release's files."""
    folder = tmp_path / "files"
    folder.mkdir()
    for name in manifests.file_names(__version__).values():
        (folder / name).write_text(name)
    return folder


@pytest.fixture
def filled(files: Path, tmp_path: Path) -> Path:
    """The manifests of that release."""
    assert manifests.main(["--repository", REPOSITORY, str(files), str(tmp_path / "out")]) == 0
    return tmp_path / "out"


def digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def test_nothing_is_left_to_fill_in(filled: Path) -> None:
    written = [path for path in filled.rglob("*") if path.is_file()]
    assert len(written) == len(list(manifests.templates())) == 5
    assert not [path for path in written if manifests.PLACE.search(path.read_text())]


def test_a_file_that_was_not_built_is_named(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = f"claude-session-status-{__version__}-windows-x64.zip"
    (files / name).unlink()
    assert manifests.main(["--repository", REPOSITORY, str(files), str(tmp_path / "out")]) == 1
    assert name in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_workflow_packs_files_of_these_names() -> None:
    workflow = (Path(__file__).parents[2] / ".github/workflows/ci.yml").read_text()
    packed = re.findall(r"name: ((?:macos|windows)-\w+) }", workflow)
    names = {f"claude-session-status-{__version__}-{name}.zip" for name in packed}
    assert names == {name for name in manifests.file_names(__version__).values() if name.endswith(".zip")}


# ---- winget -----------------------------------------------------------------

WINGET = {  # manifest type -> the keys that its schema asks for
    "version": {"PackageIdentifier", "PackageVersion", "DefaultLocale", "ManifestType", "ManifestVersion"},
    "installer": {"PackageIdentifier", "PackageVersion", "Installers", "ManifestType", "ManifestVersion"},
    "defaultLocale": {
        "PackageIdentifier", "PackageVersion", "PackageLocale", "Publisher", "PackageName", "License",
        "ShortDescription", "ManifestType", "ManifestVersion",
    },
}  # fmt: skip


@pytest.fixture
def winget(filled: Path) -> dict[str, Any]:
    """Its three manifests by their type."""
    read = [(path, yaml.safe_load(path.read_text("utf-8"))) for path in (filled / "winget").iterdir()]
    for path, manifest in read:
        suffix = {"installer": ".installer", "defaultLocale": ".locale.en-US", "version": ""}[manifest["ManifestType"]]
        assert path.name == f"{manifest['PackageIdentifier']}{suffix}.yaml"
        first = path.read_text("utf-8").splitlines()[0]
        assert f"winget-manifest.{manifest['ManifestType']}.{manifest['ManifestVersion']}.schema.json" in first
    return {manifest["ManifestType"]: manifest for _, manifest in read}


@pytest.mark.parametrize("kind", WINGET)
def test_winget_finds_the_keys_that_it_asks_for(kind: str, winget: dict[str, Any]) -> None:
    manifest = winget[kind]
    assert WINGET[kind] <= set(manifest)
    assert manifest["PackageVersion"] == __version__  # a text: YAML would make a number of 1.0
    assert manifest["ManifestVersion"] == "1.10.0"
    assert manifest["PackageIdentifier"] == "ClaudeSessionStatus.ClaudeSessionStatus"


def test_winget_installs_the_command_from_the_archive(winget: dict[str, Any]) -> None:
    manifest = winget["installer"]
    (installer,) = manifest["Installers"]
    name = f"claude-session-status-{__version__}-windows-x64.zip"
    assert installer["InstallerUrl"] == f"https://github.com/{REPOSITORY}/releases/download/v{__version__}/{name}"
    assert installer["InstallerSha256"] == digest(name).upper()
    assert (manifest["InstallerType"], manifest["NestedInstallerType"]) == ("zip", "portable")
    (nested,) = manifest["NestedInstallerFiles"]
    assert nested["RelativeFilePath"] == "claude-session-status\\claude-session-status.exe"
    assert manifest["ArchiveBinariesDependOnPath"] is True


def test_wingets_texts_are_no_longer_than_it_takes(winget: dict[str, Any]) -> None:
    texts = winget["defaultLocale"]
    assert 3 <= len(texts["ShortDescription"]) <= 256
    assert len(texts["Description"]) <= 10_000
    assert len(texts["Tags"]) <= 16
    assert all(len(tag) <= 40 for tag in texts["Tags"])
    assert winget["version"]["DefaultLocale"] == texts["PackageLocale"]


# ---- Homebrew ---------------------------------------------------------------


def test_the_formula_is_of_the_sdist(filled: Path) -> None:
    formula = (filled / "homebrew/claude-session-status.rb").read_text()
    name = f"claude_session_status-{__version__}.tar.gz"
    assert f'url "https://files.pythonhosted.org/packages/source/c/claude-session-status/{name}"' in formula
    assert f'sha256 "{digest(name)}"' in formula


def test_the_cask_is_of_both_kinds_of_macs(filled: Path) -> None:
    cask = (filled / "homebrew/claude-session-status-app.rb").read_text()
    assert f'quit: "{identity.bundle_id(identity.repository())}"' in cask
    assert "brew install --cask somebody/tap/claude-session-status-app" in cask
    assert f'version "{__version__}"' in cask
    for kind, arch in (("arm", "arm64"), ("intel", "x86_64")):
        name = f"claude-session-status-{__version__}-macos-{arch}.zip"
        assert re.search(rf'{kind}: +"{digest(name)}"', cask)
        assert re.search(rf'arch .*{kind}: "{arch}"', cask)


@pytest.mark.parametrize("name", ["claude-session-status", "claude-session-status-app"])
def test_every_block_of_ruby_ends(name: str, filled: Path) -> None:
    lines = [
        re.sub(r"#(?!\{).*", "", line).rstrip() for line in (filled / f"homebrew/{name}.rb").read_text().splitlines()
    ]
    opened = [line for line in lines if re.match(r"\s*(class|def|cask|service|test) ?\b", line) or line.endswith(" do")]
    assert len(opened) == len([line for line in lines if line.strip() == "end"])
