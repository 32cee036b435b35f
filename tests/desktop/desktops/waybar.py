"""waybar under sway: Wayland, in a window on the X screen, so that a pointer exists.

sway refuses to run as root. If the tests run as root, sway, the bar and the notification service run as `nobody` in
their own folders, and the bus admits them. The tray gets no X display here.
"""

import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Any

from desktop.harness import NOTIFICATIONS, WATCHER, Desktop
from desktop.programs import Program
from waiting import wait_for

NOBODY = 65534
BUS_SETTINGS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path={socket}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow send_destination="*"/><allow eavesdrop="true"/><allow own="*"/>
</policy></busconfig>
"""
SWAY_SETTINGS = """xwayland disable
output * mode --custom 1000x700
output * bg #2b4560 solid_color
default_border none
"""
BAR_STYLE = """* {{ font-family: "DejaVu Sans"; font-size: 13px; }}
window#waybar {{ background: {ground}; color: {ink}; }}
#clock {{ padding: 0 10px; }}
menu, tooltip {{ background: {ground}; color: {ink}; }}
menu label, tooltip label {{ color: {ink}; }}
menu menuitem:disabled label {{ opacity: 0.6; }}
"""


def _folder_for_everybody() -> str:
    """A folder for temporary files that `nobody` may enter: root's own may be closed."""
    folders = (tempfile.gettempdir(), "/var/tmp")
    return next((folder for folder in folders if os.stat(folder).st_mode & stat.S_IXOTH), folders[0])


class Waybar(Desktop):
    """waybar under sway."""

    name = "waybar"
    current_desktop = "sway"
    programs = ("sway", "waybar", "mako", "swaybg")
    sees_display = False

    def write_settings(self) -> None:
        self._own = Path(tempfile.mkdtemp(prefix="css-sway-", dir=_folder_for_everybody()))
        for folder in ("run", "config"):
            (self._own / folder).mkdir(mode=0o700)
        ground, ink = ("#202428", "#f0f0f0") if self.dark else ("#f0f0f0", "#202428")
        config = self._own / "config"
        (config / "sway").write_text(SWAY_SETTINGS)
        (config / "bar").write_text(
            f'{{"layer": "top", "position": "top", "height": {self.panel_pixels}, "modules-right": ["tray", "clock"],'
            ' "tray": {"icon-size": 20, "spacing": 8}, "clock": {"format": "{:%H:%M}"}}'
        )
        (config / "style.css").write_text(BAR_STYLE.format(ground=ground, ink=ink))
        (config / "mako").write_text("anchor=bottom-right\nfont=DejaVu Sans 10\n")
        (config / "bus.conf").write_text(BUS_SETTINGS.format(socket=self._own / "run/bus"))
        if os.geteuid() == 0:
            for path in (self._own, *self._own.rglob("*")):
                os.chown(path, NOBODY, NOBODY)

    def bus_options(self) -> tuple[str]:
        return (f"--config-file={self._own / 'config/bus.conf'}",)

    def start_session(self) -> None:
        self.env["WAYLAND_DISPLAY"] = ""
        env = {"DISPLAY": self.display, "WLR_BACKENDS": "x11", "WLR_RENDERER": "pixman"}
        self._start_as_user(["sway", "-c", str(self._own / "config/sway")], env)
        self.env["WAYLAND_DISPLAY"] = wait_for("sway's socket", self._socket)

    def start_panel(self) -> Program:
        config = self._own / "config"
        argv = ["waybar", "-c", str(config / "bar"), "-s", str(config / "style.css")]
        panel = self._start_as_user(argv, {"XDG_CURRENT_DESKTOP": "sway"})
        self.panel_programs.append(panel)
        self.wait_owner(WATCHER.name)
        return panel

    def start_notifier(self) -> None:
        self._start_as_user(["mako", "-c", str(self._own / "config/mako")], {})
        self.wait_owner(NOTIFICATIONS)

    def press_button(self, label: str) -> bool:
        """Press it through mako's command: mako draws no buttons."""
        self.run("makoctl", "invoke", {"Go": "go", "Mute": "mute", "Pause": "pause-hour"}[label])
        return True

    def close(self) -> None:
        super().close()
        if hasattr(self, "_own"):
            shutil.rmtree(self._own, ignore_errors=True)

    def _socket(self) -> str | None:
        names = (path.name for path in (self._own / "run").glob("wayland-*"))
        return next((name for name in names if not name.endswith(".lock")), None)

    def _start_as_user(self, argv: list[str], env: dict[str, str]) -> Program:
        own = {"HOME": str(self._own), "XDG_CONFIG_HOME": str(self._own / "config"), "XDG_CACHE_HOME": str(self._own)}
        own["XDG_RUNTIME_DIR"] = str(self._own / "run")
        options: dict[str, Any] = {"cwd": self._own}
        if os.geteuid() == 0:
            options.update(user=NOBODY, group=NOBODY, extra_groups=[])
        return self.start(argv, env={**own, **env}, **options)
