"""Makes the README's picture of the tray: XFCE's panel with the menu open, and a notification beside it.

    python tests/desktop/screenshots.py [--light] [FILE]        (default: assets/tray.png)

Everything in it is real, at double size for sharp screens: the panel, the menu, the notification service. Only the
sessions are made up.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from claude_session_status.desktop.icon import PAINTS  # noqa: E402  # after the path above
from claude_session_status.model import Urgency  # noqa: E402  # likewise
from desktop.app import FakeApp, session  # noqa: E402  # likewise
from desktop.desktops.xfce import Xfce  # noqa: E402  # likewise
from desktop.harness import wait_for, why_not  # noqa: E402  # likewise

WIDTH, HEIGHT = 1300, 730
SESSIONS = [
    session("web-shop", 29.9, title="Checkout forgets the coupon", tokens=142_000),
    session("api", 104, title="Rate limits per key", activity="waiting"),
    session("docs", 221, title="Rewrite the quick start", activity="working"),
    session("mobile-app", 2760, title="Dark mode", ttl=3600),
    session("infra", -190, title="Move to the new cluster"),
]


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the README's picture of the tray.")
    parser.add_argument("file", nargs="?", type=Path, default=HERE.parent.parent / "assets/tray.png")
    parser.add_argument("--light", action="store_true", help="a light panel instead of a dark one")
    options = parser.parse_args()
    if reason := why_not(Xfce):
        print(reason, file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        image = picture(Path(folder), dark=not options.light)
    options.file.parent.mkdir(parents=True, exist_ok=True)
    image.quantize(255, dither=Image.Dither.NONE).save(options.file, optimize=True)
    print(options.file)
    return 0


def picture(folder: Path, *, dark: bool) -> Image.Image:
    """Set the scene, open the menu, and return the screen."""
    with Xfce(folder, dark=dark, size=f"{WIDTH}x{HEIGHT}") as desktop:
        desktop.env["GDK_SCALE"] = "2"
        (desktop.config / "dunst/dunstrc").write_text(
            "[global]\n scale = 2\n origin = bottom-left\n offset = 22x22\n width = 400\n font = Sans 17\n"
            " frame_width = 0\n corner_radius = 6\n max_icon_size = 40\n padding = 12\n horizontal_padding = 12\n"
            '[urgency_critical]\n background = "#2b2f36"\n foreground = "#f2f3f5"\n'
        )
        desktop.start_panel()
        desktop.start_dunst()
        app = FakeApp(desktop).start(*SESSIONS)
        desktop.item()
        red = PAINTS[Urgency.LAST].left[:3]
        x, y = wait_for("the icon", lambda: desktop.find_colour(red, box=(0, 0, WIDTH, 60)))
        app.say(alert=SESSIONS[0]["id"])
        wait_for("the notification", lambda: desktop.run("dunstctl", "count", "displayed").strip() == "1")
        desktop.click(x, y, 3)
        wait_for("the menu", lambda: "about to show 0" in app.program.text)
        desktop.run("xdotool", "mousemove", str(WIDTH // 3), str(HEIGHT - 20))
        time.sleep(1.2)  # fonts, fading in
        return desktop.screenshot()


if __name__ == "__main__":
    sys.exit(main())
