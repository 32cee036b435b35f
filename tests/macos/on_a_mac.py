"""Shows the icon in the menu bar of a real Mac, and looks at it through AppKit itself: image, menu, click, end.

    python tests/macos/on_a_mac.py

Says what does not hold, and ends with 1 then. It needs a Mac whose user is logged in at the screen, and leaves nothing.
`--stand-in` runs the same steps against the stand-in for AppKit, on any system.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from claude_session_status import menu_items
from claude_session_status.desktop.backend import is_aqua
from claude_session_status.desktop.icon import IconPainter
from claude_session_status.desktop.menu import pystray_menu
from claude_session_status.glance import IconSpec
from claude_session_status.model import Urgency
from macos import fake_appkit

PATIENCE = 10.0
SECONDS = 60.0
QUIT = menu_items.MenuItem("quit", "Quit", menu_items.Quit())


class Trial:
    """One icon; `steps` run in another thread, as the monitor's changes do."""

    def __init__(self) -> None:
        from PyObjCTools import AppHelper  # type: ignore[import-not-found]  # macOS, or the stand-in

        from claude_session_status.desktop.macos import MacIcon

        self._call_after = AppHelper.callAfter
        self.items: Sequence[menu_items.MenuItem] = (self.line("a", "a   9s"), QUIT)
        self.clicked: list[str] = []
        self.problems: list[str] = []
        self.terminated = Path()
        menu = pystray_menu(lambda: self.items, lambda item: self.clicked.append(item.key))
        self.icon: Any = MacIcon(
            "claude-session-status-trial", IconPainter(), title="a trial", menu=menu, on_terminate=self._on_terminate
        )

    @staticmethod
    def line(key: str, label: str) -> menu_items.MenuItem:
        return menu_items.MenuItem(key, label, menu_items.ShowTable())

    def _on_terminate(self) -> None:
        self.terminated.write_text("finished")

    def in_main_thread(self, function: Callable[[], Any]) -> Any:
        """What the function returns in the main thread, where alone AppKit may be asked."""
        found: list[Any] = []
        done = threading.Event()

        def call() -> None:
            try:
                found.append(function())
            except Exception as error:
                self.problems.append(f"{type(error).__name__}: {error}")
            finally:
                done.set()

        self._call_after(call)
        if not done.wait(PATIENCE):
            self.problems.append("AppKit's loop does not run")
        return found[0] if found else None

    def expect(self, what: str, found: object, wanted: object) -> None:
        print(f"{what}: {found!r}")
        if found != wanted:
            self.problems.append(f"{what}: {found!r}, not {wanted!r}")

    def labels(self) -> list[str]:
        menu = self.icon._menu_handle[0]
        return [str(menu.itemAtIndex_(position).title()) for position in range(menu.numberOfItems())]

    def steps(self, icon: Any) -> None:
        """Look and change; end the icon."""
        try:
            icon.show_spec(IconSpec())
            icon.visible = True
            button = icon._status_item.button()
            points = self.in_main_thread(lambda: int(icon._status_bar.thickness()))
            size = self.in_main_thread(lambda: [round(each) for each in button.image().size()])
            self.expect("the image's size in points", size, [points, points])
            self.expect(
                "a template without colours", self.in_main_thread(lambda: bool(button.image().isTemplate())), False
            )
            self.expect("hidden", self.in_main_thread(lambda: bool(button.isHidden())), False)
            self.expect("the menu", self.in_main_thread(self.labels), ["a   9s", "Quit"])
            before = self.in_main_thread(lambda: icon._menu_handle[0])
            self.items = (self.line("a", "a   8s"), QUIT)
            icon.update_menu()
            icon.show_spec(IconSpec(Urgency.SOON, 8))
            icon.title = "another title"
            self.expect("labels change", self.in_main_thread(self.labels), ["a   8s", "Quit"])
            self.expect("in the same menu", self.in_main_thread(lambda: icon._menu_handle[0] is before), True)
            self.expect("the tooltip", self.in_main_thread(lambda: str(button.toolTip())), "another title")
            self.in_main_thread(lambda: before.performActionForItemAtIndex_(0))
            self.expect("a click", self.clicked, ["a"])
        except Exception as error:
            self.problems.append(f"{type(error).__name__}: {error}")
        finally:
            icon.stop()


def end_by_terminate(marker: str) -> int:
    """Show the icon, then let AppKit end the process as it does at logout."""
    trial = Trial()
    trial.terminated = Path(marker)

    def steps(icon: Any) -> None:
        icon.visible = True
        trial._call_after(icon._app.terminate_, None)

    trial.icon.run(steps)
    return 1  # AppKit ends the process before


def logout(*options: str) -> str:
    """What a process left behind that AppKit ended."""
    with tempfile.TemporaryDirectory() as folder:
        marker = Path(folder, "finished")
        argv = [sys.executable, __file__, *options, "--terminate", str(marker)]
        code = subprocess.run(argv, timeout=SECONDS).returncode
        return f"{marker.read_text() if marker.exists() else 'nothing finished'}, exit code {code}"


def main() -> int:
    """Try it; return the exit code."""
    parser = argparse.ArgumentParser(description="Show the icon in a real menu bar, and look at it through AppKit.")
    parser.add_argument("--stand-in", action="store_true", help="the stand-in for AppKit: for any system")
    parser.add_argument("--terminate", metavar="FILE", help="end as at logout; writes this file first")
    chosen = parser.parse_args()
    watchdog = threading.Timer(2 * SECONDS, lambda: os._exit(3))  # a loop that does not end
    watchdog.daemon = True
    watchdog.start()
    with fake_appkit.installed() if chosen.stand_in else nullcontext():
        if chosen.terminate:
            try:
                return end_by_terminate(chosen.terminate)
            except fake_appkit.ProcessEnded:
                return 0
        if not chosen.stand_in and not is_aqua():
            print("this session has no menu bar: launchctl managername is not Aqua", file=sys.stderr)
            return 1
        trial = Trial()
        trial.icon.run(trial.steps)
        print("the icon ended when it was asked to")
        trial.expect("at logout", logout(*(["--stand-in"] if chosen.stand_in else [])), "finished, exit code 0")
    for problem in trial.problems:
        print(f"does not hold: {problem}", file=sys.stderr)
    return 1 if trial.problems else 0


if __name__ == "__main__":
    sys.exit(main())
