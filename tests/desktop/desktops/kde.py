"""KDE Plasma: kwin, kded with its watcher module, plasmashell, which shows notifications, too."""

from claude_session_status.desktop.linux.bus import Target
from desktop.harness import WATCHER, Desktop
from desktop.programs import Program
from waiting import wait_for

KDED = Target("org.kde.kded5", "/kded", "org.kde.kded5")


class Kde(Desktop):
    """KDE Plasma on X11."""

    name = "kde"
    current_desktop = "KDE"
    programs = ("kwin_x11", "kded5", "plasmashell")
    environment = {  # noqa: RUF012  # constant
        "KDE_FULL_SESSION": "true",
        "KDE_SESSION_VERSION": "5",
        "QT_QUICK_BACKEND": "software",
        "LIBGL_ALWAYS_SOFTWARE": "1",
        "QT_QPA_PLATFORMTHEME": "kde",
    }

    @property
    def panel_box(self) -> tuple[int, int, int, int]:
        return 0, self.screen.height - 60, self.screen.width, self.screen.height

    def write_settings(self) -> None:
        (self.config / "kded5rc").write_text("[Module-bluedevil]\nautoload=false\n")
        (self.config / "kwinrc").write_text("[Compositing]\nEnabled=false\n")
        (self.config / "kdeglobals").write_text("[KDE]\nAnimationDurationFactor=0\n")

    def start_session(self) -> None:
        self.start(["kwin_x11"])
        self.wait_for_window_manager()

    def _watcher_loaded(self) -> bool:
        return bool(self.ask(KDED, "loadModule", "s", ("statusnotifierwatcher",))[0])

    def start_panel(self) -> Program:
        self.start_of_panel(["kded5"])
        self.wait_owner(KDED.name)
        wait_for("the watcher's module", self._watcher_loaded)
        self.wait_owner(WATCHER.name)
        return self.start_of_panel(["plasmashell"])
