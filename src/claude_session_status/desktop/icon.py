"""Draws the tray's icon from one definition, `view.IconSpec`, at any size.

What it says must be read in half a second, on light, dark and coloured panels, and without colour vision. So shape
says everything that colour says:

- nothing warm: a thin hollow grey ring;
- calm: a green ring, as long as the time that is left;
- soon: an amber slice reaching to the middle, as wide as the time that is left;
- last seconds: a full red disc inside its ring;
- a session waits for its person: a dot in the middle, white with a dark rim, whatever is around it.

Everything sits on a dark, half transparent casing. On light and coloured panels that casing separates the colours from
the panel's own; on dark panels it vanishes, and the colours are bright enough by themselves.
"""

from collections import OrderedDict
from dataclasses import dataclass

from PIL import Image, ImageDraw

from claude_session_status.model import Urgency
from claude_session_status.view import ICON_PARTS, IconSpec

OVERSAMPLING = 8  # drawn this many times larger, then reduced: Pillow's own arcs have stairs
CACHED_IMAGES = 64

Colour = tuple[int, int, int, int]

CASING: Colour = (24, 26, 30, 190)
RIM: Colour = (24, 26, 30, 255)
DOT: Colour = (255, 255, 255, 255)
HOLLOW: Colour = (168, 173, 180, 255)


@dataclass(frozen=True, slots=True)
class Paint:
    """The colours of one urgency: of what is left, and of what is used up."""

    left: Colour
    used: Colour


PAINTS = {
    Urgency.NONE: Paint(HOLLOW, HOLLOW),
    Urgency.CALM: Paint((61, 214, 108, 255), (61, 214, 108, 70)),
    Urgency.SOON: Paint((255, 184, 28, 255), (255, 184, 28, 170)),
    Urgency.LAST: Paint((255, 76, 66, 255), (255, 76, 66, 255)),
}


class IconPainter:
    """Draws icons and remembers the last ones drawn, so that an icon that comes back costs nothing."""

    def __init__(self, capacity: int = CACHED_IMAGES) -> None:
        self._capacity = capacity
        self._drawn: OrderedDict[tuple[IconSpec, int], Image.Image] = OrderedDict()

    def image(self, spec: IconSpec, size: int) -> Image.Image:
        """Return the icon as RGBA on transparent ground, `size` pixels square. It is shared: read it only."""
        key = (spec, size)
        found = self._drawn.get(key)
        if found is None:
            found = self._drawn[key] = draw(spec, size)
            if len(self._drawn) > self._capacity:
                self._drawn.popitem(last=False)
        else:
            self._drawn.move_to_end(key)
        return found


def draw(spec: IconSpec, size: int) -> Image.Image:
    """Draw the icon as RGBA, `size` pixels square."""
    canvas = _Canvas(size * OVERSAMPLING)
    paint = PAINTS[spec.urgency]
    share = min(ICON_PARTS, max(0, spec.parts_left)) / ICON_PARTS
    if spec.urgency is Urgency.NONE:
        canvas.ring(0.99, 0.58, CASING)
        canvas.ring(0.91, 0.67, HOLLOW)
    elif spec.urgency is Urgency.CALM:
        canvas.ring(1.0, 0.42, CASING)
        canvas.ring(0.92, 0.5, paint.used)
        canvas.ring(0.92, 0.5, paint.left, share)
    elif spec.urgency is Urgency.SOON:
        canvas.disc(1.0, CASING)
        canvas.ring(0.92, 0.74, paint.used)
        canvas.slice(0.92, paint.left, share)
    else:
        canvas.disc(1.0, CASING)
        canvas.ring(0.92, 0.8, paint.used)
        canvas.disc(0.66, paint.left)
    if spec.waiting:
        canvas.disc(0.42, RIM)
        canvas.disc(0.3, DOT)
    return canvas.image.resize((size, size), Image.Resampling.BOX)


class _Canvas:
    """Circles about one centre. Radii are shares of half the canvas; arcs begin at twelve o'clock and run clockwise."""

    def __init__(self, pixels: int) -> None:
        self._half = pixels / 2
        self.image = Image.new("RGBA", (pixels, pixels), (0, 0, 0, 0))

    def disc(self, radius: float, colour: Colour) -> None:
        self._stamp(colour, radius, 0, 1)

    def slice(self, radius: float, colour: Colour, share: float) -> None:
        self._stamp(colour, radius, 0, share)

    def ring(self, outer: float, inner: float, colour: Colour, share: float = 1) -> None:
        self._stamp(colour, outer, inner, share)

    def _stamp(self, colour: Colour, outer: float, inner: float, share: float) -> None:
        mask = Image.new("L", self.image.size, 0)
        pen = ImageDraw.Draw(mask)
        if share >= 1:
            pen.ellipse(self._box(outer), fill=255)
        else:
            pen.pieslice(self._box(outer), -90, -90 + 360 * share, fill=255)
        if inner:
            pen.ellipse(self._box(inner), fill=0)
        layer = Image.new("RGBA", self.image.size, (*colour[:3], 0))
        layer.putalpha(mask.point([round(value * colour[3] / 255) for value in range(256)]))
        self.image.alpha_composite(layer)

    def _box(self, radius: float) -> tuple[float, float, float, float]:
        reach = self._half * radius
        return (self._half - reach, self._half - reach, self._half + reach - 1, self._half + reach - 1)
