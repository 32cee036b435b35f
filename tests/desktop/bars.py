"""Makes the pictures of .github/STATUS-BARS.md: tmux, Waybar and Polybar, each with the snippet of that page.

    python tests/desktop/bars.py [--folder assets/screenshots] [tmux] [waybar] [polybar]

The bar gets the snippet exactly as it is on the page; the rest of its settings are here. It runs the installed
command on made-up sessions: hook notes and transcripts, as Claude Code writes them. The script takes the picture once
the module's words are readable on the screen.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent))

from desktop.desktops.waybar import Waybar  # noqa: E402  # after the path above
from desktop.harness import Desktop, Program, why_not  # noqa: E402  # as above
from fakes import Transcript  # noqa: E402  # as above
from waiting import wait_for  # noqa: E402  # as above

PROGRAM = "claude-session-status"
PROGRAMS = Path(sys.executable).parent  # where the command lies beside its Python
SESSIONS = (("web-shop", 205), ("api", 74), ("docs", 30))  # project, and its last request's age in seconds
MODULE = re.compile(r"3 warm, next [01]:\d\d web-shop")  # what all of that is in one line

WIDTH, HEIGHT = 1000, 700
BAR = 40  # pixels

TMUX = """set -g default-shell /bin/sh
set -g status-style 'bg=#2b4560,fg=#f0f0f0'
set -g status-left ' #S '
set -g window-status-current-format '#I:#W'
set -g automatic-rename off
"""
POLYBAR = """[bar/top]
width = 100%
height = {bar}
background = #202428
foreground = #f0f0f0
padding = 2
module-margin = 2
font-0 = DejaVu Sans:size=15;3
modules-left = desk
modules-right = claude date

[module/desk]
type = custom/text
content = 1   2   3

[module/date]
type = internal/date
date = %H:%M

"""
WAYBAR_STYLE = """* { font-family: "DejaVu Sans"; font-size: 20px; }
window#waybar, tooltip { background: #202428; color: #f0f0f0; }
tooltip label { color: #f0f0f0; }
#clock { padding: 0 14px; }
"""


def snippet(language: str) -> str:
    """Return the only block in this language on the page about status bars."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", (ROOT / ".github/STATUS-BARS.md").read_text("utf-8"), re.DOTALL)
    return str(found)


def prepare(desktop: Desktop) -> None:
    """Write made-up sessions for this desktop, and put the command on its PATH."""
    folder = desktop.root / "claude"
    folder.mkdir()
    desktop.env |= {"CLAUDE_CONFIG_DIR": str(folder), "PATH": f"{PROGRAMS}:{desktop.env['PATH']}"}
    now = time.time()
    for project, age in SESSIONS:
        path = folder / f"projects/{project}/{project}.jsonl"
        Transcript(path).user(now - age).answer(now - age + 2, wrote_5m=142_000)
        note = f'{{"session_id": "{project}", "cwd": "/home/me/{project}", "transcript_path": "{path}"}}'
        subprocess.run([PROGRAM, "mark-turn"], input=note.encode(), env=desktop.env, check=True)


def wait_for_module(desktop: Desktop, other_than: str = "") -> str:
    """Wait until the module's text on the bar is readable and has changed; return it."""

    def read() -> str | None:
        found = MODULE.search(" ".join(word.text for word in desktop.screen.words(desktop.panel_box)))
        return found[0] if found and found[0] != other_than else None

    return wait_for("the module's words on the bar", read)


class _Bar(Desktop):
    """A screen with one bar on it."""

    current_desktop = "X"

    def __init__(self, root: Path) -> None:
        super().__init__(root, size=f"{WIDTH}x{HEIGHT}", panel_pixels=BAR)

    def write_settings(self) -> None:
        prepare(self)


class Tmux(_Bar):
    """tmux in xterm; its status line is the lowest."""

    name = "xfce"  # all desktops need the same programs
    programs = ("xterm", "tmux")

    @property
    def panel_box(self) -> tuple[int, int, int, int]:
        return 0, HEIGHT // 2, WIDTH, HEIGHT

    def start_panel(self) -> Program:
        settings = self.root / "tmux.conf"
        settings.write_text(TMUX + snippet("tmux"))
        socket = str(self.runtime / "tmux")
        shell = ["tmux", "-S", socket, "-f", str(settings), "new", "-s", "work", "-n", "web-shop", "PS1='$ ' exec sh"]
        look = ["-bg", "#16181c", "-fg", "#f0f0f0", "-fa", "DejaVu Sans Mono", "-fs", "15", "-b", "0", "-bw", "0"]
        return self.start_of_panel(["xterm", *look, "-geometry", "76x28+0+0", "-e", *shell])

    def close(self) -> None:
        subprocess.run(["tmux", "-S", str(self.runtime / "tmux"), "kill-server"], capture_output=True)
        super().close()

    def picture(self) -> Image.Image:
        """The last lines of the terminal."""
        wait_for_module(self)
        image = self.screenshot()
        ground = (0x2B, 0x45, 0x60)
        bottom = max(y for y in range(HEIGHT) if image.getpixel((2, y)) == ground) + 1
        right = max(x for x in range(WIDTH) if image.getpixel((x, bottom - 2)) == ground) + 1
        return image.crop((0, bottom - 75, right, bottom))


class Polybar(_Bar):
    """Polybar on openbox."""

    name = "waybar"  # whose packages bring it
    programs = ("openbox", "polybar")

    def start_session(self) -> None:
        self.start_openbox()

    def start_panel(self) -> Program:
        settings = self.root / "polybar.ini"
        settings.write_text(POLYBAR.format(bar=BAR) + snippet("ini"))
        return self.start_of_panel(["polybar", f"--config={settings}", "top"])

    def picture(self) -> Image.Image:
        """The bar."""
        wait_for_module(self)
        return self.screenshot().crop((0, 0, WIDTH, BAR))


class WaybarModule(Waybar):
    """Waybar under sway, with the module and its tooltip."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, size=f"{WIDTH}x{HEIGHT}", panel_pixels=BAR)

    def write_settings(self) -> None:
        super().write_settings()
        prepare(self)
        bar = f'{{"position": "top", "height": {BAR}, "modules-right": ["custom/claude", "clock"],\n'
        (self._own / "config/bar").write_text(f'{bar}"clock": {{"format": "{{:%H:%M}}"}},\n{snippet("jsonc")}}}\n')
        (self._own / "config/style.css").write_text(WAYBAR_STYLE + snippet("css"))

    def start_panel(self) -> Program:
        argv = ["waybar", "-c", str(self._own / "config/bar"), "-s", str(self._own / "config/style.css")]
        # Not as sway's user, who may be unable to read the command's folder.
        return self.start_of_panel(argv, env={"XDG_RUNTIME_DIR": str(self._own / "run")})

    def picture(self) -> Image.Image:
        """The bar with the tooltip below it."""
        wait_for_module(self)
        self.screen.point(WIDTH - 200, BAR // 2)
        box = (0, BAR, WIDTH, 4 * BAR)
        wait_for("the tooltip", lambda: any("docs" in word.text for word in self.screen.words(box)))
        return self.screenshot().crop((0, 0, WIDTH, 4 * BAR))


BARS: dict[str, type[Tmux] | type[Polybar] | type[WaybarModule]] = {
    "tmux": Tmux,
    "waybar": WaybarModule,
    "polybar": Polybar,
}


def picture_of(name: str) -> Image.Image:
    """Start that bar and return its picture."""
    with tempfile.TemporaryDirectory(prefix="css-bar-") as folder, BARS[name](Path(folder)) as bar:
        bar.start_panel()
        return bar.picture()


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the pictures; return the exit code."""
    parser = argparse.ArgumentParser(description="Make the pictures of the status bars.")
    parser.add_argument("bars", nargs="*", metavar="BAR", help=f"of {', '.join(BARS)}; default: all")
    parser.add_argument("--folder", type=Path, default=ROOT / "assets/screenshots")
    chosen = parser.parse_args(arguments)
    for name in chosen.bars or BARS:
        if reason := why_not(BARS[name]):
            print(reason, file=sys.stderr)
            return 1
        image = picture_of(name)
        chosen.folder.mkdir(parents=True, exist_ok=True)
        target = chosen.folder / f"{name}.png"
        image.quantize(64, dither=Image.Dither.NONE).save(target, optimize=True)
        print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
