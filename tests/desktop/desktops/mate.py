"""MATE: mate-panel with its default layout."""

from desktop.harness import WATCHER, Desktop, Program

DAEMON = "/usr/lib/mate-notification-daemon/mate-notification-daemon"


class Mate(Desktop):
    """MATE's panel on openbox."""

    name = "mate"
    current_desktop = "MATE"
    programs = ("openbox", "mate-panel", DAEMON)
    notifier = DAEMON  # it ends after some idle time

    def start_session(self) -> None:
        self.start_openbox()

    def start_panel(self) -> Program:
        panel = self.start_of_panel(["mate-panel"])
        self.wait_owner(WATCHER.name)
        return panel
