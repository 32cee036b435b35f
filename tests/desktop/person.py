"""A person at a desktop: finds the icon by its colour, opens the menu with the mouse, reads its lines, and clicks."""

import re
from collections.abc import Sequence

from PIL import Image

from claude_session_status.desktop.icon import PAINTS
from claude_session_status.model import Urgency
from desktop.harness import Desktop
from desktop.programs import PATIENCE, wait_for
from desktop.screen import Box, Point, Word, area

COLOURS = {urgency: paint.left[:3] for urgency, paint in PAINTS.items()}
LEAST_MENU = 8000  # pixels: what changes on less of the screen is no menu
ICON_REACH = 14  # pixels from the icon's middle to beyond its edge
SAME_LINE = 8  # pixels


class Person:
    """Looks at a desktop on which the panel and the app run."""

    def __init__(self, desktop: Desktop) -> None:
        self._desktop = desktop
        self._screen = desktop.screen

    def look_away(self) -> None:
        """Take the pointer off everything, so that no tooltip shows and no line is lit."""
        self._screen.point(self._screen.width // 3, self._screen.height // 2)

    def click_elsewhere(self) -> None:
        """Click on nothing, which closes an open menu. Escape does not on Wayland, where a bar gets no keys."""
        self._desktop.click(self._screen.width // 3, self._screen.height // 2)

    def see_icon(self, *urgencies: Urgency) -> Point:
        """Wait for an icon of one of these colours (else: any but grey), and return its place."""
        wanted = urgencies or (Urgency.CALM, Urgency.SOON, Urgency.LAST)

        places: list[Point | None] = [None]

        def look() -> Point | None:
            places.append(next(filter(None, (self._desktop.find_colour(COLOURS[u]) for u in wanted)), None))
            return places[-1] if places[-1] == places[-2] else None  # one that comes in still moves

        return wait_for(f"an icon that is {' or '.join(u.name.lower() for u in wanted)}", look)

    def colours_at(self, place: Point, reach: int = ICON_REACH) -> set[Urgency]:
        """Which of the icon's colours are to be seen at this place."""
        box = (place[0] - reach, place[1] - reach, place[0] + reach, place[1] + reach)
        seen = {urgency for urgency, colour in COLOURS.items() if self._desktop.find_colour(colour, box=box)}
        # A ring's edge on a light panel is grey, too.
        return seen - {Urgency.NONE} or seen

    def hover(self, place: Point) -> "Sheet":
        """Rest the pointer on the icon, and return what comes up."""
        self.look_away()
        before = self._desktop.screenshot()
        self._screen.point(*place)
        try:
            return self._wait_sheet(before, "Claude", seconds=PATIENCE / 4)
        except AssertionError:
            # A hand is never quite still, and some tooltips wait for that.
            self.look_away()
            self._screen.point(place[0] + 2, place[1])
            return self._wait_sheet(before, "Claude")

    def open_menu(self, button: int | None = None, tries: int = 1) -> "Sheet":
        """Click on the icon, move on into the menu, and return it once it stands on the screen."""
        self.look_away()
        place = self.see_icon()
        before = self._desktop.screenshot()
        self._desktop.click(*place, button or self._desktop.menu_button)
        try:
            menu = self._wait_sheet(before, "Quit", seconds=PATIENCE if tries == 1 else PATIENCE / 4)
        except AssertionError:
            if tries == 1:
                raise
            self.click_elsewhere()
            return self.open_menu(button, tries - 1)
        # A pointer that rests on the icon brings up its tooltip, on MATE across the open menu.
        self._screen.point(*menu.place("Quit"))
        return menu

    def count(self, before: Image.Image, text: str) -> int:
        """How often this text is to be read in what has come up since."""
        sheets = [Sheet(self._desktop, box) for box in self._screen.changes(before) if area(box) >= LEAST_MENU]
        return sum(text in line for sheet in sheets for line in sheet.read())

    def open_submenu(self, place: Point, expected: str) -> "Sheet":
        """Open the submenu of the line there, as far as its line `expected` is to be read."""
        before = self._desktop.screenshot()
        self._screen.point(*place)
        try:
            return self._wait_sheet(before, expected, seconds=3)
        except AssertionError:
            # Some open submenus only at a click.
            self._desktop.click(*place)
            return self._wait_sheet(before, expected)

    def see_notification(self, before: Image.Image, word: str) -> "Sheet":
        """Wait for a notification with this word that was not there before."""
        return self._wait_sheet(before, word)

    def press_button(self, before: Image.Image, label: str) -> None:
        """Press the button of the notification that has come up since."""
        note = self.see_notification(before, "expires")
        if self._desktop.press_button(label):
            return
        self._screen.point(*note.place("expires"))  # GNOME shows the buttons to a pointer only
        self._desktop.click(*self._wait_sheet(before, label).place(label))

    def _wait_sheet(self, before: Image.Image, expected: str, seconds: float = PATIENCE) -> "Sheet":
        seen: list[Box] = []

        def look() -> Sheet | None:
            # A menu that unfolds is not read: its lines still move.
            found = [box for box in self._screen.changes(before) if area(box) >= LEAST_MENU]
            if not found or found[:1] != seen[-1:]:
                seen.extend(found[:1])
                return None
            sheet = Sheet(self._desktop, found[0])
            return sheet if sheet.find(expected) else None

        return wait_for(f"{expected!r} on the screen", look, seconds)


class Sheet:
    """A menu, a tooltip or a notification: a part of the screen with lines of text."""

    def __init__(self, desktop: Desktop, box: Box) -> None:
        self._desktop = desktop
        self.box = box

    def read(self) -> list[str]:
        """The lines that stand there now."""
        lines: list[list[Word]] = []
        for word in self._desktop.screen.words(self.box):
            if lines and abs(lines[-1][-1].middle[1] - word.middle[1]) < SAME_LINE:
                lines[-1].append(word)
            else:
                lines.append([word])
        return [" ".join(word.text for word in line) for line in lines]

    def find(self, text: str) -> Word | None:
        """The first word that contains this text."""
        return next((word for word in self._desktop.screen.words(self.box) if text in word.text), None)

    def place(self, text: str) -> Point:
        """Wait for a word that contains this text, and return its place."""
        return wait_for(f"{text!r} on {self.box}, where {self.read()} stands", lambda: self.find(text)).middle

    def wait_gone(self, text: str) -> None:
        """Wait until this text no longer stands here."""
        wait_for(f"no {text!r} on {self.box}", lambda: self.find(text) is None)

    def places(self, texts: Sequence[str]) -> dict[str, Point]:
        """The places of words that contain these texts."""
        return {text: self.place(text) for text in texts}

    def wait_line(self, pattern: str) -> re.Match[str]:
        """Wait for a line that matches."""

        def look() -> re.Match[str] | None:
            return next(filter(None, (re.search(pattern, line) for line in self.read())), None)

        return wait_for(f"a line like {pattern}", look)

    def wait_text(self, pattern: str) -> re.Match[str]:
        """Wait until the whole text, its lines joined by blanks, holds a match."""
        return wait_for(f"text like {pattern}", lambda: re.search(pattern, " ".join(self.read())))

    def seconds_left(self, name: str) -> int:
        """The countdown in the line of this name, as it is to be read now."""
        match = self.wait_line(rf"{name}.* (?:(\d+)m )?(\d+)s left")
        return 60 * int(match[1] or 0) + int(match[2])
