"""What the menu opens in a terminal reaches the command word by word, in each terminal that people have.

The distribution's choice (`x-terminal-emulator`) is each of them in turn, as the alternatives of Debian link it.
"""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from claude_session_status.desktop.terminal import launch_for, staying
from desktop.desktops.xfce import Xfce
from desktop.harness import Desktop, packages
from waiting import wait_for

pytestmark = pytest.mark.desktop

TERMINALS = ("alacritty", "gnome-terminal", "kitty", "konsole", "terminator", "tilix", "xfce4-terminal", "xterm")
WRAPPED = ("gnome-terminal", "tilix", "xfce4-terminal")  # Debian links a wrapper around these
WORDS = ["a b", "$unset", '"quoted"', "it's", "--help", ""]  # Konsole replaces a set variable, wherever it stands
SECONDS = 30.0  # a busy machine and software rendering


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desktop]:
    with Xfce(tmp_path_factory.mktemp("terminals")) as desktop:
        desktop.env["LIBGL_ALWAYS_SOFTWARE"] = "1"  # kitty and alacritty draw with OpenGL
        yield desktop


@pytest.mark.parametrize("name", TERMINALS)
def test_a_command_reaches_its_terminal_word_by_word(name: str, screen: Desktop, tmp_path: Path) -> None:
    program = shutil.which(f"{name}.wrapper" if name in WRAPPED else name)
    if program is None:
        pytest.skip(f"missing: {name}; install: {' '.join(packages('terminals'))}")
    choice = tmp_path / "x-terminal-emulator"
    choice.symlink_to(program)
    written = tmp_path / "written"
    script = tmp_path / "check set-up.py"
    script.write_text(
        "import json, os, sys\n"
        f"with open({str(written)!r} + '.half', 'w') as file:\n"
        "    json.dump([sys.argv[1:], sys.stdin.isatty()], file)\n"
        f"os.rename({str(written)!r} + '.half', {str(written)!r})\n"
    )
    command = staying([sys.executable, str(script), *WORDS])
    launch = launch_for(command, screen.env, which=lambda wanted: shutil.which(wanted, path=_path(choice)))
    assert launch is not None
    terminal = screen.start(launch.argv, name)
    wait_for(f"the command in {name}", written.exists, SECONDS)
    assert json.loads(written.read_text()) == [WORDS, True]
    terminal.end()


def _path(choice: Path) -> str:
    return f"{choice.parent}:{os.environ['PATH']}"
