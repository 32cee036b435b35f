"""The screen as a person uses it: pictures, the words on them, the pointer and its buttons.

OCR reads the words. So a test clicks where a person would, at the line that says `bravo`, without knowing how high a
line is on this desktop, and it reads what was drawn, not what the panel received.
"""

import csv
import io
import os
import subprocess
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageChops, ImageOps, ImageStat
from Xlib import X
from Xlib.display import Display
from Xlib.ext import xtest

from waiting import wait_for

Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]
Point = tuple[int, int]

ENLARGED = 3  # tesseract expects letters of about 30 pixels, as in print
STRETCH, AROUND = 96, 4  # pixels of a row with one background, and rows around it that distinguish it from bold letters
SHADES = 16  # greys that count as one
LOOKS = (
    3  # ways to read: in stretches, in shorter stretches (a picture beside the text hides letters), on one background
)
BLOCK = 8  # pixels; closer changes belong together
MANAGE_SECONDS = 1.0  # within which a window manager takes a window
CLICK_SECONDS = 0.06  # between the movement and the press: menus highlight the line first


@dataclass(frozen=True)
class Word:
    """A word on the screen, and the box around it in the screen's pixels."""

    text: str
    box: Box

    @property
    def middle(self) -> Point:
        left, top, right, bottom = self.box
        return (left + right) // 2, (top + bottom) // 2


class Screen:
    """An X server's screen. Connects when it is made."""

    def __init__(self, name: str) -> None:
        self._display = Display(name)
        self._root = self._display.screen().root
        self.width = self._display.screen().width_in_pixels
        self.height = self._display.screen().height_in_pixels

    @property
    def box(self) -> Box:
        return 0, 0, self.width, self.height

    def close(self) -> None:
        self._display.close()

    # ---- looking ---------------------------------------------------------------

    def shot(self, path: Path | None = None) -> Image.Image:
        """The screen now; also written to `path` as PNG."""
        data = self._root.get_image(0, 0, self.width, self.height, X.ZPixmap, 0xFFFFFFFF).data
        image = Image.frombytes("RGB", (self.width, self.height), data, "raw", "BGRX")
        if path is not None:
            image.save(path)
        return image

    def find_colour(self, colour: Colour, box: Box, tolerance: int = 24, least: int = 12) -> Point | None:
        """The middle of the pixels of about this colour in `box`; None when fewer than `least` are."""
        mask = _like(self.shot().crop(box), colour, tolerance)
        count = round(ImageStat.Stat(mask).sum[0] / 255)
        if count < least:
            return None
        hits = [place for place, value in enumerate(mask.tobytes()) if value]
        x = sum(place % mask.width for place in hits) // count
        y = sum(place // mask.width for place in hits) // count
        return box[0] + x, box[1] + y

    def changes(self, before: Image.Image) -> list[Box]:
        """The places where the screen differs from an earlier shot, the largest first."""
        return changes(before, self.shot())

    def words(self, box: Box | None = None, look: int = 0) -> list[Word]:
        """The words in `box`, line by line, read in one of the `LOOKS` ways."""
        return read(self.shot(), box or self.box, look)

    # ---- pointing ---------------------------------------------------------------

    def point(self, x: int, y: int) -> None:
        """Move the pointer there in two steps: some menus ignore a pointer that did not move."""
        for place in ((x - 1, y), (x, y)):
            xtest.fake_input(self._display, X.MotionNotify, x=place[0], y=place[1])
            self._display.sync()

    def click(self, x: int, y: int, button: int = 1) -> None:
        self.point(x, y)
        time.sleep(CLICK_SECONDS)
        for event in (X.ButtonPress, X.ButtonRelease):
            xtest.fake_input(self._display, event, button)
            self._display.sync()

    def key(self, keysym: int) -> None:
        """Press and release the key with this X keysym."""
        code = self._display.keysym_to_keycode(keysym)
        for event in (X.KeyPress, X.KeyRelease):
            xtest.fake_input(self._display, event, code)
            self._display.sync()

    def has_window_manager(self) -> bool:
        """Whether a window manager has named itself on this screen. It may not accept windows yet."""
        sign = self._display.intern_atom("_NET_SUPPORTING_WM_CHECK")
        return self._root.get_full_property(sign, X.AnyPropertyType) is not None

    def manages_a_window(self) -> bool:
        """Open a window for a moment, and return whether the window manager has taken it."""
        state = self._display.intern_atom("WM_STATE")
        window = self._root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
        window.map()
        try:
            return (
                wait_for("it", lambda: window.get_full_property(state, X.AnyPropertyType), MANAGE_SECONDS) is not None
            )
        except AssertionError:
            return False
        finally:
            window.destroy()
            self._display.sync()

    def paint(self, colour: int) -> None:
        """Give the screen this background, 0xRRGGBB."""
        self._root.change_attributes(background_pixel=colour)
        self._root.clear_area()
        self._display.sync()


def _like(image: Image.Image, colour: Colour, tolerance: int) -> Image.Image:
    """A mask of the pixels of about this colour."""
    mask = Image.new("L", image.size, 255)
    for band, wanted in zip(image.split(), colour, strict=True):
        near = band.point([255 * (abs(value - wanted) <= tolerance) for value in range(256)])
        mask = ImageChops.darker(mask, near)
    return mask


def changes(before: Image.Image, after: Image.Image, threshold: int = 16) -> list[Box]:
    """The places where two pictures differ, the largest first."""
    red, green, blue = ImageChops.difference(before, after).split()
    difference = ImageChops.lighter(ImageChops.lighter(red, green), blue).point(
        [255 * (v > threshold) for v in range(256)]
    )
    width, height = -(-difference.width // BLOCK), -(-difference.height // BLOCK)
    padded = Image.new("L", (width * BLOCK, height * BLOCK))
    padded.paste(difference)
    blocks = {
        (place % width, place // width)
        for place, value in enumerate(padded.resize((width, height), Image.Resampling.BOX).tobytes())
        if value
    }
    boxes = []
    while blocks:
        part = list(_together(blocks))
        left, right = min(x for x, _ in part), max(x for x, _ in part) + 1
        top, bottom = min(y for _, y in part), max(y for _, y in part) + 1
        boxes.append((left * BLOCK, top * BLOCK, right * BLOCK, bottom * BLOCK))
    return sorted(boxes, key=area, reverse=True)


def _together(blocks: set[Point]) -> Iterator[Point]:
    """Remove one block and all blocks that touch it from `blocks`, and yield them."""
    edge = [blocks.pop()]
    while edge:
        x, y = edge.pop()
        yield x, y
        near = {(x + dx, y + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)} & blocks
        blocks -= near
        edge.extend(near)


def area(box: Box) -> int:
    """The pixels in a box."""
    return (box[2] - box[0]) * (box[3] - box[1])


def around(words: Iterable[Word], margin: int = 0) -> Box:
    """The box around these words."""
    boxes = [word.box for word in words]
    return (
        min(b[0] for b in boxes) - margin,
        min(b[1] for b in boxes) - margin,
        max(b[2] for b in boxes) + margin,
        max(b[3] for b in boxes) + margin,
    )


def _black_on_white(grey: Image.Image, first: int) -> Image.Image:
    """Compare each stretch of a row of pixels with its own background, so that highlighted lines are readable as well.

    `first` is the length of the first stretch.
    """
    starts = [0, *range(first, grey.width, STRETCH)]
    plain = Image.new("L", grey.size)
    for left, right in zip(starts, [*starts[1:], grey.width], strict=True):
        stretches = (
            grey.crop((left, max(0, y - AROUND), right, min(grey.height, y + AROUND + 1))).histogram()
            for y in range(grey.height)
        )
        grounds = Image.frombytes("L", (1, grey.height), bytes(_ground(one) for one in stretches))
        plain.paste(grounds.resize((right - left, grey.height), Image.Resampling.NEAREST), (left, 0))
    return ImageOps.invert(ImageChops.difference(grey, plain))


def _on_one_ground(grey: Image.Image) -> Image.Image:
    ground = Image.new("L", grey.size, _ground(grey.histogram()))
    return ImageOps.invert(ImageChops.difference(grey, ground))


def _ground(histogram: list[int]) -> int:
    """The most common grey of the most common range of greys: a background may be a gradient, letters rarely are."""
    start = max(range(0, 256, SHADES), key=lambda first: sum(histogram[first : first + SHADES]))
    return max(range(start, start + SHADES), key=histogram.__getitem__)


def read(image: Image.Image, box: Box, look: int = 0) -> list[Word]:
    """The words in this part of a picture: one block of text, line by line, read in one of the `LOOKS` ways."""
    crop = image.crop(box).convert("L")
    return [
        Word(word.text, (box[0] + left, box[1] + top, box[0] + right, box[1] + bottom))
        for word in _words(crop.tobytes(), crop.size, look)
        for left, top, right, bottom in [word.box]
    ]


@lru_cache(maxsize=16)
def _words(pixels: bytes, size: tuple[int, int], look: int) -> tuple[Word, ...]:
    """The words on a grey picture. Cached, because reading takes far longer than taking the picture."""
    grey = Image.frombytes("L", size, pixels)
    crop = ImageOps.autocontrast(
        _black_on_white(grey, STRETCH // (look + 1)) if look < LOOKS - 1 else _on_one_ground(grey)
    )
    crop = crop.resize((crop.width * ENLARGED, crop.height * ENLARGED), Image.Resampling.LANCZOS)
    picture = io.BytesIO()
    crop.save(picture, "PNG", compress_level=1)
    done = subprocess.run(
        ["tesseract", "stdin", "stdout", "--psm", "6", "--dpi", "220", "tsv"],
        input=picture.getvalue(),
        capture_output=True,
        env={"PATH": os.environ["PATH"], "OMP_THREAD_LIMIT": "1"},  # threads make it slower, not faster
        check=True,
    )
    rows = csv.DictReader(io.StringIO(done.stdout.decode()), delimiter="\t", quoting=csv.QUOTE_NONE)
    words = []
    for row in rows:
        text = (row["text"] or "").strip()
        if not text:
            continue
        left, top, width, height = (int(row[name]) // ENLARGED for name in ("left", "top", "width", "height"))
        words.append(Word(text, (left, top, left + width, top + height)))
    return tuple(words)
