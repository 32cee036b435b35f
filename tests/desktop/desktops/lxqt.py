"""LXQt: lxqt-panel, which shows no icons unless its settings name the plugin."""

from desktop.harness import NOTIFICATIONS, WATCHER, Desktop, Program

DARK_PALETTE = """[Palette]
window_color=#2b2f36
base_color=#24272d
highlight_color=#3a6ea5
window_text_color=#f0f0f0
text_color=#f0f0f0
highlighted_text_color=#ffffff
"""


class Lxqt(Desktop):
    """LXQt's panel on openbox."""

    name = "lxqt"
    current_desktop = "LXQt"
    programs = ("openbox", "lxqt-panel", "lxqt-notificationd")
    notification_click_acts = False  # it is not asked for: see NO_DEFAULT in desktop/notify/freedesktop.py
    environment = {"QT_QPA_PLATFORMTHEME": "lxqt"}  # noqa: RUF012  # constant

    def write_settings(self) -> None:
        folder = self.config / "lxqt"
        folder.mkdir()
        theme, palette = ("Valendas", DARK_PALETTE) if self.dark else ("KDE-Plasma", "")
        qt = '[Qt]\nfont="DejaVu Sans,10,-1,5,50,0,0,0,0,0"\nstyle=Fusion\n'
        (folder / "lxqt.conf").write_text(f"[General]\ntheme={theme}\n\n{qt}\n{palette}")
        # A missed notification would leave an icon in the tray beside ours.
        (folder / "notifications.conf").write_text("[General]\nunattendedMaxNum=0\n")
        (folder / "panel.conf").write_text(
            "[General]\npanels=panel1\n\n"
            "[panel1]\nalignment=-1\ndesktop=0\nposition=Top\nwidth=100\nwidth-percent=true\nlockPanel=false\n"
            f"panelSize={self.panel_pixels}\niconSize=22\nlineCount=1\nanimation-duration=0\n"
            "plugins=taskbar, statusnotifier, worldclock\n\n"
            "[taskbar]\ntype=taskbar\n\n[statusnotifier]\nalignment=Right\ntype=statusnotifier\n\n"
            "[worldclock]\nalignment=Right\ntype=worldclock\n"
        )

    def start_session(self) -> None:
        self.start_openbox()

    def start_panel(self) -> Program:
        panel = self.start_of_panel(["lxqt-panel"])
        self.wait_owner(WATCHER.name)
        return panel

    def start_notifier(self) -> None:
        self.start(["lxqt-notificationd"])
        self.wait_owner(NOTIFICATIONS)
