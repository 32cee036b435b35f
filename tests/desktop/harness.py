"""A real desktop without a screen: Xvfb, its own session bus, a panel, a notification service.

The harness starts each program by an argument list, with its own log, and ends it by its process id. HOME, XDG folders,
runtime folder, display, bus, fonts and bus services belong to the test alone. What differs between desktops is in
`desktops/`, one file per desktop.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from PIL import Image

import survivors
from claude_session_status.desktop.linux.bus import Bus, BusError, CallError, Target
from desktop.programs import Program
from desktop.screen import Box, Colour, Point, Screen
from waiting import PATIENCE, wait_for

__all__ = ["Desktop", "Item", "MenuLine", "Program", "why_not"]

PACKAGES_FILE = Path(__file__).parent / "desktops/packages.txt"
COMMON_PROGRAMS = ("Xvfb", "dbus-daemon", "dunst", "dunstctl", "tesseract", "trayer", "xdotool")

WATCHER = Target("org.kde.StatusNotifierWatcher", "/StatusNotifierWatcher", "org.kde.StatusNotifierWatcher")
NOTIFICATIONS = "org.freedesktop.Notifications"
WAITS_FOR_KDE = "/plasma_waitforname "  # waits a minute for another part of Plasma, even after the bus has ended
INSTALLED_SERVICES = Path("/usr/share/dbus-1/services")
FONT_SETTINGS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts/truetype/dejavu</dir>
  <cachedir>{cache}</cachedir>
  <match><edit name="family" mode="append" binding="weak"><string>DejaVu Sans</string></edit></match>
</fontconfig>
"""
BUS_SETTINGS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><keep_umask/><listen>unix:tmpdir=/tmp</listen><auth>EXTERNAL</auth>
<servicedir>{services}</servicedir>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
</policy></busconfig>
"""
PROPERTIES = "org.freedesktop.DBus.Properties"
MENU = "com.canonical.dbusmenu"
ITEM = "org.kde.StatusNotifierItem"


def packages(*names: str) -> list[str]:
    """The Debian packages that all desktops and the named ones need, from `desktops/packages.txt`."""
    found: list[str] = []
    for line in PACKAGES_FILE.read_text("utf-8").splitlines():
        name, _, words = line.partition(":")
        if name in ("common", *names):
            found += words.split()
    return found


@dataclass(frozen=True)
class MenuLine:
    """A row of a menu as a panel reads it."""

    id: int
    label: str
    kind: str
    enabled: bool
    children: tuple["MenuLine", ...] = ()
    checked: bool = False


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
        body = self._menu_call("GetLayout", "iias", (0, -1, ["label", "enabled", "type", "toggle-state"]))
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
        checked=values.get("toggle-state") == 1,
    )


class Desktop:
    """A desktop. Enter it to start screen, bus and session; start panels and services yourself.

    Each kind has its own class in `desktops/`, which names the programs that it needs and starts them.
    """

    name: ClassVar[str]
    current_desktop: ClassVar[str]  # XDG_CURRENT_DESKTOP
    programs: ClassVar[Sequence[str]] = ()  # what it needs besides COMMON_PROGRAMS
    environment: ClassVar[Mapping[str, str]] = {}
    menu_button: ClassVar[int] = 3  # which mouse button opens the menu
    menu_tries: ClassVar[int] = 1  # how often the icon is clicked at most until the menu is seen
    left_click_acts: ClassVar[bool] = True  # whether a left click runs the default action; otherwise it opens the menu
    submenus_open_by_themselves: ClassVar[bool] = True  # when the pointer rests there; otherwise at a click
    tooltips: ClassVar[bool] = True
    sees_display: ClassVar[bool] = True  # whether programs get DISPLAY
    notification_click_acts: ClassVar[bool] = True  # whether a click on a notification itself is reported
    notifier: ClassVar[str] = "/bin/false"  # what the bus starts for a notification when no service runs

    def __init__(self, root: Path, *, dark: bool = True, size: str = "1000x700", panel_pixels: int = 28) -> None:
        self.root = root
        self.home = root / "home"
        self.config = self.home / ".config"
        self.logs = root / "logs"
        self.env: dict[str, str] = {}
        self.dark = dark
        self.panel_pixels = panel_pixels
        self._size = size
        self._started: list[Program] = []
        self.runtime = Path(tempfile.mkdtemp(prefix="css-run-"))  # short: sockets have short names
        self._bus: Bus | None = None
        self._screen: Screen | None = None
        self.bus_daemon: Program | None = None
        self.panel_programs: list[Program] = []  # they end with the panel
        self.display = ""  # of the X screen

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
        """End all programs, the last one first."""
        if self._bus is not None:
            self._bus.close()
            self._bus = None
        if self._screen is not None:
            self._screen.close()
            self._screen = None
        for program in reversed(self._started):
            program.end()
        self._started.clear()
        shutil.rmtree(self.runtime, ignore_errors=True)

    # ---- what each kind of desktop defines ------------------------------------

    @property
    def panel_box(self) -> Box:
        """The part of the screen in which the icon may be."""
        return 0, 0, self.screen.width, self.panel_pixels + 12

    def write_settings(self) -> None:
        """Write its settings, before anything is started."""

    def start_session(self) -> None:
        """Start what belongs to it besides the panel, such as a window manager."""

    def start_panel(self) -> Program:
        """Start the panel, and return it once it accepts icons."""
        raise NotImplementedError

    def end_panel(self) -> None:
        """Let the panel crash."""
        while self.panel_programs:
            self.panel_programs.pop().end(signal.SIGKILL)

    def start_notifier(self) -> None:
        """Start its notification service; nothing to do where the panel or shell is it."""

    def press_button(self, label: str) -> bool:
        """Press a notification's button without the mouse; False where the mouse does it."""
        return False

    # ---- programs -----------------------------------------------------------

    def start(
        self, argv: Sequence[str], name: str = "", env: Mapping[str, str] | None = None, **options: Any
    ) -> Program:
        """Start a program on this desktop; it is ended with the desktop at the latest."""
        log = self.logs / f"{len(self._started):02}-{name or Path(argv[0]).name}.log"
        program = Program(argv, {**self.env, **(env or {})}, log, **options)
        self._started.append(program)
        return program

    def start_of_panel(self, argv: Sequence[str], name: str = "", **options: Any) -> Program:
        """Start a program that belongs to the panel and ends with it."""
        program = self.start(argv, name, **options)
        self.panel_programs.append(program)
        return program

    def run(self, *argv: str, seconds: float = PATIENCE) -> str:
        """Run a program to its end, and return what it printed."""
        done = subprocess.run(argv, env=self.env, capture_output=True, text=True, timeout=seconds, check=True)
        return done.stdout

    def start_trayer(self) -> Program:
        tint = "0x202428" if self.dark else "0xf0f0f0"
        argv = ["trayer", "--edge", "top", "--align", "right", "--widthtype", "pixel", "--width", "200"]
        return self.start([*argv, "--height", "28", "--transparent", "true", "--alpha", "0", "--tint", tint])

    def start_dunst(self) -> Program:
        dunst = self.start(["dunst"])
        self.wait_owner(NOTIFICATIONS)
        return dunst

    def start_bus(self, kind: str, *more: str) -> tuple[Program, str]:
        """Start a D-Bus daemon, and return it with its address. `kind` is an option such as `--session`."""
        argv = ["dbus-daemon", kind, "--nofork", "--nopidfile", "--print-address=1", *more]
        daemon = self.start(argv, "bus", stdout=subprocess.PIPE)
        assert daemon.process.stdout is not None
        return daemon, daemon.process.stdout.readline().decode().strip()

    def start_logind(self) -> str:
        """Start a system bus with a made-up logind, which some shells need, and return its address."""
        _, address = self.start_bus("--session")
        env = {"DBUS_SYSTEM_BUS_ADDRESS": address}
        # The system's Python: its D-Bus modules come from the system's packages.
        self.start(["/usr/bin/python3", "-m", "dbusmock", "--system", "--template", "logind"], "logind", env)
        bus = Bus(address)
        try:
            bus.open()
            wait_for("the made-up logind", lambda: bus.owner_of("org.freedesktop.login1"))
        finally:
            bus.close()
        return address

    def _start(self) -> None:
        for folder in (self.home, self.config, self.logs, self.home / ".cache", self.home / ".local/share"):
            folder.mkdir(parents=True, exist_ok=True)
        self.runtime.chmod(0o700)
        self.env = {
            "PATH": f"{self._write_programs()}:{os.environ['PATH']}",
            "LANG": "C.UTF-8",
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.config),
            "XDG_CACHE_HOME": str(self.home / ".cache"),
            "XDG_DATA_HOME": str(self.home / ".local/share"),
            "XDG_RUNTIME_DIR": str(self.runtime),
            "XDG_CURRENT_DESKTOP": self.current_desktop,
            "NO_AT_BRIDGE": "1",
            "GSETTINGS_BACKEND": "memory",
            "FONTCONFIG_FILE": str(self._write_fonts()),
            **self.environment,
            **survivors.variable_of_run(),
        }
        self._write_bus_services()
        self.write_settings()
        self.display = self._start_screen()
        if self.sees_display:
            self.env["DISPLAY"] = self.display
        # The bus starts last, so that the services that it starts get the display.
        self.bus_daemon, self.env["DBUS_SESSION_BUS_ADDRESS"] = self.start_bus(*self.bus_options())
        self.start_session()

    def bus_options(self) -> Sequence[str]:
        """What to start the session's bus with."""
        return (f"--config-file={self._bus_settings}",)

    def _start_screen(self) -> str:
        reading, writing = os.pipe()
        try:
            argv = ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{self._size}x24", "-nolisten", "tcp", "-ac"]
            self.start(argv, pass_fds=[writing])
            os.close(writing)
            with open(reading, closefd=False) as stream:
                display = f":{stream.readline().strip()}"
        finally:
            os.close(reading)
        self._screen = Screen(display)
        return display

    # ---- nothing else that is installed on the machine may matter ------------

    def _write_fonts(self) -> Path:
        """Offer one family of fonts: other fonts have other widths, and a menu grows beyond the screen."""
        settings = self.root / "fonts.conf"
        settings.write_text(FONT_SETTINGS.format(cache=self.home / ".cache/fontconfig"))
        return settings

    def _write_programs(self) -> Path:
        """A folder that comes first on PATH, with the terminal that this desktop's user has chosen."""
        folder = self.root / "bin"
        folder.mkdir()
        terminal = folder / "x-terminal-emulator"
        terminal.write_text('#!/bin/sh\nexec xterm "$@"\n')
        terminal.chmod(0o755)
        return folder

    def _write_bus_services(self) -> None:
        """Offer on the bus what is installed, but only this desktop's own notification service."""
        services = self.root / "services"
        services.mkdir()
        for service in INSTALLED_SERVICES.glob("*.service"):
            text = service.read_text("utf-8", "replace")
            if f"Name={NOTIFICATIONS}\n" not in text and WAITS_FOR_KDE not in text:
                (services / service.name).symlink_to(service)
        (services / f"{NOTIFICATIONS}.service").write_text(
            f"[D-BUS Service]\nName={NOTIFICATIONS}\nExec={self.notifier}\n"
        )
        self._bus_settings = self.root / "bus.conf"
        self._bus_settings.write_text(BUS_SETTINGS.format(services=services))
        dunst = self.config / "dunst"
        dunst.mkdir()
        (dunst / "dunstrc").write_text("[global]\n    offset = 10x50\n    max_icon_size = 48\n    font = Sans 10\n")

    def start_openbox(self) -> None:
        self.start(["openbox"])
        # The window manager paints the background black when it starts, so ours comes after that.
        self.wait_for_window_manager()
        self.screen.paint(0x2B4560)

    def wait_for_window_manager(self) -> None:
        """Wait until windows that open are managed; a window that opens before that may never be shown."""
        wait_for("the window manager", self.screen.has_window_manager)
        wait_for("a managed window", self.screen.manages_a_window)

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

    def wait_owner(self, name: str) -> str:
        return wait_for(f"somebody who owns {name}", lambda: self.owner(name))

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

    @property
    def screen(self) -> Screen:
        assert self._screen is not None, "enter the desktop first"
        return self._screen

    def screenshot(self, path: Path | None = None) -> Image.Image:
        return self.screen.shot(path)

    def find_colour(self, colour: Colour, tolerance: int = 24, box: Box | None = None) -> Point | None:
        """The middle of the pixels of about this colour on the panel; None when fewer than 12 are."""
        return self.screen.find_colour(colour, box or self.panel_box, tolerance)

    def click(self, x: int, y: int, button: int = 1) -> None:
        self.screen.click(x, y, button)


def why_not(kind: type[Desktop]) -> str | None:
    """Why this desktop can't be started here, and what installs it; None when it can."""
    missing = [program for program in (*COMMON_PROGRAMS, *kind.programs) if shutil.which(program) is None]
    if not missing:
        return None
    apt = f"sudo apt-get install -y --no-install-recommends {' '.join(packages(kind.name))}"
    return f"{kind.name}: missing: {', '.join(missing)}; install: {apt}"
