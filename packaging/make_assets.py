"""Makes the logo in `assets/` from the tray icon's own definition, so that the two can't drift apart.

    python packaging/make_assets.py           writes what differs
    python packaging/make_assets.py --check   only says what differs, and exits with 1 if anything does

PNG files of several sizes, one SVG, `logo.ico` for Windows and `logo.icns` for macOS. Pictures are compared by their
pixels: two versions of a library may pack the same ones differently.
"""

import argparse
import io
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import IcnsImagePlugin, IcoImagePlugin, Image

from claude_session_status.desktop.icon import Colour, Ring, Shape, Stroke, draw, shapes
from claude_session_status.glance import ICON_PARTS, IconSpec
from claude_session_status.model import Urgency

ASSETS = Path(__file__).resolve().parent.parent / "assets"
LOGO = IconSpec(Urgency.CALM, ICON_PARTS * 3 // 4)
PNG_SIZES = (16, 22, 24, 32, 48, 64, 128, 256, 512)
ICO_SIZES = (16, 24, 32, 48, 64, 256)
ICNS_SIZES = (16, 32, 64, 128, 256, 512)
SVG_HALF = 64  # half the width of the drawing, in its own units
_ROUND = 'stroke-linecap="round" stroke-linejoin="round"'


def svg(drawn: tuple[Shape, ...]) -> str:
    """The shapes as an SVG document."""
    side = 2 * SVG_HALF
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" width="{side}" height="{side}">']
    lines += ["  <title>claude-session-status</title>", *(f"  {_element(shape)}" for shape in drawn), "</svg>"]
    return "\n".join(lines) + "\n"


def _element(shape: Shape) -> str:
    paint = _paint(shape.colour)
    if isinstance(shape, Stroke):
        points = " ".join(f"{SVG_HALF * (1 + x):.3f},{SVG_HALF * (1 + y):.3f}" for x, y in shape.points)
        line = f'points="{points}" fill="none" {_paint(shape.colour, "stroke")}'
        return f'<polyline {line} stroke-width="{SVG_HALF * shape.width:g}" {_ROUND}/>'
    if shape.inner == 0 and shape.share >= 1:
        return f'<circle cx="{SVG_HALF}" cy="{SVG_HALF}" r="{SVG_HALF * shape.outer:g}" {paint}/>'
    if shape.share >= 1:
        middle, width = (shape.outer + shape.inner) / 2, shape.outer - shape.inner
        stroke = _paint(shape.colour, "stroke")
        return (
            f'<circle cx="{SVG_HALF}" cy="{SVG_HALF}" r="{SVG_HALF * middle:g}" fill="none" {stroke}'
            f' stroke-width="{SVG_HALF * width:g}"/>'
        )
    return f'<path d="{_sector(shape)}" {paint}/>'


def _sector(ring: Ring) -> str:
    """A part of a ring: out along twelve o'clock, round clockwise, in, and back."""
    large = int(ring.share > 0.5)
    outer, inner = SVG_HALF * ring.outer, SVG_HALF * ring.inner
    start, end, back, begin = (
        _point(outer, 0),
        _point(outer, ring.share),
        _point(inner, ring.share),
        _point(inner, 0),
    )
    way = f"M{start} A{outer:g} {outer:g} 0 {large} 1 {end} L{back}"
    return f"{way} A{inner:g} {inner:g} 0 {large} 0 {begin} Z" if inner else f"{way} Z"


def _point(radius: float, share: float) -> str:
    angle = 2 * math.pi * share
    return f"{SVG_HALF + radius * math.sin(angle):.3f} {SVG_HALF - radius * math.cos(angle):.3f}"


def _paint(colour: Colour, what: str = "fill") -> str:
    red, green, blue, alpha = colour
    opacity = "" if alpha == 255 else f' {what}-opacity="{alpha / 255:.3f}"'
    return f'{what}="#{red:02x}{green:02x}{blue:02x}"{opacity}'


def files() -> Iterator[tuple[str, bytes]]:
    """Each file's name, and what should be in it."""
    yield "logo.svg", svg(shapes(LOGO)).encode()
    pictures = {size: draw(LOGO, size) for size in sorted({*PNG_SIZES, *ICO_SIZES, *ICNS_SIZES})}
    for size in PNG_SIZES:
        yield f"logo-{size}.png", _saved(pictures[size], "PNG", optimize=True)
    for name, kind, sizes in (("logo.ico", "ICO", ICO_SIZES), ("logo.icns", "ICNS", ICNS_SIZES)):
        *smaller, largest = (pictures[size] for size in sizes)
        options = {"sizes": [(size, size) for size in sizes]} if kind == "ICO" else {}
        yield name, _saved(largest, kind, append_images=smaller, **options)


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def differing(folder: Path) -> list[tuple[str, bytes]]:
    """The files in `folder` that are missing or show something else, with what should be in them."""
    found = []
    for name, wanted in files():
        path = folder / name
        if not path.exists() or _content(name, path.read_bytes()) != _content(name, wanted):
            found.append((name, wanted))
    return found


def _text(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n")


def _content(name: str, data: bytes) -> object:
    read: dict[str, Callable[[bytes], object]] = {"png": _pixels, "ico": _ico, "icns": _icns}
    try:
        return read.get(name.rpartition(".")[2], _text)(data)
    except (SyntaxError, OSError):  # what Pillow says of a file that is not what its name says
        return None


def _pixels(data: bytes) -> object:
    with Image.open(io.BytesIO(data)) as image:
        return image.size, image.convert("RGBA").tobytes()


def _ico(data: bytes) -> object:
    with IcoImagePlugin.IcoImageFile(io.BytesIO(data)) as image:
        return {size: image.ico.getimage(size).convert("RGBA").tobytes() for size in image.ico.sizes()}


def _icns(data: bytes) -> object:
    with IcnsImagePlugin.IcnsImageFile(io.BytesIO(data)) as image:
        return {size: image.icns.getimage(size).convert("RGBA").tobytes() for size in image.icns.itersizes()}


def main() -> int:
    """Write or check; return the exit code."""
    parser = argparse.ArgumentParser(description="Make the logo in assets/ from the tray icon's definition.")
    parser.add_argument("--check", action="store_true", help="only say what differs")
    options = parser.parse_args()
    found = differing(ASSETS)
    for name, wanted in found:
        if not options.check:
            (ASSETS / name).write_bytes(wanted)
        sys.stdout.write(f"{name}\n")
    return int(bool(found) and options.check)


if __name__ == "__main__":
    sys.exit(main())
