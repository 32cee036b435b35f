"""What a person does at a desktop: find the icon by its colour, open the menu with the mouse, read lines, click."""

import contextlib
import itertools
import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from PIL import Image

from claude_session_status.desktop.icon import PAINTS
from claude_session_status.model import Urgency
from desktop.harness import Desktop
from desktop.screen import LOOKS, Box, Point, Word, area, changes, read
from waiting import PATIENCE, wait_for

T = TypeVar("T")

COLOURS = {urgency: paint.left[:3] for urgency, paint in PAINTS.items()}
LEAST_MENU = 8000  # pixels; a smaller change on the screen is not a menu
ICON_REACH = 14  # pixels from the icon's middle to beyond its edge
SAME_LINE = 8  # pixels
AGAIN_SECONDS = 5.0  # after which a person tries once more: a busy desktop misses a pointer or a click
SUBMENU_CLICKS = 4  # on the line of a submenu that does not come


class Person:
    """Looks at a desktop on which the panel and the app run."""

    def __init__(self, desktop: Desktop) -> None:
        self._desktop = desktop
        self._screen = desktop.screen

    def look_away(self) -> None:
        """Take the pointer off everything, so that no tooltip shows and no line is lit."""
        self._screen.point(self._screen.width // 3, self._screen.height // 2)

    def click_elsewhere(self) -> None:
        """Click on the background, which closes an open menu. On Wayland a bar gets no keys, so Escape would not."""
        self._desktop.click(self._screen.width // 3, self._screen.height // 2)

    def see_icon(self, *urgencies: Urgency) -> Point:
        """Wait for an icon of one of these colours, by default any but grey, and return its place."""
        wanted = urgencies or (Urgency.CALM, Urgency.SOON, Urgency.LAST)

        places: list[Point | None] = [None]

        def look() -> Point | None:
            places.append(next(filter(None, (self._desktop.find_colour(COLOURS[u]) for u in wanted)), None))
            return places[-1] if places[-1] == places[-2] else None  # a new icon still moves

        return wait_for(f"an icon that is {' or '.join(u.name.lower() for u in wanted)}", look)

    def colours_at(self, place: Point, reach: int = ICON_REACH) -> set[Urgency]:
        """The icon's colours that are visible at this place."""
        box = (place[0] - reach, place[1] - reach, place[0] + reach, place[1] + reach)
        seen = {urgency for urgency, colour in COLOURS.items() if self._desktop.find_colour(colour, box=box)}
        # A ring's edge on a light panel is grey, too.
        return seen - {Urgency.NONE} or seen

    def hover(self, place: Point) -> "Sheet":
        """Rest the pointer on the icon, and return the tooltip."""
        self.look_away()
        before = self._desktop.screenshot()
        self._screen.point(*place)
        try:
            return self._wait_sheet(before, "Claude", seconds=AGAIN_SECONDS)
        except AssertionError:
            # Some tooltips wait for a small movement.
            self.look_away()
            self._screen.point(place[0] + 2, place[1])
            return self._wait_sheet(before, "Claude")

    def open_menu(self, button: int | None = None, tries: int | None = None) -> "Sheet":
        """Click on the icon, move the pointer into the menu, and return the menu once it is on the screen."""
        tries = tries or self._desktop.menu_tries
        self.look_away()
        place = self.see_icon()
        before = self._desktop.screenshot()
        self._desktop.click(*place, button or self._desktop.menu_button)
        try:
            menu = self._wait_sheet(before, "Quit", seconds=PATIENCE if tries == 1 else AGAIN_SECONDS)
        except AssertionError:
            if tries == 1:
                raise
            self.click_elsewhere()
            return self.open_menu(button, tries - 1)
        # A pointer that rests on the icon brings up its tooltip, on MATE across the open menu.
        menu.point_at("Quit")
        return menu

    def count(self, before: Image.Image, text: str) -> int:
        """How often this text is in what has appeared since `before`, in any way of reading."""
        now = self._desktop.screenshot()
        boxes = [box for box in changes(before, now) if area(box) >= LEAST_MENU]
        return max(sum(text in word.text for box in boxes for word in read(now, box, look)) for look in range(LOOKS))

    def open_submenu(self, place: Point, expected: str) -> "Sheet":
        """Open the submenu of the line at `place`; its line `expected` is readable then."""
        before = self._desktop.screenshot()
        if self._desktop.submenus_open_by_themselves:
            self._screen.point(*place)
            with contextlib.suppress(AssertionError):
                return self._wait_sheet(before, expected, seconds=AGAIN_SECONDS)
            # A busy desktop may have missed the pointer: a person clicks then.
        for _ in range(SUBMENU_CLICKS - 1):
            self._desktop.click(*place)
            with contextlib.suppress(AssertionError):
                return self._wait_sheet(before, expected, seconds=2 * AGAIN_SECONDS)
            if any(area(box) >= LEAST_MENU for box in self._screen.changes(before)):
                return self._wait_sheet(before, expected)
            # Nothing is there: the desktop missed the click, or took it so late that the next one closed the submenu.
        self._desktop.click(*place)
        return self._wait_sheet(before, expected)

    def see_notification(self, before: Image.Image, word: str) -> "Sheet":
        """Wait for a notification with this word that was not there before."""
        return self._wait_sheet(before, word)

    def press_button(self, before: Image.Image, label: str) -> None:
        """Press a button of the notification that has appeared since `before`."""
        note = self.see_notification(before, "expires")
        if self._desktop.press_button(label):
            return
        self._screen.point(*note.place("expires"))  # GNOME shows the buttons only under the pointer
        self._desktop.click(*self._wait_sheet(before, label).place(label))

    def _wait_sheet(self, before: Image.Image, expected: str, seconds: float = PATIENCE) -> "Sheet":
        seen: list[Box] = []
        reads: list[str] = []
        looks = itertools.cycle(range(LOOKS))

        def look() -> Sheet | None:
            found = [box for box in self._screen.changes(before) if area(box) >= LEAST_MENU]
            moving = found != seen
            seen[:] = found
            if moving:
                return None  # the menu still unfolds: its lines move
            way = next(looks)
            sheets = [Sheet(self._desktop, box, way) for box in found]
            reads[:] = [word.text for sheet in sheets for word in sheet.words()]
            return next((sheet for sheet in sheets if sheet.find(expected)), None)

        try:
            return wait_for(f"{expected!r} on the screen", look, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; what came up is at {seen}, and reads {' '.join(reads)}") from None


class Sheet:
    """A menu, a tooltip or a notification: a part of the screen with lines of text."""

    def __init__(self, desktop: Desktop, box: Box, look: int = 0) -> None:
        self._desktop = desktop
        self._look = look  # the way of reading that worked last
        self._pointed: dict[str, Point] = {}  # the word under the pointer: a highlighted line may be unreadable
        self.box = box

    def words(self) -> list[Word]:
        """The words there now, read in the way that worked last."""
        return self._desktop.screen.words(self.box, self._look)

    def _wait(self, what: str, look: Callable[[], T | None]) -> T:
        """Look repeatedly, in another way after each look that finds nothing."""

        def again() -> T | None:
            found = look()
            if not found:
                self._look = (self._look + 1) % LOOKS
            return found

        return wait_for(what, again)

    def read(self) -> list[str]:
        """The lines there now."""
        lines: list[list[Word]] = []
        for word in self.words():
            if lines and abs(lines[-1][-1].middle[1] - word.middle[1]) < SAME_LINE:
                lines[-1].append(word)
            else:
                lines.append([word])
        return [" ".join(word.text for word in line) for line in lines]

    def find(self, text: str) -> Word | None:
        """The first word that contains this text."""
        return next((word for word in self.words() if text in word.text), None)

    def place(self, text: str) -> Point:
        """Wait for a word that contains this text, and return its place."""
        return self.places([text])[text]

    def point_at(self, text: str) -> None:
        """Move the pointer to a word that contains this text. Its line is highlighted then, and does not move."""
        place = self.place(text)
        self._desktop.screen.point(*place)
        self._pointed = {text: place}

    def places(self, texts: Sequence[str]) -> dict[str, Point]:
        """Wait until words that contain these texts are here together, and return their places.

        On one picture, in all ways of reading together: one way alone may miss a word.
        """

        missing: list[str] = list(texts)

        def look() -> dict[str, Point]:
            shot, found = self._desktop.screenshot(), dict[str, Point]()
            found |= {text: place for text, place in self._pointed.items() if text in texts}
            for way in range(LOOKS):
                for word in read(shot, self.box, (self._look + way) % LOOKS):
                    found |= {text: word.middle for text in texts if text in word.text and text not in found}
                if len(found) == len(set(texts)):
                    return {text: found[text] for text in texts}
            missing[:] = [text for text in texts if text not in found]
            return {}

        return wait_for(lambda: f"{', '.join(missing)} on {self.box}", look)

    def wait_gone(self, text: str) -> None:
        """Wait until no way of reading finds this text here."""

        def gone() -> bool:
            shot = self._desktop.screenshot()
            return not any(text in word.text for look in range(LOOKS) for word in read(shot, self.box, look))

        wait_for(f"no {text!r} on {self.box}", gone)

    def wait_line(self, pattern: str) -> re.Match[str]:
        """Wait for a line that matches."""

        def look() -> re.Match[str] | None:
            return next(filter(None, (re.search(pattern, line) for line in self.read())), None)

        return self._wait(f"a line like {pattern}", look)

    def wait_text(self, pattern: str) -> re.Match[str]:
        """Wait until the whole text, its lines joined by blanks, holds a match."""
        return self._wait(f"text like {pattern}", lambda: re.search(pattern, " ".join(self.read())))

    def seconds_left(self, name: str) -> int:
        """The countdown in this name's line now, in seconds."""
        match = self.wait_line(rf"(\d+)[:.](\d\d).*{name}")
        return 60 * int(match[1]) + int(match[2])
