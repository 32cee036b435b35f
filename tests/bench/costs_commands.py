"""What short commands cost, beside bare Python and beside the package that this one follows: that has only a help text.

Processor time and not the clock's: other load on the machine changes it little.
"""

from pathlib import Path

from bench import products, scenes
from bench.measure import Call, processor_times
from bench.products import Product
from bench.report import Figure

SESSIONS = 12
ROUNDS, QUICK_ROUNDS = 20, 2
BARE = "bare `python -c pass`"
# How many times bare Python each may take.
LIMITS = {
    "status --short": 9.0,
    "status --waybar": 9.0,
    "status --json": 10.0,
    "status": None,
    "--help": 5.0,
    "completion bash": 5.0,
    "doctor": 20.0,
}
OLD = "original 0.2.11 `--help`"


def measure(folder: Path, product: Product, *, quick: bool) -> list[Figure]:
    """One line per command, all called in turns."""
    claude_dir = folder / ".claude"
    env = scenes.environment(folder, claude_dir)
    for number in range(SESSIONS):
        talk = scenes.Conversation(claude_dir, f"project-{number}", scenes.MEGABYTE // 4)
        Call([product.command, "mark-turn"], env, folder, talk.hook_input())()
    calls = {BARE: Call([product.python, "-c", "pass"], env, folder / "bare")}
    for name in LIMITS:
        calls[name] = Call(
            [*product.installed, *name.split()], env, folder / name.replace(" ", ""), fails=name == "doctor"
        )
    if (old := None if quick else _original()) is not None:
        calls[OLD] = Call([old.command, "--help"], env, folder / "old")
    medians = processor_times(calls, QUICK_ROUNDS if quick else ROUNDS)
    bare = medians[BARE]
    found = [Figure(f"{BARE}, processor time", f"{bare:.1f} ms")]
    for name, limit in LIMITS.items():
        ratio = medians[name] / bare
        title = f"`{name}`, {SESSIONS} warm sessions" if name.startswith("status") else f"`{name}`"
        wanted = f"at most {limit:g}x" if limit else ""
        found.append(Figure(title, f"{medians[name]:.0f} ms, {ratio:.1f}x", wanted, ratio <= limit if limit else None))
    if OLD in medians:
        found.append(Figure(OLD, f"{medians[OLD]:.0f} ms, {medians[OLD] / bare:.1f}x"))
    return found


def _original() -> Product | None:
    try:
        return products.original()
    except products.NotAvailableError:
        return None
