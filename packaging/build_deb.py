"""Builds the Debian package out of the wheel.

A Debian user expects a command on PATH and in the menu, with a man page, that apt upgrades and removes. A hook must not
be slower than the wheel's, since Claude Code's user waits for it. Hence:

- *The system's Python runs it*, with our libraries in a private folder. The launcher leaves out site-packages, which
  makes a hook faster than the wheel's: 0.6 of its processor time. It also ignores the PYTHON* variables and the working
  folder, so hooks start `/usr/bin/claude-session-status` itself. A frozen program (PyInstaller) takes 1.2 of the
  wheel's time, and brings an interpreter that Debian's security updates do not reach.
- *Libraries come with it.* Debian has no DuckDB, and has some of the others in versions that were not tested.
- The compiled ones are built for one Python, so there is a package for each release of Debian or Ubuntu. It is built
  on that release, and its dependencies keep apt from installing it on another.

    python3 packaging/build_deb.py dist/claude_session_status-1.0.0-py3-none-any.whl dist/

needs dpkg-dev, pip, and this project's dependencies (for man page and completions); writes the package, prints
its path. Nothing needs root.
"""

import argparse
import getpass
import gzip
import hashlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import identity
import man_page
from claude_session_status import PROGRAM, __version__
from claude_session_status.cli.main import group

HERE = Path(__file__).parent
ROOT = HERE.parent
LIBRARY = f"usr/lib/{PROGRAM}"
ICON_SIZES = (16, 22, 24, 32, 48, 64, 128, 256)
SHELLS = {
    "bash": f"usr/share/bash-completion/completions/{PROGRAM}",
    "zsh": f"usr/share/zsh/vendor-completions/_{PROGRAM}",
    "fish": f"usr/share/fish/vendor_completions.d/{PROGRAM}.fish",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the package; return the exit code."""
    parser = argparse.ArgumentParser(description="Build the Debian package out of a wheel.")
    parser.add_argument("wheel", type=Path)
    parser.add_argument("target", type=Path, help="the folder that the package is written to")
    parser.add_argument("--python", default="/usr/bin/python3", help="the interpreter that will run it")
    chosen = parser.parse_args(arguments)
    chosen.target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="deb-") as folder:
        package = build(chosen.wheel, chosen.target, Path(folder), chosen.python)
    print(package)
    return 0


def build(wheel: Path, target: Path, work: Path, python: str) -> Path:
    """Build the package in `work` and return its path in `target`."""
    stage, moment = work / "stage", changed_at()
    os.environ["SOURCE_DATE_EPOCH"] = str(int(moment.timestamp()))  # the same source makes the same package
    version = python_version(python)
    install_libraries(wheel, stage / LIBRARY, python, version)
    install_files(stage, moment)
    control = stage / "DEBIAN/control"
    control.parent.mkdir()
    control.write_text(control_text(stage, version, shared_libraries(stage, work)))
    (stage / "DEBIAN/md5sums").write_text(checksums(stage))
    set_modes(stage)
    package = target / f"{PROGRAM}_{__version__}-1~{release_name()}_{architecture()}.deb"
    run("dpkg-deb", "--root-owner-group", "-Zzstd", "--build", str(stage), str(package))
    return package


def install_libraries(wheel: Path, folder: Path, python: str, version: tuple[int, int]) -> None:
    """Put the wheel and all that it needs into `folder`, compiled for the Python that will run it."""
    dotted = ".".join(map(str, version))
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--no-compile"]
    run(*pip, "--python-version", dotted, "--only-binary=:all:", "--target", str(folder), str(wheel))
    shutil.rmtree(folder / "bin", ignore_errors=True)
    for left in [*folder.glob("*.dist-info/RECORD"), *folder.glob("*.dist-info/direct_url.json")]:
        left.unlink()  # they name paths of this machine
    # Root owns the folder, so what is not compiled now would be compiled at each start.
    compiling = [python, "-IS", "-m", "compileall", "-q", "-j0", "--invalidation-mode", "unchecked-hash"]
    run(*compiling, "-s", str(folder), "-p", f"/{LIBRARY}", str(folder))


def install_files(stage: Path, moment: datetime) -> None:
    """Add what is not a library: launcher, menu entry, metadata, icons, man page, completions, unit, licence."""
    copy(HERE / "linux/launcher.py", stage / "usr/bin" / PROGRAM, 0o755)
    copy(HERE / "linux/claude-session-status.desktop", stage / f"usr/share/applications/{PROGRAM}.desktop")
    unit = (HERE / "linux/claude-session-status.service").read_text()
    write(stage / f"usr/lib/systemd/user/{PROGRAM}.service", unit.replace(f"={PROGRAM}", f"=/usr/bin/{PROGRAM}"))
    name = identity.application_id(identity.repository())
    write(stage / f"usr/share/metainfo/{name}.metainfo.xml", metainfo(name, moment))
    for size in ICON_SIZES:
        copy(ROOT / f"assets/logo-{size}.png", stage / f"usr/share/icons/hicolor/{size}x{size}/apps/{PROGRAM}.png")
    copy(ROOT / "assets/logo.svg", stage / f"usr/share/icons/hicolor/scalable/apps/{PROGRAM}.svg")
    write_gzipped(stage / f"usr/share/man/man1/{PROGRAM}.1.gz", man_page.page(group, moment.date()))
    for shell, place in SHELLS.items():
        write(stage / place, completion(shell))
    documents = stage / "usr/share/doc" / PROGRAM
    write(documents / "copyright", copyright_text())
    write_gzipped(documents / "changelog.gz", (ROOT / "CHANGELOG.md").read_text("utf-8"))
    write_gzipped(documents / "changelog.Debian.gz", debian_changelog(moment))


def metainfo(name: str, moment: datetime) -> str:
    """What software centres show, under this AppStream id."""
    values = {"ID": name, "VERSION": __version__, "DATE": moment.date().isoformat()}
    return re.sub("@([A-Z]+)@", lambda found: values[found[1]], (HERE / "linux/metainfo.xml").read_text("utf-8"))


def completion(shell: str) -> str:
    """What click prints for a shell to complete our commands."""
    from click.shell_completion import get_completion_class  # noqa: PLC0415

    found = get_completion_class(shell)
    assert found is not None
    return found(group, {}, PROGRAM, f"_{PROGRAM.replace('-', '_').upper()}_COMPLETE").source()


def control_text(stage: Path, version: tuple[int, int], libraries: str) -> str:
    """The package's control file."""
    major, minor = version
    size = sum(path.stat().st_size for path in stage.rglob("*") if path.is_file()) // 1024
    return f"""Package: {PROGRAM}
Version: {__version__}-1~{release_name()}
Architecture: {architecture()}
Maintainer: {maintainer()}
Installed-Size: {size}
Depends: python3 (>= {major}.{minor}), python3 (<< {major}.{minor + 1}), {libraries}
Recommends: default-dbus-session-bus | dbus-session-bus
Suggests: notification-daemon
Section: utils
Priority: optional
Homepage: https://pypi.org/project/{PROGRAM}/
Description: how long Claude Code's prompt cache stays warm
 Claude Code keeps a conversation in a prompt cache for five minutes or an
 hour. If you answer later, you pay for caching all of it again. This program
 watches that clock for all your sessions: a tray icon, a menu with every
 countdown, a notification before a cache expires, and a table in the terminal.
 .
 After installing, each user runs "{PROGRAM} setup" once,
 and "{PROGRAM} uninstall" before the package is removed.
"""


def shared_libraries(stage: Path, work: Path) -> str:
    """The packages that bring the shared libraries which ours are linked to, as dpkg-shlibdeps finds them."""
    source = work / "source"
    (source / "debian").mkdir(parents=True)
    (source / "debian/control").write_text(f"Source: {PROGRAM}\n\nPackage: {PROGRAM}\nArchitecture: any\n")
    objects = [str(p) for p in stage.rglob("*") if re.search(r"\.so(\.[\d.]+)?$", p.name) and not p.is_symlink()]
    private = sorted({str(Path(name).parent) for name in objects})
    printed = run(
        "dpkg-shlibdeps", "-O", "--warnings=0", "--ignore-missing-info", *(f"-l{folder}" for folder in private),
        *(f"-e{name}" for name in objects), cwd=source,
    )  # fmt: skip
    found = re.search(r"shlibs:Depends=(.*)", printed)
    if found is None:
        raise SystemExit(f"dpkg-shlibdeps named no libraries: {printed}")
    return found[1]


def checksums(stage: Path) -> str:
    """The md5sums file: what `dpkg --verify` compares with."""
    files = sorted(path for path in stage.rglob("*") if path.is_file() and "DEBIAN" not in path.parts)
    return "".join(f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(stage)}\n" for path in files)


def set_modes(stage: Path) -> None:
    """Folders and files as Debian wants them, whatever the umask was; nothing but the command is executable."""
    for path in stage.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.parent == stage / "usr/bin" else 0o644)
    stage.chmod(0o755)


def copyright_text() -> str:
    """Our licence, and where the licences of the libraries are."""
    return (
        f"{(ROOT / 'LICENSE').read_text('utf-8')}\n"
        f"The libraries in /{LIBRARY} have licences of their own, in the folders whose names end with .dist-info.\n"
    )


def debian_changelog(moment: datetime) -> str:
    """The changelog in Debian's form; ours, for people, is beside it."""
    return (
        f"{PROGRAM} ({__version__}-1~{release_name()}) unstable; urgency=medium\n\n"
        f"  * Release {__version__}; changelog.gz says what changed.\n\n"
        f" -- {maintainer()}  {moment.strftime('%a, %d %b %Y %H:%M:%S %z')}\n"
    )


def maintainer() -> str:
    """Return the maintainer: from Debian's variables, else the author of the last change, else the user who builds."""
    if address := os.environ.get("DEBEMAIL"):
        return f"{os.environ.get('DEBFULLNAME', f'The {PROGRAM} authors')} <{address}>"
    try:
        return run("git", "log", "-1", "--format=%cn <%ce>", cwd=ROOT).strip()
    except (OSError, subprocess.CalledProcessError):
        return f"The {PROGRAM} authors <{getpass.getuser()}@{socket.getfqdn()}>"


def changed_at() -> datetime:
    """When the source changed last: SOURCE_DATE_EPOCH, else the last commit, else now."""
    if epoch := os.environ.get("SOURCE_DATE_EPOCH"):
        return datetime.fromtimestamp(int(epoch), UTC)
    try:
        epoch = run("git", "log", "-1", "--format=%ct", cwd=ROOT)
    except (OSError, subprocess.CalledProcessError):
        return datetime.now(UTC)
    return datetime.fromtimestamp(int(epoch), UTC)


def python_version(python: str) -> tuple[int, int]:
    """The interpreter's version."""
    major, minor = run(python, "-c", "import sys; print(*sys.version_info[:2])").split()
    return int(major), int(minor)


def release_name() -> str:
    """`deb12`, `ubuntu24.04`: part of the package's version, since its libraries are built for one Python."""
    values = dict(re.findall(r'^(ID|VERSION_ID)="?([^"\n]*)"?$', Path("/etc/os-release").read_text(), re.MULTILINE))
    return f"{values.get('ID', 'linux').replace('debian', 'deb')}{values.get('VERSION_ID', '')}"


def architecture() -> str:
    """Debian's name for this machine's kind."""
    return run("dpkg", "--print-architecture").strip()


def copy(source: Path, target: Path, mode: int = 0o644) -> None:
    """Copy a file, with the folders above it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode)


def write(target: Path, content: str) -> None:
    """Write a file, with the folders above it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(content, "utf-8")


def write_gzipped(target: Path, content: str) -> None:
    """Write a compressed file that bears neither time nor name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.compress(content.encode(), mtime=0))


def run(*argv: str, cwd: Path | None = None) -> str:
    """Run a program and return what it printed. Raises CalledProcessError; its complaints are on our stderr."""
    return subprocess.run(argv, cwd=cwd, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main())
