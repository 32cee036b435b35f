"""Window managers without a panel, on which sessions' terminals are brought to the front."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from claude_session_status.desktop.linux.bus import Target
from desktop.desktops.gnome import SETTINGS, close_overview
from desktop.harness import Desktop
from waiting import wait_for

SOFTWARE = {"LIBGL_ALWAYS_SOFTWARE": "1", "SHELL": "/bin/sh", "GSETTINGS_BACKEND": "keyfile"}
SWAY_SETTINGS = """output * mode --custom 1000x700
default_border none
xwayland {xwayland}
"""


class Manager(Desktop):
    """A window manager alone. `integrated`: GNOME Terminal lets other programs choose a tab."""

    environment: ClassVar[Mapping[str, str]] = SOFTWARE
    current_desktop = "X-Test"
    keyfile = ""

    def __init__(self, root: Path, *, integrated: bool = True) -> None:
        super().__init__(root)
        self._integrated = integrated

    def write_settings(self) -> None:
        folder = self.config / "glib-2.0/settings"
        folder.mkdir(parents=True)
        integration = f"[org/gnome/terminal/legacy]\nshell-integration-enabled={str(self._integrated).lower()}\n"
        (folder / "keyfile").write_text(self.keyfile + integration)


class Openbox(Manager):
    name = "openbox"
    programs = ("openbox",)

    def start_session(self) -> None:
        self.start_openbox()


class Xfwm(Manager):
    name = "xfwm4"
    programs = ("xfwm4",)

    def start_session(self) -> None:
        self.start(["xfwm4", "--compositor=off"])
        self.wait_for_window_manager()


class KwinX11(Manager):
    name = "kwin_x11"
    programs = ("kwin_x11",)
    environment: ClassVar[Mapping[str, str]] = {**SOFTWARE, "QT_QUICK_BACKEND": "software"}

    def write_settings(self) -> None:
        super().write_settings()
        (self.config / "kwinrc").write_text("[Compositing]\nEnabled=false\n")

    def start_session(self) -> None:
        self.start(["kwin_x11"])
        self.wait_for_window_manager()


class GnomeX11(Manager):
    name = "gnome_x11"
    programs = ("gnome-shell",)
    environment: ClassVar[Mapping[str, str]] = {
        **SOFTWARE,
        "XDG_SESSION_TYPE": "x11",
        "GNOME_SHELL_SESSION_MODE": "user",
    }
    keyfile = SETTINGS.format(scheme="prefer-dark", theme="Adwaita-dark")
    options: ClassVar[tuple[str, ...]] = ("--x11", "--sm-disable")

    def start_session(self) -> None:
        bus = self.start_logind()
        self.start(["gnome-shell", *self.options], env={"DBUS_SYSTEM_BUS_ADDRESS": bus})
        self.wait_owner("org.gnome.Shell")
        self.wait_for_window_manager()
        close_overview(self)


class Wayland(Manager):
    """A compositor in a window of the X screen, so that a person can type."""

    environment: ClassVar[Mapping[str, str]] = {
        **SOFTWARE,
        "XDG_SESSION_TYPE": "wayland",
        "QT_QPA_PLATFORM": "wayland",
        "GDK_BACKEND": "wayland",
    }
    sees_display = False

    def wait_for_socket(self) -> None:
        def look() -> str | None:
            names = (path.name for path in self.runtime.glob("wayland-*"))
            return next((name for name in names if not name.endswith(".lock")), None)

        self.env["WAYLAND_DISPLAY"] = wait_for("the compositor's socket", look)
        # For what the bus starts from now on, such as GNOME Terminal.
        bus = Target("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus")
        shown = {"WAYLAND_DISPLAY": self.env["WAYLAND_DISPLAY"]}
        self.ask(bus, "UpdateActivationEnvironment", "a{ss}", (shown,))


class Sway(Wayland):
    name = "sway"
    programs = ("sway",)

    def start_session(self) -> None:
        settings = self.root / "sway.conf"
        settings.write_text(SWAY_SETTINGS.format(xwayland="disable"))
        # sway refuses to run as root. In a user namespace it sees another id, while the kernel still says root.
        become = ["unshare", "--user", "--map-user=1000"] if os.geteuid() == 0 else []
        env = {"DISPLAY": self.display, "WLR_BACKENDS": "x11", "WLR_RENDERER": "pixman"}
        self.start([*become, "sway", "-c", str(settings)], env=env)
        self.wait_for_socket()
        paths = wait_for("sway's own socket", lambda: list(self.runtime.glob("sway-ipc.*.sock")))
        self.env["SWAYSOCK"] = str(paths[0])


class KwinWayland(Wayland):
    name = "kwin_wayland"
    programs = ("kwin_wayland",)

    def start_session(self) -> None:
        # A copy has no file capabilities: where the machine withholds them, the installed program can't be started.
        program = self.root / "kwin_wayland"
        shutil.copyfile(shutil.which("kwin_wayland") or "", program)
        program.chmod(0o755)
        argv = [str(program), "--x11-display", self.display, "--width", "1000", "--height", "700"]
        self.start([*argv, "--socket", "wayland-css"], env={"DISPLAY": self.display, "QT_QPA_PLATFORM": ""})
        self.wait_for_socket()
        self.wait_owner("org.kde.KWin")


class GnomeWayland(Wayland):
    name = "gnome_wayland"
    programs = ("gnome-shell",)
    environment: ClassVar[Mapping[str, str]] = {
        **Wayland.environment,
        "GNOME_SHELL_SESSION_MODE": "user",
        "MUTTER_DEBUG_DUMMY_MODE_SPECS": "1000x700",
    }
    keyfile = GnomeX11.keyfile

    def start_session(self) -> None:
        bus = self.start_logind()
        env = {"DBUS_SYSTEM_BUS_ADDRESS": bus, "DISPLAY": self.display, "GDK_BACKEND": "x11"}
        self.start(["gnome-shell", "--nested", "--wayland", "--wayland-display=wayland-css", "--no-x11"], env=env)
        self.wait_for_socket()
        self.wait_owner("org.gnome.Shell")
        close_overview(self)


MANAGERS: tuple[type[Manager], ...] = (Openbox, Xfwm, KwinX11, GnomeX11, Sway, KwinWayland, GnomeWayland)
