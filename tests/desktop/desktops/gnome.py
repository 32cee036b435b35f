"""GNOME Shell with the AppIndicator extension, as Ubuntu ships both. The shell is the panel and shows notifications."""

import contextlib
import os
from pathlib import Path

from Xlib import XK

from claude_session_status.desktop.linux.bus import BusError, CallError, Target
from desktop.harness import WATCHER, Desktop
from desktop.programs import Program
from waiting import wait_for

SHELL = Target("org.gnome.Shell", "/org/gnome/Shell", "org.freedesktop.DBus.Properties")
BACKGROUND = (0x2B, 0x45, 0x60)
BANNER = (700, 50)  # a point of a notification without letters
SETTINGS = """[org/gnome/shell]
enabled-extensions=['ubuntu-appindicators@ubuntu.com']
disable-user-extensions=false
welcome-dialog-last-shown-version='999'

[org/gnome/desktop/interface]
enable-animations=false
color-scheme='{scheme}'
gtk-theme='{theme}'

[org/gnome/desktop/background]
picture-uri=''
picture-uri-dark=''
primary-color='#2b4560'
color-shading-type='solid'
"""


class Gnome(Desktop):
    """GNOME Shell on X11, without its session manager."""

    name = "gnome"
    current_desktop = "GNOME"
    programs = ("gnome-shell", "gjs")
    environment = {  # noqa: RUF012  # constant
        "GSETTINGS_BACKEND": "keyfile",
        "LIBGL_ALWAYS_SOFTWARE": "1",
        "XDG_SESSION_TYPE": "x11",
        "GNOME_SHELL_SESSION_MODE": "user",
    }
    menu_button = 1
    left_click_acts = False
    submenus_open_by_themselves = False
    tooltips = False

    def __init__(self, root: Path, *, dark: bool = True, size: str = "1000x1280", panel_pixels: int = 28) -> None:
        # High: submenus unfold within the menu here.
        super().__init__(root, dark=dark, size=size, panel_pixels=panel_pixels)

    def write_settings(self) -> None:
        folder = self.config / "glib-2.0/settings"
        folder.mkdir(parents=True)
        scheme, theme = ("prefer-dark", "Adwaita-dark") if self.dark else ("prefer-light", "Adwaita")
        (folder / "keyfile").write_text(SETTINGS.format(scheme=scheme, theme=theme))
        # Suppresses the shell's warning that it can't lock the screen, which would cover our notifications.
        warned = self.home / ".local/share/gnome-shell/lock-warning-shown"
        warned.parent.mkdir()
        warned.touch()

    def start_session(self) -> None:
        self._system_bus = self.start_logind()

    def start_panel(self) -> Program:
        env = {"DBUS_SYSTEM_BUS_ADDRESS": self._system_bus}
        shell = self.start_of_panel(["gnome-shell", "--x11", "--sm-disable"], env=env)
        self.wait_owner(WATCHER.name)
        close_overview(self)
        if os.geteuid() == 0:
            self._dismiss_warning()
        return shell

    def _dismiss_warning(self) -> None:
        """Dismiss the shell's warning about root sessions: it appears, sometimes late, where our notifications do."""
        with contextlib.suppress(AssertionError):
            wait_for("the shell's warning", self._shows_warning)
            self.click(*BANNER)
            wait_for("the warning to go", lambda: not self._shows_warning())

    def _shows_warning(self) -> bool:
        return self.screenshot().getpixel(BANNER) != BACKGROUND


def close_overview(desktop: Desktop) -> None:
    """Close the overview, which opens by itself after the start and covers everything."""

    def is_open() -> bool:
        try:
            return bool(desktop.ask(SHELL, "Get", "ss", ("org.gnome.Shell", "OverviewActive"))[0][1])
        except (CallError, BusError):
            return False

    def close() -> bool:
        if not is_open():
            return True
        desktop.screen.key(XK.XK_Escape)
        return False

    wait_for("the overview", is_open)
    wait_for("the overview to close", close)
