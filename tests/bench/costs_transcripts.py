"""What the length of a transcript (empty, 1 MB, 100 MB) costs a hook, and the transcript's reader alone."""

import time
from pathlib import Path

from bench import scenes
from bench.measure import Call, Case, interleaved
from bench.products import Product
from bench.report import Figure
from claude_session_status.claude import transcript
from claude_session_status.paths import Paths

EMPTY, SHORT, LONG = 0, scenes.MEGABYTE, 100 * scenes.MEGABYTE
RATIO_LIMIT = 1.2
EXTRA_LIMIT_MS = 30.0
ROUNDS, QUICK_ROUNDS = 25, 2


def measure(folder: Path, product: Product, *, quick: bool) -> list[Figure]:
    """The hook alone with each transcript, the ratios, and the reader by itself."""
    rounds = QUICK_ROUNDS if quick else ROUNDS
    homes = {size: folder / f"transcript-{size}" for size in (EMPTY, SHORT, LONG)}
    talks = {size: scenes.Conversation(home / ".claude", "web-shop", size) for size, home in homes.items()}
    hooks = interleaved([_hook(home, product, talks[size]) for size, home in homes.items()], rounds)
    readers = interleaved([_reader(talk) for talk in talks.values()], rounds)
    by_hook, by_reader = ({size: medians[_key(talk)] for size, talk in talks.items()} for medians in (hooks, readers))
    ratio, extra = by_hook[LONG] / by_hook[SHORT], by_hook[LONG] - by_hook[EMPTY]
    return [
        Figure("hook alone, transcript empty / 1 MB / 100 MB", f"{_three(by_hook)} ms"),
        Figure("  100 MB beside 1 MB", f"{ratio:.2f}x", f"at most {RATIO_LIMIT:g}x", ratio <= RATIO_LIMIT),
        Figure(
            "  100 MB beside an empty one",
            f"{extra:.1f} ms more",
            f"at most {EXTRA_LIMIT_MS:g} ms",
            extra <= EXTRA_LIMIT_MS,
        ),
        Figure("reading the transcript alone, empty / 1 MB / 100 MB", f"{_three(by_reader)} ms"),
    ]


def _three(medians: dict[int, float]) -> str:
    return " / ".join(f"{medians[size]:.1f}" for size in (EMPTY, SHORT, LONG))


def _key(talk: scenes.Conversation) -> str:
    return talk.session_id


def _hook(home: Path, product: Product, talk: scenes.Conversation) -> Case:
    claude_dir = home / ".claude"
    where = Paths(str(claude_dir))
    call = Call([product.command, "mark-turn"], scenes.environment(home, claude_dir), home, talk.hook_input())

    def after() -> None:
        call.must_be_silent()
        scenes.wait_for_ingester(where)

    return Case(_key(talk), call, lambda: _grow(talk), after)


def _reader(talk: scenes.Conversation) -> Case:
    return Case(_key(talk), lambda: transcript.read(str(talk.path)), lambda: _grow(talk))


def _grow(talk: scenes.Conversation) -> None:
    """Append one exchange; an empty transcript stays empty and only gets a new time."""
    if talk.path.stat().st_size:
        talk.turn()
    else:
        time.sleep(0.002)  # the file's time must differ from the last one
        talk.touch()
