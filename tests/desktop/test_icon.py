"""The icon shows its state by colour and by shape, at each size of a panel."""

import itertools
from dataclasses import replace

import pytest
from PIL import Image

from claude_session_status.desktop.icon import PAINTS, RIM, IconPainter, draw
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
EVERY = {
    **LOOKS,
    "not set up": IconSpec(set_up=False),
    **{f"{name}, one waits": replace(spec, waiting=True) for name, spec in LOOKS.items()},
}
PANELS = {"dark": (40, 42, 46), "light": (245, 246, 247), "blue": (120, 160, 200)}
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


@pytest.mark.parametrize("panel", PANELS)
@pytest.mark.parametrize("size", SIZES)
def test_states_differ_without_colour(size: int, panel: str) -> None:
    """Each pair of states differs in brightness by as much as is visible at a glance."""
    ground = Image.new("RGBA", (size, size), PANELS[panel])
    greys = {
        name: Image.alpha_composite(ground, draw(spec, size)).convert("L").tobytes() for name, spec in EVERY.items()
    }
    for a, b in itertools.combinations(greys, 2):
        changed = sum(abs(x - y) > 40 for x, y in zip(greys[a], greys[b], strict=True))
        assert changed >= size * size / 20, (a, b, changed)


@pytest.mark.parametrize("urgency", [Urgency.CALM, Urgency.SOON])
def test_the_ring_gets_shorter(urgency: Urgency) -> None:
    colour = PAINTS[urgency].left[:3]
    left = [count(draw(IconSpec(urgency, parts), 32), colour) for parts in (24, 18, 12, 6, 1)]
    assert left == sorted(left, reverse=True)
    assert len(set(left)) == len(left)


def test_a_waiting_session_leaves_the_colour_and_the_exclamation_mark() -> None:
    alone, both = draw(LOOKS["last"], 22), draw(EVERY["last, one waits"], 22)
    assert count(both, RED) > 0.7 * count(alone, RED)
    dark = [count(image.crop((5, 4, 9, 12)), RIM[:3]) for image in (both, draw(IconSpec(Urgency.LAST, 2), 22))]
    assert dark[0] >= 8 > dark[1]  # the bar of the exclamation mark has moved to the left


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
