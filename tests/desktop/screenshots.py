"""Makes the README's pictures: the menu open on each desktop and with sessions of other machines, a notification, the
icon's states, `watch`.

    python tests/desktop/screenshots.py [--folder assets/screenshots] [NAME...]

Without names it makes all of them; `tray` goes into the folder above. Panels, menus, notification services and the
terminal are real; only the sessions are made up.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from claude_session_status.demo import DEMO_SESSIONS, MODEL  # noqa: E402  # after the path above
from claude_session_status.model import Urgency  # noqa: E402  # as above
from claude_session_status.pricing import rewrite_cost  # noqa: E402  # as above
from desktop.app import FakeApp, session  # noqa: E402  # as above
from desktop.desktops.every import EVERY  # noqa: E402  # as above
from desktop.desktops.xfce import Xfce  # noqa: E402  # as above
from desktop.harness import Desktop, why_not  # noqa: E402  # as above
from desktop.person import COLOURS, Person  # noqa: E402  # as above
from desktop.screen import Box, area  # noqa: E402  # as above
from waiting import wait_for  # noqa: E402  # as above

ASSETS = HERE.parents[1] / "assets"
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
MARGIN = 14  # pixels around what a picture is about
SMALL = 600  # pixels; a smaller change is a clock's or the icon's
GREETING_SECONDS = 8.0  # GNOME warns root at its start
SETTLE_SECONDS = 1.2  # fading in, fonts
NEAR = 260  # pixels; the picture reaches to the panel's end if that is nearer
LARGE = 100_000  # bytes
MENU_SIZE = "1000x960"

# The first session is also the demo's, which the picture of `watch` shows: both must show the same price.
SHOP = {
    "project": DEMO_SESSIONS[0].project,
    "title": DEMO_SESSIONS[0].title,
    "tokens": DEMO_SESSIONS[0].context_tokens,
    "cost": rewrite_cost(MODEL, DEMO_SESSIONS[0].ttl_seconds, DEMO_SESSIONS[0].context_tokens),
}
WEEK = "12 cold returns, about $9.40"
SESSIONS = [
    session("0b7f3c52-6f0e-4d43", 90, model=MODEL, cwd="/home/me/web-shop", **SHOP),
    session("9e1d0c44-52c3-4a39", 204, project="api-server", title="Rate limits per key", activity="waiting"),
    session("41c8aa10-77f2-4e0b", 251, project="my-app", title="Dark mode", activity="working"),
    session("d27b6e93-0c5d-4b1f", 2760, project="handbook", title="Rewrite the quick start", ttl=3600),
    session("5f90c3e8-1a64-4c27", -190, project="infra", title="Move to the new cluster"),
]
LATE = session("0b7f3c52-6f0e-4d43", 29.9, window=True, **SHOP)
THERE = "build/0b7f3c52-6f0e-4d43"
HOST_SESSIONS = [
    session(THERE, 90, host="build", model=MODEL, cwd="/srv/web-shop", **SHOP),
    session(
        "build/41c8aa10-77f2-4e0b", 251, host="build", project="api-server", title="Rate limits", activity="working"
    ),
    session("9e1d0c44-52c3-4a39", 204, project="my-app", title="Dark mode", activity="waiting"),
    session(
        "gpu-box/d27b6e93-0c5d-4b1f", 2760, host="gpu-box", project="training", title="Why the loss jumps", ttl=3600
    ),
]
HOSTS = [
    {"name": "build", "connection": "connected", "ago": 3600},
    {"name": "gpu-box", "connection": "unreachable", "ago": 900},
]
STATES = (
    ("calm", [session("a", 230)]),
    ("soon", [session("a", 100)]),
    ("last 30 s", [session("a", 29)]),
    ("none warm", [session("a", -5)]),
    ("waits for you", [session("a", 230, activity="waiting")]),
    ("both", [session("a", 29, activity="waiting")]),
)
NOT_SET_UP = "not set up"


@contextmanager
def running(desktop: Desktop, *sessions: dict[str, object], **env: str) -> Iterator[tuple[FakeApp, Person]]:
    """The tray on this desktop, with these sessions."""
    with desktop, FakeApp(desktop) as app:
        desktop.env.update(env)
        desktop.start_panel()
        desktop.start_notifier()
        app.start(*sessions)
        desktop.item()
        yield app, Person(desktop)


def changed(desktop: Desktop, before: Image.Image) -> Box:
    """The box around all that has appeared since `before`."""
    boxes = [box for box in desktop.screen.changes(before) if area(box) >= SMALL]
    return (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )


def cut(desktop: Desktop, box: Box) -> Image.Image:
    """This part of the screen, with a margin where there is room."""
    screen = desktop.screen
    return desktop.screenshot().crop(
        (
            max(0, box[0] - MARGIN),
            max(0, box[1] - MARGIN),
            min(screen.width, box[2] + MARGIN),
            min(screen.height, box[3] + MARGIN),
        )
    )


def menu(
    kind: type[Desktop],
    folder: Path,
    sessions: Sequence[dict[str, object]] = SESSIONS,
    hosts: Sequence[dict[str, object]] = (),
) -> Image.Image:
    """The menu, with a session's submenu open, and the panel above or below it."""
    desktop = kind(folder, size=MENU_SIZE)
    with running(desktop, *sessions, WEEK=WEEK) as (app, person):
        app.send(hosts=hosts)
        person.look_away()
        time.sleep(GREETING_SECONDS)
        app.show(*sessions)
        opened = person.open_menu()
        submenu = person.open_submenu(opened.place("web-shop"), "Mute")
        app.show(*sessions)  # a busy machine took its time
        time.sleep(SETTLE_SECONDS)
        boxes = (opened.box, submenu.box)
        left, right = min(box[0] for box in boxes), max(box[2] for box in boxes)
        top, bottom = min(box[1] for box in boxes), max(box[3] for box in boxes)
        if desktop.screen.width - right < NEAR:
            right = desktop.screen.width  # the panel's end
        if desktop.panel_box[1] == 0:
            return cut(desktop, (left, 0, right, bottom))
        return cut(desktop, (left, top, right, desktop.screen.height))


def notification(kind: type[Desktop], folder: Path) -> Image.Image:
    """A notification with its buttons."""
    desktop = kind(folder)
    with running(desktop, LATE) as (app, person):
        person.see_icon(Urgency.LAST)
        person.look_away()
        before = desktop.screenshot()
        app.send(alert=LATE["id"])
        person.see_notification(before, "expires").place("Mute")
        time.sleep(SETTLE_SECONDS)
        return cut(desktop, changed(desktop, before))


def icons(folder: Path) -> Image.Image:
    """Every state of the icon, on a dark panel and on a light one, at double size for sharp screens."""
    rows = [_states(folder / name, dark=dark) for name, dark in (("dark", True), ("light", False))]
    texts = [*(text for text, _ in STATES), NOT_SET_UP]
    wide, high = rows[0][0].size
    column, label = wide + 76, 34
    sheet = Image.new("RGB", (column * len(texts), high * len(rows) + label), "white")
    draw = ImageDraw.Draw(sheet)
    for y, row in enumerate(rows):
        for x, image in enumerate(row):
            ground = image.crop((1, 1, 2, 2)).resize((column, high))
            sheet.paste(ground, (column * x, high * y))
            sheet.paste(image, (column * x + (column - wide) // 2, high * y))
    font = ImageFont.truetype(FONT, 17)
    for x, text in enumerate(texts):
        draw.text((column * x + column // 2, high * len(rows) + label // 2), text, "#202428", font, anchor="mm")
    return sheet


def _states(folder: Path, *, dark: bool) -> list[Image.Image]:
    desktop = Xfce(folder, dark=dark)
    pictures = []
    last = STATES[2][1]
    with running(desktop, *last, GDK_SCALE="2") as (app, person):
        person.look_away()
        x, _ = person.see_icon(Urgency.LAST)  # the full ring, whose middle is the icon's
        panel = (x - 24, 0, x + 24, 2 * desktop.panel_pixels)
        for name, sessions in STATES:
            before = desktop.screenshot().crop(panel)
            app.show(*sessions)
            wait_for(name, lambda: desktop.screenshot().crop(panel) != before)  # noqa: B023  # ended by then
            time.sleep(SETTLE_SECONDS)
            pictures.append(desktop.screenshot().crop(panel))
    desktop = Xfce(folder / NOT_SET_UP, dark=dark)
    with running(desktop, GDK_SCALE="2", HOOKS_MISSING="1"):
        time.sleep(2 * SETTLE_SECONDS)
        pictures.append(desktop.screenshot().crop(panel))
    return pictures


def watch(folder: Path) -> Image.Image:
    """`watch --demo` in a terminal."""
    with Xfce(folder, size="1100x420") as desktop:
        look = ["-fa", "DejaVu Sans Mono", "-fs", "11", "-bg", "#1e2227", "-fg", "#e8eaed", "-b", "10", "+sb"]
        command = [sys.executable, "-m", "claude_session_status", "watch", "--demo"]
        before = desktop.screenshot()
        title = ["-T", "claude-session-status watch --demo"]
        desktop.start(["xterm", *look, *title, "-geometry", "104x15+0+0", "-e", *command], "xterm")
        person = Person(desktop)
        table = person.see_notification(before, DEMO_SESSIONS[0].project)
        table.places([one.project for one in DEMO_SESSIONS])
        return desktop.screenshot().crop(changed(desktop, before))


def tray(folder: Path) -> Image.Image:
    """XFCE's panel with the menu open and a notification beside it, at double size for sharp screens."""
    wide, high = 1300, 880
    desktop = Xfce(folder, size=f"{wide}x{high}")
    with desktop:
        desktop.env |= {"GDK_SCALE": "2", "WEEK": WEEK}
        (desktop.config / "dunst/dunstrc").write_text(
            "[global]\n scale = 2\n origin = bottom-left\n offset = 22x22\n width = 400\n font = Sans 17\n"
            " frame_width = 0\n corner_radius = 6\n max_icon_size = 40\n padding = 12\n horizontal_padding = 12\n"
            " show_indicators = no\n"
            '[urgency_critical]\n background = "#2b2f36"\n foreground = "#f2f3f5"\n'
        )
        desktop.start_panel()
        desktop.start_dunst()
        app = FakeApp(desktop).start(LATE, *SESSIONS[1:])
        desktop.item()
        x, y = wait_for("the icon", lambda: desktop.find_colour(COLOURS[Urgency.LAST], box=(0, 0, wide, 60)))
        app.send(alert=LATE["id"])
        wait_for("the notification", lambda: desktop.run("dunstctl", "count", "displayed").strip() == "1")
        desktop.click(x, y, 3)
        wait_for("the menu", lambda: "about to show 0" in app.program.text)
        desktop.screen.point(wide // 3, high - 20)
        time.sleep(SETTLE_SECONDS)
        return desktop.screenshot()


PICTURES: Mapping[str, tuple[Callable[[Path], Image.Image], Sequence[type[Desktop]]]] = {
    **{f"menu-{name}": (partial(menu, kind), (kind,)) for name, kind in EVERY.items()},
    "hosts": (partial(menu, Xfce, sessions=HOST_SESSIONS, hosts=HOSTS), (Xfce,)),
    "notification": (partial(notification, Xfce), (Xfce,)),
    "icons": (icons, (Xfce,)),
    "watch": (watch, (Xfce,)),
    "tray": (tray, (Xfce,)),
}


def write(image: Image.Image, file: Path) -> None:
    """Write the picture as PNG, with fewer colours if it would be large for a README."""
    file.parent.mkdir(parents=True, exist_ok=True)
    image.save(file, optimize=True)
    if file.stat().st_size > LARGE:
        image.quantize(255, dither=Image.Dither.NONE).save(file, optimize=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the README's pictures.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PICTURES))
    parser.add_argument("--folder", type=Path, default=ASSETS / "screenshots")
    options = parser.parse_args()
    for name in options.names:
        if name not in PICTURES:
            parser.error(f"{name} is none of {', '.join(PICTURES)}")
    missing = 0
    for name in options.names or PICTURES:
        make, kinds = PICTURES[name]
        if reasons := [reason for kind in kinds if (reason := why_not(kind))]:
            print(*reasons, sep="\n", file=sys.stderr)
            missing += 1
            continue
        with tempfile.TemporaryDirectory() as folder:
            image = make(Path(folder))
        file = (options.folder.parent if name == "tray" else options.folder) / f"{name}.png"
        write(image, file)
        print(file)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
