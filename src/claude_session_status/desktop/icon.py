"""Draws the tray's icon from one definition, `shapes`, at any size.

It must be read in half a second, on light, dark and coloured panels, and without colour vision. So shape shows
everything that colour shows:

- nothing warm: a thin hollow grey ring; not set up yet: a plus in it;
- calm: a thick green ring, as long as the time that is left;
- soon: an amber slice reaching to the middle, as wide as the time that is left;
- last seconds: a full red disc with an exclamation mark;
- a session waits for its user: a question mark, beside the exclamation mark if there is one. It is white on dark in a
  ring, and dark on the full amber or red disc.

Everything lies on a dark casing. On light and coloured panels it separates the colours from the panel's own; on dark
panels it is invisible, and the colours are bright enough.

The logo is the same definition, printed as vectors by `packaging/make_assets.py`.
"""

import functools
import math
from collections import OrderedDict
from dataclasses import dataclass

from PIL import Image, ImageDraw

from claude_session_status.glance import ICON_PARTS, IconSpec
from claude_session_status.model import Urgency

LARGE_PIXELS = 48  # from this size on, an icon's edge is short beside its area
LAYERS_KEPT = 64  # of a few icons in all sizes: 0.2 MB
CACHED_IMAGES = 64

Colour = tuple[int, int, int, int]

CASING: Colour = (24, 26, 30, 190)
RIM: Colour = (24, 26, 30, 255)
WHITE: Colour = (255, 255, 255, 255)
HOLLOW: Colour = (168, 173, 180, 255)


@dataclass(frozen=True, slots=True)
class Paint:
    """The colours of one urgency: for the time left, and for the time used."""

    left: Colour
    used: Colour


PAINTS = {
    Urgency.NONE: Paint(HOLLOW, HOLLOW),
    Urgency.CALM: Paint((61, 214, 108, 255), (61, 214, 108, 70)),
    Urgency.SOON: Paint((255, 184, 28, 255), (255, 184, 28, 170)),
    Urgency.LAST: Paint((255, 76, 66, 255), (255, 76, 66, 255)),
}


class IconPainter:
    """Draws icons and caches the last ones."""

    def __init__(self, capacity: int = CACHED_IMAGES) -> None:
        self._capacity = capacity
        self._drawn: OrderedDict[tuple[IconSpec, int], Image.Image] = OrderedDict()

    def image(self, spec: IconSpec, size: int) -> Image.Image:
        """Return the icon as RGBA on transparent ground, `size` pixels square. It is shared: do not change it."""
        key = (spec, size)
        found = self._drawn.get(key)
        if found is None:
            found = self._drawn[key] = draw(spec, size)
            if len(self._drawn) > self._capacity:
                self._drawn.popitem(last=False)
        else:
            self._drawn.move_to_end(key)
        return found


@dataclass(frozen=True, slots=True)
class Ring:
    """A ring about the middle, or a disc where `inner` is 0. Radii are shares of half the icon.

    `share` of it is drawn, from twelve o'clock clockwise.
    """

    colour: Colour
    outer: float
    inner: float = 0.0
    share: float = 1.0


Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line through the points with round ends, or a dot at a single one. (0, 0) is the middle, (1, 1) below right."""

    colour: Colour
    width: float
    points: tuple[Point, ...]


Shape = Ring | Stroke


def shapes(spec: IconSpec) -> tuple[Shape, ...]:
    """The icon's shapes, each drawn over the ones before."""
    paint = PAINTS[spec.urgency]
    share = min(ICON_PARTS, max(0, spec.parts_left)) / ICON_PARTS
    waiting = spec.waiting
    match spec.urgency:
        case Urgency.NONE if waiting or not spec.set_up:
            drawn: list[Shape] = [Ring(CASING, 0.99), Ring(HOLLOW, 0.93, 0.8), Ring(RIM, 0.8)]
            drawn += _question_mark(WHITE, 0, 0.56) if waiting else _plus(WHITE, 0.42)
        case Urgency.NONE:
            drawn = [Ring(CASING, 0.99, 0.62), Ring(HOLLOW, 0.91, 0.71)]
        case Urgency.CALM if waiting:
            drawn = [Ring(CASING, 1.0), Ring(paint.used, 0.95, 0.66), Ring(paint.left, 0.95, 0.66, share)]
            drawn += [Ring(RIM, 0.66), *_question_mark(WHITE, 0, 0.5)]
        case Urgency.CALM:
            drawn = [Ring(CASING, 1.0, 0.42), Ring(paint.used, 0.92, 0.5), Ring(paint.left, 0.92, 0.5, share)]
        case Urgency.SOON if waiting:
            drawn = [Ring(CASING, 1.0), Ring(paint.used, 0.92), Ring(paint.left, 0.92, share=share)]
            drawn += _question_mark(RIM, 0, 0.62)
        case Urgency.SOON:
            drawn = [Ring(CASING, 1.0), Ring(paint.used, 0.92, 0.74), Ring(paint.left, 0.92, share=share)]
        case _:
            drawn = [Ring(CASING, 1.0), Ring(paint.left, 0.92), *_exclamation_mark(RIM, -0.42 if waiting else 0, 0.6)]
            drawn += _question_mark(RIM, 0.3, 0.58) if waiting else []
    return tuple(drawn)


def _exclamation_mark(colour: Colour, x: float, half: float) -> list[Shape]:
    width = 0.42 * half
    return [
        Stroke(colour, width, ((x, -0.85 * half), (x, 0.2 * half))),
        Stroke(colour, 1.05 * width, ((x, 0.86 * half),)),
    ]


def _question_mark(colour: Colour, x: float, half: float) -> list[Shape]:
    """A question mark of twice the height `half`, its hook from nine o'clock clockwise to four."""
    width, radius, top, steps = 0.38 * half, 0.42 * half, -0.5 * half, 16
    angles = (2 * math.pi * (-0.25 + 0.61 * step / steps) for step in range(steps + 1))
    hook = tuple((x + radius * math.sin(angle), top - radius * math.cos(angle)) for angle in angles)
    return [
        Stroke(colour, width, (*hook, (x, 0.08 * half), (x, 0.22 * half))),
        Stroke(colour, 1.1 * width, ((x, 0.86 * half),)),
    ]


def _plus(colour: Colour, reach: float) -> list[Shape]:
    width = 0.5 * reach
    return [Stroke(colour, width, ((-reach, 0), (reach, 0))), Stroke(colour, width, ((0, -reach), (0, reach)))]


def draw(spec: IconSpec, size: int) -> Image.Image:
    """Draw the icon as RGBA, `size` pixels square."""
    image = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    for shape in shapes(spec):
        image.alpha_composite(_layer(shape, size))
    return image


@functools.lru_cache(LAYERS_KEPT)
def _layer(shape: Shape, size: int) -> Image.Image:
    """The shape alone. Most shapes of an icon stay the same when its time left changes."""
    return _Canvas(size).layer(shape)


class _Canvas:
    """Draws a shape: its outline much larger than it is shown, its colour at the size that is shown."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._oversampling = 4 if size >= LARGE_PIXELS else 8  # Pillow's own arcs have stairs
        self._large = size * self._oversampling
        self._half = self._large / 2

    def layer(self, shape: Shape) -> Image.Image:
        mask = Image.new("L", (self._large, self._large), 0)
        pen = ImageDraw.Draw(mask)
        if isinstance(shape, Stroke):
            self._draw_stroke(pen, shape)
        else:
            round_ = self._box(-shape.outer, -shape.outer, shape.outer, shape.outer)
            if shape.share >= 1:
                pen.ellipse(round_, fill=255)
            elif shape.share > 0:
                pen.pieslice(round_, -90, -90 + 360 * shape.share, fill=255)
            if shape.inner:
                pen.ellipse(self._box(-shape.inner, -shape.inner, shape.inner, shape.inner), fill=0)
        colour = shape.colour
        layer = Image.new("RGBA", (self._size, self._size), (*colour[:3], 0))
        layer.putalpha(mask.reduce(self._oversampling).point([round(value * colour[3] / 255) for value in range(256)]))
        return layer

    def _draw_stroke(self, pen: ImageDraw.ImageDraw, stroke: Stroke) -> None:
        half, radius = self._half, stroke.width / 2
        if len(stroke.points) > 1:
            line = [(half + half * x, half + half * y) for x, y in stroke.points]
            pen.line(line, fill=255, width=round(stroke.width * half), joint="curve")
        for x, y in stroke.points:
            pen.ellipse(self._box(x - radius, y - radius, x + radius, y + radius), fill=255)

    def _box(self, left: float, top: float, right: float, bottom: float) -> tuple[float, float, float, float]:
        half = self._half
        return half + half * left, half + half * top, half + half * right - 1, half + half * bottom - 1
