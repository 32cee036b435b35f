"""MATE: mate-panel with the layout that it starts with by itself."""

from desktop.harness import NOTIFICATIONS, WATCHER, Desktop, Program

DAEMON = "/usr/lib/mate-notification-daemon/mate-notification-daemon"


class Mate(Desktop):
    """MATE's panel on openbox."""

    name = "mate"
    current_desktop = "MATE"
    programs = ("openbox", "mate-panel", DAEMON)
    notifier = "mate-notification-daemon"

    def start_session(self) -> None:
        self.start_openbox()

    def start_panel(self) -> Program:
        panel = self.start_of_panel(["mate-panel"])
        self.wait_owner(WATCHER.name)
        return panel

    def start_notifier(self) -> None:
        self.start([DAEMON])
        self.wait_owner(NOTIFICATIONS)
