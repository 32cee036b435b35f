"""What a hook costs the person who waits for it, beside bare Python and beside the package that this one follows.

    python tests/bench/hooks.py [--rounds N] [--quick] [--readme] [--python PATH] [--without-original]

Each program is called as the client calls it: the console script by its absolute path, a Stop event on standard input,
a transcript that has grown by one exchange since the last call. What a hook was to leave behind is checked each time.
Says whether the wanted ratios hold and never fails over them: a time on a busy machine is no verdict.
"""

import argparse
import itertools
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import at_once, products, report, scenes
from bench.measure import Call, Case, interleaved
from claude_session_status.paths import Paths

BARE = "bare `python -c pass`"
BESIDE = "hook beside a monitor"
ALONE = "hook alone"
MANY = 24
BARE_MANY = f"{MANY} bare Pythons at once"
ALONE_MANY = f"{MANY} hooks at once, alone"
BESIDE_MANY = f"{MANY} hooks at once beside a monitor"
OLD = "original 0.2.11"
ALONE_NEW = "hook alone, session just begun"
OLD_NEW = "original 0.2.11, session just begun"
# Two kinds of hooks that people share, re-made here in a few lines since they have no package: one appends to a log,
# the other looks for the last usage in the transcript.
LOGGING = "a shell hook that appends to a log"
READING = "a shell hook that reads the end of the transcript"
_LOGGING = """cat >>"$HOME/hook.log"; date +%s >>"$HOME/hook.log\""""
_READING = (
    """path=$(sed 's/.*"transcript_path": *"\\([^"]*\\)".*/\\1/'); date +%s >"$HOME/last"; """
    """tail -c 100000 "$path" | grep -o '"cache_read_input_tokens":[ 0-9]*' | tail -n 1 >>"$HOME/last\""""
)
LINE = "a status line command of 15 ms"
WRAPPED = "the same behind `statusline --`"
PEER = {BARE: OLD, BESIDE: OLD, ALONE: OLD, ALONE_NEW: OLD_NEW}  # what each is set against

BESIDE_LIMIT = 2.0  # times bare Python
ALONE_LIMIT = 1.9
MANY_LIMIT = 2.5  # times as many bare Pythons at once
ROW_LIMIT = 1.0  # seconds from the hook's end until its row is in the database
BESIDE_GAIN = 6.0  # times faster than the original
WRAPPED_LIMIT = 2.0  # times the command by itself
JUST_BEGUN_BYTES = 20_000

ROUNDS, QUICK_ROUNDS = 40, 3
BURSTS = 5
NO_ORIGINAL = 3  # exit code


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    rounds: int
    readme: bool
    python: str | None
    without_original: bool


def main() -> int:
    """Measure, print, and with --readme put the table into this folder's README."""
    options = _options()
    try:
        ours = products.at(options.python) if options.python else products.ours()
    except products.NotAvailableError as error:
        print(error, file=sys.stderr)
        return 1
    try:
        original = None if options.without_original else products.original()
    except products.NotAvailableError as error:
        print(f"The original can't be measured (--without-original leaves it out): {error}", file=sys.stderr)
        return NO_ORIGINAL
    waits: list[float] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        medians = interleaved(cases(Path(folder), ours, original, waits), options.rounds)
        bursts = worst_bursts(Path(folder), ours, min(options.rounds, BURSTS))
    text = "\n".join([text_of(medians, options.rounds, max(waits)), *bursts])
    print(text)
    return 0 if not options.readme or report.publish_with_summary("hooks", text) else 1


def _options() -> Options:
    parser = argparse.ArgumentParser(description="Measure what a hook costs.")
    parser.add_argument("--rounds", type=int, help=f"how often each is called ({ROUNDS})")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds: to see that it works")
    parser.add_argument("--readme", action="store_true", help="put the table into tests/bench/README.md")
    parser.add_argument("--python", help="take the product that is installed beside this interpreter; builds none")
    parser.add_argument("--without-original", action="store_true", help="needs no package index")
    given = parser.parse_args()
    rounds = given.rounds or (QUICK_ROUNDS if given.quick else ROUNDS)
    return Options(rounds, given.readme, given.python, given.without_original)


def cases(folder: Path, ours: products.Product, original: products.Product | None, waits: list[float]) -> list[Case]:
    """All that is timed, each with a home of its own. Into `waits` go the seconds until lone hooks' rows were there."""
    bare = Call([ours.python, "-c", "pass"], scenes.environment(folder / "bare", folder), folder / "bare")
    found = [
        Case(BARE, bare),
        _ours(BESIDE, folder / "beside", ours),
        _ours(ALONE, folder / "alone", ours, waits),
        _ours(ALONE_NEW, folder / "alone-new", ours, waits, size=JUST_BEGUN_BYTES),
        Case(BARE_MANY, lambda: bare.all_at_once(MANY)),
        _ours(BESIDE_MANY, folder / "beside-many", ours, count=MANY),
        _ours(ALONE_MANY, folder / "alone-many", ours, waits, count=MANY),
        _shell(LOGGING, folder / "logging", _LOGGING),
        _shell(READING, folder / "reading", _READING),
        _line(LINE, folder / "line", ()),
        _line(WRAPPED, folder / "wrapped", (*ours.installed, "statusline", "--")),
    ]
    if original is not None:
        found += [
            _originals(OLD, folder / "original", original),
            _originals(OLD_NEW, folder / "original-new", original, size=JUST_BEGUN_BYTES),
        ]
    return found


def _ours(
    name: str,
    home: Path,
    product: products.Product,
    waits: list[float] | None = None,
    *,
    size: int = scenes.USUAL_BYTES,
    count: int = 1,
) -> Case:
    """A hook beside a monitor; with `waits` alone. `count`: as many at once."""
    claude_dir = home / ".claude"
    where = Paths(str(claude_dir))
    talk = scenes.Conversation(claude_dir, "web-shop", size)
    call = Call([*product.installed, "mark-turn"], scenes.environment(home, claude_dir), home, talk.hook_input())

    def before() -> None:
        talk.turn()
        if waits is None:
            scenes.beat(where)

    def after() -> None:
        call.must_be_silent()
        if waits is None:
            scenes.take_notes(where, count)
        else:
            waits.append(scenes.wait_for_ingester(where))

    return Case(name, call if count == 1 else lambda: call.all_at_once(count), before, after)


def _shell(name: str, home: Path, program: str) -> Case:
    claude_dir = home / ".claude"
    talk = scenes.Conversation(claude_dir, "web-shop")
    call = Call(["sh", "-c", program], scenes.environment(home, claude_dir), home, talk.hook_input())
    return Case(name, call, talk.turn, call.must_be_silent)


def _line(name: str, home: Path, before: tuple[str, ...]) -> Case:
    """A user's own status line, alone or wrapped by ours, which gets another request each time."""
    claude_dir = home / ".claude"
    command = ("sh", "-c", "cat >/dev/null; sleep 0.015; echo mine")
    call = Call([*before, *command], scenes.environment(home, claude_dir), home)
    expiries = itertools.count(int(time.time()) + 300)
    return Case(name, call, lambda: call.give(scenes.status_line(next(expiries))), call.must_be_silent)


def _originals(name: str, home: Path, product: products.Product, *, size: int = scenes.USUAL_BYTES) -> Case:
    claude_dir = home / ".claude"
    talk = scenes.Conversation(claude_dir, "web-shop", size)
    call = Call([product.command, "mark-turn"], scenes.environment(home, claude_dir), home, talk.hook_input())

    def after() -> None:
        call.must_be_silent()
        scenes.forget_flags(talk)

    return Case(name, call, talk.turn, after)


def text_of(medians: dict[str, float], rounds: int, longest_wait: float) -> str:
    """The table, how it was made, and whether what is wanted holds."""
    rows = []
    for name, median in medians.items():
        old = medians.get(PEER.get(name, ""))
        gain = f"{old / median:.1f}x faster" if old else ""
        rows.append([name, f"{median:.1f}", f"{median / medians[BARE]:.2f}x", gain])
    head = ["what", "median, ms", "beside bare Python", "beside the original"]
    how = f"Medians of {rounds} interleaved calls, transcript of {scenes.USUAL_BYTES / scenes.MEGABYTE:.0f} MB. "
    return "\n".join([report.table(head, rows), "", how + report.machine(), "", *_verdicts(medians, longest_wait)])


def _verdicts(medians: dict[str, float], longest_wait: float) -> list[str]:
    bare, beside = medians[BARE], medians[BESIDE]
    many = medians[ALONE_MANY] / medians[BARE_MANY]
    lines = [
        _verdict(beside / bare <= BESIDE_LIMIT, f"beside a monitor at most {BESIDE_LIMIT:g}x bare Python"),
        _verdict(medians[ALONE] / bare <= ALONE_LIMIT, f"alone at most {ALONE_LIMIT:g}x bare Python"),
        _verdict(many <= MANY_LIMIT, f"{MANY} at once at most {MANY_LIMIT:g}x {MANY} bare Pythons: {many:.2f}x"),
        _verdict(
            longest_wait <= ROW_LIMIT,
            f"alone the row is in the database within {ROW_LIMIT:g} s of the hook's end: at most {longest_wait:.2f} s",
        ),
    ]
    if OLD in medians:
        gain = medians[OLD_NEW] / beside  # the harder of the two: the original reads whole transcripts
        never_slower = all(medians[ours] <= medians[old] for ours, old in ((ALONE, OLD), (ALONE_NEW, OLD_NEW)))
        lines.append(
            _verdict(gain >= BESIDE_GAIN, f"beside a monitor at least {BESIDE_GAIN:g}x faster than the original")
        )
        lines.append(_verdict(never_slower, "alone never slower than the original"))
    own, wrapped = medians[LINE], medians[WRAPPED]
    lines.append(
        _verdict(wrapped / own <= WRAPPED_LIMIT, f"that status line command behind ours at most {WRAPPED_LIMIT:g}x")
    )
    lines.append(
        f"- Ours adds {wrapped - own:.1f} ms to a status line command, {(wrapped - own) / bare:.1f}x bare Python: "
        "one that is faster than this takes more than twice its time"
    )
    return lines


def worst_bursts(folder: Path, ours: products.Product, rounds: int) -> list[str]:
    """A line each for hooks at once alone and beside a monitor: the slowest, and that each event is in the database."""
    if sys.platform == "win32":
        return []  # where one can't wait for any of several processes
    lines = []
    for beside, where in ((False, "alone"), (True, "beside a monitor")):
        homes = [folder / f"burst-{where}-{number}" for number in range(rounds)]
        found = [at_once.burst(home, ours, MANY, beside=beside) for home in homes]
        worst, arrived = max(found, key=lambda b: b.worst), sum(b.arrived for b in found)
        of = f"of {rounds} times {MANY} hooks at once {where}"
        line = f"the slowest {of}: {worst.worst:.0f} ms, a {worst.event} (median {worst.median:.0f} ms)"
        after = max(b.arrived_after for b in found)
        holds = _verdict(arrived == rounds * MANY, f"{arrived} of their {rounds * MANY} events are in the database")
        lines.append(f"{holds}, at most {after:.2f} s later; {line}")
    return lines


def _verdict(holds: bool, wanted: str) -> str:
    return f"- {'holds' if holds else '**does not hold**'}: {wanted}"


if __name__ == "__main__":
    sys.exit(main())
