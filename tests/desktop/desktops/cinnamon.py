"""Cinnamon: the shell is the panel and shows notifications; xapp's watcher takes the icons."""

from desktop.harness import WATCHER, Desktop
from desktop.programs import Program

WATCHER_PROGRAM = "/usr/libexec/xapps/sn-watcher/xapp-sn-watcher"


class Cinnamon(Desktop):
    """Cinnamon on X11."""

    name = "cinnamon"
    current_desktop = "X-Cinnamon"
    programs = ("cinnamon", WATCHER_PROGRAM)
    # Its watcher reads the lines at the first click, and shows none if they come late, as on a busy machine.
    menu_tries = 2
    submenus_open_by_themselves = False
    environment = {"LIBGL_ALWAYS_SOFTWARE": "1", "GSETTINGS_BACKEND": "keyfile", "XDG_SESSION_TYPE": "x11"}  # noqa: RUF012  # constant

    @property
    def panel_box(self) -> tuple[int, int, int, int]:
        return 0, self.screen.height - 50, self.screen.width, self.screen.height

    def write_settings(self) -> None:
        folder = self.config / "glib-2.0/settings"
        folder.mkdir(parents=True)
        (folder / "keyfile").write_text(
            "[org/cinnamon]\ndesktop-effects=false\nstartup-animation=false\n\n"
            "[org/cinnamon/desktop/background]\npicture-options='none'\nprimary-color='#2b4560'\ncolor-shading-type='solid'\n"
        )

    def start_session(self) -> None:
        self._system_bus = self.start_logind()

    def start_panel(self) -> Program:
        self.start_of_panel([WATCHER_PROGRAM])
        shell = self.start_of_panel(["cinnamon"], env={"DBUS_SYSTEM_BUS_ADDRESS": self._system_bus})
        self.wait_owner("org.Cinnamon")
        self.wait_owner(WATCHER.name)
        return shell
