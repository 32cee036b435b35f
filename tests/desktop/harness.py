"""A real desktop without a screen: Xvfb, a session bus of its own, a window manager, a panel, a notification service.

Every program is started by an argument list, writes into a log of its own, and is ended by its own process id. HOME,
XDG folders, runtime folder, display and bus belong to the test alone.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from PIL import Image
from Xlib import X
from Xlib.display import Display

from claude_session_status.desktop.linux.bus import Bus, BusError, CallError, Target

PROGRAMS = {
    "Xvfb": "xvfb",
    "openbox": "openbox",
    "xfce4-panel": "xfce4-panel",
    "dunst": "dunst",
    "dunstctl": "dunst",
    "xdotool": "xdotool",
    "dbus-daemon": "dbus",
    "import": "imagemagick",
    "trayer": "trayer",
}
PATIENCE = 20.0  # seconds; on a busy machine a panel takes its time
END_SECONDS = 5.0

WATCHER = Target("org.kde.StatusNotifierWatcher", "/StatusNotifierWatcher", "org.kde.StatusNotifierWatcher")
PROPERTIES = "org.freedesktop.DBus.Properties"
MENU = "com.canonical.dbusmenu"
ITEM = "org.kde.StatusNotifierItem"

T = TypeVar("T")


def why_not() -> str | None:
    """Why no desktop can be started here, and what installs it; None when it can."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if not missing:
        return None
    packages = " ".join(sorted({PROGRAMS[program] for program in missing}))
    return f"missing: {', '.join(missing)}; install: sudo apt-get install -y {packages}"


def wait_for(what: str, look: Callable[[], T | None], seconds: float = PATIENCE) -> T:
    """Look again and again until there is something, and return it. Fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.05)


class Program:
    """A program that was started, and its log."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], log: Path, **options: Any) -> None:
        self.argv = list(argv)
        self.log = log
        with log.open("ab") as stream:
            self.process = subprocess.Popen(
                self.argv,
                env=dict(env),
                stdin=options.pop("stdin", subprocess.DEVNULL),
                stdout=options.pop("stdout", stream),
                stderr=stream,
                **options,
            )

    @property
    def text(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def alive(self) -> bool:
        return self.process.poll() is None

    def end(self, number: int = signal.SIGTERM, seconds: float = END_SECONDS) -> int:
        """Send the signal, wait, and return the exit code; killed when that takes too long."""
        if self.alive():
            self.process.send_signal(number)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        return self.process.returncode


@dataclass(frozen=True)
class MenuLine:
    """A row of a menu as a panel reads it."""

    id: int
    label: str
    kind: str
    enabled: bool
    children: tuple["MenuLine", ...] = ()


class Item:
    """An icon that is registered with the watcher, seen as a panel sees it."""

    def __init__(self, desktop: "Desktop", name: str) -> None:
        self._desktop = desktop
        service, _, path = name.removeprefix("@").partition("/")
        self.name = name
        self.service = service.rstrip("@")
        self.path = f"/{path}" if path else "/StatusNotifierItem"

    def get(self, name: str) -> Any:
        target = Target(self.service, self.path, PROPERTIES)
        return self._desktop.ask(target, "Get", "ss", (ITEM, name))[0][1]

    def menu(self) -> list[MenuLine]:
        body = self._menu_call("GetLayout", "iias", (0, -1, ["label", "enabled", "type"]))
        return list(_line(body[1]).children)

    def labels(self) -> list[str]:
        return [line.label for line in self.menu() if line.kind != "separator"]

    def line(self, text: str) -> MenuLine:
        return next(line for line in self.menu() if text in line.label)

    def event(self, row_id: int, event: str) -> None:
        self._menu_call("Event", "isvu", (row_id, event, ("s", ""), 0))

    def about_to_show(self, row_id: int = 0) -> bool:
        return bool(self._menu_call("AboutToShow", "i", (row_id,))[0])

    def click(self, text: str) -> None:
        self.event(self.line(text).id, "clicked")

    def _menu_call(self, member: str, signature: str, body: tuple[Any, ...]) -> tuple[Any, ...]:
        return self._desktop.ask(Target(self.service, self.get("Menu"), MENU), member, signature, body)


def _line(node: Any) -> MenuLine:
    row_id, properties, children = node
    values = {name: value[1] for name, value in properties.items()}
    return MenuLine(
        id=row_id,
        label=values.get("label", "").replace("__", "_"),
        kind=values.get("type", "standard"),
        enabled=values.get("enabled", True),
        children=tuple(_line(child[1]) for child in children),
    )


class Desktop:
    """The desktop. Enter it to start the screen, the bus and the window manager; start panels and services yourself."""

    def __init__(self, root: Path, *, dark: bool = True, size: str = "1000x700", panel_pixels: int = 28) -> None:
        self.root = root
        self.home = root / "home"
        self.config = self.home / ".config"
        self.logs = root / "logs"
        self.env: dict[str, str] = {}
        self._dark = dark
        self._size = size
        self._panel_pixels = panel_pixels
        self._programs: list[Program] = []
        self._runtime = Path(tempfile.mkdtemp(prefix="css-run-"))  # short: sockets have short names
        self._bus: Bus | None = None
        self.bus_daemon: Program | None = None

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all that was started, the last one first."""
        if self._bus is not None:
            self._bus.close()
            self._bus = None
        for program in reversed(self._programs):
            program.end()
        self._programs.clear()
        shutil.rmtree(self._runtime, ignore_errors=True)

    # ---- programs -----------------------------------------------------------

    def start(
        self, argv: Sequence[str], name: str = "", env: Mapping[str, str] | None = None, **options: Any
    ) -> Program:
        """Start a program on this desktop; it is ended with the desktop at the latest."""
        log = self.logs / f"{len(self._programs):02}-{name or Path(argv[0]).name}.log"
        program = Program(argv, {**self.env, **(env or {})}, log, **options)
        self._programs.append(program)
        return program

    def run(self, *argv: str, seconds: float = PATIENCE) -> str:
        """Run a program to its end, and return what it printed."""
        done = subprocess.run(argv, env=self.env, capture_output=True, text=True, timeout=seconds, check=True)
        return done.stdout

    def start_xfce_panel(self) -> Program:
        panel = self.start(["xfce4-panel", "--disable-wm-check"])
        wait_for("the panel's watcher", lambda: self.owner(WATCHER.name))
        return panel

    def start_trayer(self) -> Program:
        tint = "0x202428" if self._dark else "0xf0f0f0"
        argv = ["trayer", "--edge", "top", "--align", "right", "--widthtype", "pixel", "--width", "200"]
        return self.start([*argv, "--height", "28", "--transparent", "true", "--alpha", "0", "--tint", tint])

    def start_dunst(self) -> Program:
        dunst = self.start(["dunst"])
        wait_for("the notification service", lambda: self.owner("org.freedesktop.Notifications"))
        return dunst

    def _start(self) -> None:
        for folder in (self.home, self.config, self.logs, self.home / ".cache", self.home / ".local/share"):
            folder.mkdir(parents=True, exist_ok=True)
        self._runtime.chmod(0o700)
        self.env = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.config),
            "XDG_CACHE_HOME": str(self.home / ".cache"),
            "XDG_DATA_HOME": str(self.home / ".local/share"),
            "XDG_RUNTIME_DIR": str(self._runtime),
            "XDG_CURRENT_DESKTOP": "XFCE",
            "NO_AT_BRIDGE": "1",
            "GSETTINGS_BACKEND": "memory",
        }
        self._write_settings()
        reading, writing = os.pipe()
        try:
            argv = ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{self._size}x24", "-nolisten", "tcp"]
            self.start(argv, pass_fds=[writing])
            os.close(writing)
            with open(reading, closefd=False) as stream:
                self.env["DISPLAY"] = f":{stream.readline().strip()}"
        finally:
            os.close(reading)
        # The bus comes last, so that what it starts on demand sees the display.
        daemon = self.start(
            ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=1"], "bus", stdout=subprocess.PIPE
        )
        assert daemon.process.stdout is not None
        self.bus_daemon = daemon
        self.env["DBUS_SESSION_BUS_ADDRESS"] = daemon.process.stdout.readline().decode().strip()
        self.start(["openbox"])
        self._paint_background()

    def _paint_background(self) -> None:
        display = Display(self.env["DISPLAY"])
        root = display.screen().root
        sign = display.intern_atom("_NET_SUPPORTING_WM_CHECK")
        # The window manager paints the background black when it starts: after that it is ours.
        wait_for("the window manager", lambda: root.get_full_property(sign, X.AnyPropertyType))
        root.change_attributes(background_pixel=0x2B4560)
        root.clear_area()
        display.close()

    def _write_settings(self) -> None:
        channels = self.config / "xfce4/xfconf/xfce-perchannel-xml"
        channels.mkdir(parents=True)
        (channels / "xfce4-panel.xml").write_text(_panel_settings(dark=self._dark, pixels=self._panel_pixels))
        # No notification service but the one that a test starts: the bus must not find the installed one.
        services = self.home / ".local/share/dbus-1/services"
        services.mkdir(parents=True)
        name = "org.freedesktop.Notifications"
        (services / f"{name}.service").write_text(f"[D-BUS Service]\nName={name}\nExec=/bin/false\n")
        dunst = self.config / "dunst"
        dunst.mkdir()
        (dunst / "dunstrc").write_text("[global]\n    offset = 10x50\n    max_icon_size = 48\n    font = Sans 10\n")

    # ---- the bus ------------------------------------------------------------

    def ask(self, target: Target, member: str, signature: str = "", body: tuple[Any, ...] = ()) -> tuple[Any, ...]:
        if self._bus is None:
            self._bus = Bus(self.env["DBUS_SESSION_BUS_ADDRESS"])
            self._bus.open()
        return self._bus.ask(target, member, signature, body, timeout=PATIENCE)

    def owner(self, name: str) -> str | None:
        with contextlib.suppress(CallError):
            target = Target("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus")
            return str(self.ask(target, "GetNameOwner", "s", (name,))[0])
        return None

    def items(self) -> list[Item]:
        target = Target(WATCHER.name, WATCHER.path, PROPERTIES)
        try:
            names = self.ask(target, "Get", "ss", (WATCHER.interface, "RegisteredStatusNotifierItems"))[0][1]
        except (CallError, BusError):
            return []
        return [Item(self, name) for name in names]

    def item(self) -> Item:
        """Our icon, once it is registered and can be read."""

        def look() -> Item | None:
            for item in self.items():
                with contextlib.suppress(CallError, BusError):
                    if item.get("Id") == "claude-session-status":
                        return item
            return None

        return wait_for("our icon at the watcher", look)

    # ---- the screen ---------------------------------------------------------

    def screenshot(self, path: Path | None = None) -> Image.Image:
        target = path or self.root / "screen.png"
        self.run("import", "-window", "root", f"png:{target}")
        with Image.open(target) as image:
            return image.convert("RGB")

    def find_colour(self, colour: tuple[int, int, int], tolerance: int = 24, top: int = 40) -> tuple[int, int] | None:
        """The middle of the pixels of about this colour in the topmost `top` rows; None when fewer than 12 are."""
        shot = self.screenshot().crop((0, 0, int(self._size.split("x")[0]), top))
        width = shot.width
        data = shot.tobytes()
        hits = [
            (i // 3 % width, i // 3 // width)
            for i in range(0, len(data), 3)
            if all(abs(data[i + c] - colour[c]) <= tolerance for c in range(3))
        ]
        if len(hits) < 12:
            return None
        return sum(x for x, _ in hits) // len(hits), sum(y for _, y in hits) // len(hits)

    def click(self, x: int, y: int, button: int = 1) -> None:
        self.run("xdotool", "mousemove", str(x), str(y), "click", str(button))


def _panel_settings(*, dark: bool, pixels: int) -> str:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="dark-mode" type="bool" value="{str(dark).lower()}"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=6;x=0;y=0"/>
      <property name="length" type="uint" value="100"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="size" type="uint" value="{pixels}"/>
      <property name="icon-size" type="uint" value="0"/>
      <property name="plugin-ids" type="array">
        <value type="int" value="1"/>
        <value type="int" value="2"/>
        <value type="int" value="3"/>
      </property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="separator">
      <property name="expand" type="bool" value="true"/>
      <property name="style" type="uint" value="0"/>
    </property>
    <property name="plugin-2" type="string" value="systray">
      <property name="square-icons" type="bool" value="true"/>
    </property>
    <property name="plugin-3" type="string" value="clock">
      <property name="digital-layout" type="uint" value="3"/>
      <property name="digital-time-format" type="string" value="%H:%M"/>
    </property>
  </property>
</channel>
"""
