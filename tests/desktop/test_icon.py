"""The icon shows its state by colour and by shape, at each size of a panel."""

import itertools

import pytest
from PIL import Image

from claude_session_status.desktop.icon import PAINTS, IconPainter, draw
from claude_session_status.glance import ICON_PARTS, IconSpec
from claude_session_status.model import Urgency

SIZES = (16, 22, 24, 32, 44, 48, 64)
GREY, GREEN, AMBER, RED = (PAINTS[u].left[:3] for u in Urgency)
LOOKS = {
    "nothing warm": IconSpec(),
    "calm": IconSpec(Urgency.CALM, 14),
    "soon": IconSpec(Urgency.SOON, 6),
    "last": IconSpec(Urgency.LAST, 2),
}
COLOURS = {"nothing warm": GREY, "calm": GREEN, "soon": AMBER, "last": RED}


def near(pixel: tuple[int, ...], colour: tuple[int, ...], tolerance: int = 12) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(pixel[:3], colour, strict=True))


def count(image: Image.Image, colour: tuple[int, ...]) -> int:
    data = image.convert("RGBA").tobytes()
    pixels = [tuple(data[i : i + 4]) for i in range(0, len(data), 4)]
    return sum(p[3] > 230 and near(p, colour) for p in pixels)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("look", LOOKS)
def test_each_state_shows_its_own_colour_and_no_other(look: str, size: int) -> None:
    image = draw(LOOKS[look], size)
    assert image.size == (size, size)
    assert image.mode == "RGBA"
    assert count(image, COLOURS[look]) >= size * size / 32
    for other, colour in COLOURS.items():
        assert other == look or count(image, colour) == 0


@pytest.mark.parametrize("size", SIZES)
def test_states_differ_without_colour(size: int) -> None:
    """Each pair of states differs in brightness on a dark panel by as much as is visible at a glance."""
    ground = Image.new("RGBA", (size, size), (40, 42, 46, 255))
    greys = [Image.alpha_composite(ground, draw(spec, size)).convert("L").tobytes() for spec in LOOKS.values()]
    for a, b in itertools.combinations(greys, 2):
        assert sum(abs(x - y) > 60 for x, y in zip(a, b, strict=True)) >= size * size / 16


@pytest.mark.parametrize("urgency", [Urgency.CALM, Urgency.SOON])
def test_the_ring_gets_shorter(urgency: Urgency) -> None:
    colour = PAINTS[urgency].left[:3]
    left = [count(draw(IconSpec(urgency, parts), 32), colour) for parts in (24, 18, 12, 6, 1)]
    assert left == sorted(left, reverse=True)
    assert len(set(left)) == len(left)


@pytest.mark.parametrize("look", LOOKS)
def test_a_waiting_session_is_a_white_dot_in_the_middle(look: str) -> None:
    spec = LOOKS[look]
    middle = (16, 16)
    waiting = draw(IconSpec(spec.urgency, spec.parts_left, waiting=True), 32)
    assert waiting.getpixel(middle) == (255, 255, 255, 255)
    assert draw(spec, 32).getpixel(middle) != (255, 255, 255, 255)


def test_the_background_is_transparent() -> None:
    assert draw(IconSpec(Urgency.LAST, 24), 32).getpixel((0, 0)) == (0, 0, 0, 0)


@pytest.mark.parametrize("parts", [-1, 0, ICON_PARTS, ICON_PARTS + 5])
def test_any_number_of_parts_can_be_drawn(parts: int) -> None:
    assert draw(IconSpec(Urgency.CALM, parts), 16).size == (16, 16)


def test_a_drawn_icon_is_cached_and_the_oldest_dropped() -> None:
    painter = IconPainter(capacity=2)
    first = painter.image(IconSpec(), 16)
    assert painter.image(IconSpec(), 16) is first
    painter.image(IconSpec(), 22)
    assert painter.image(IconSpec(), 16) is first  # used again: not the oldest any more
    painter.image(IconSpec(), 24)
    assert painter.image(IconSpec(), 16) is first
