"""Makes transcripts that no client would write: lines shaped like real ones, changed at random, and random bytes.

The same `Random` makes the same transcripts, so a failure can be repeated from its seed.
"""

from random import Random

from fakes import NOW, iso
from safety import odd_json
from safety.odd_json import Json

TOKENS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
EPHEMERAL = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
TEXTS = (
    "do it", "", " ", "[Request interrupted by user]", "<command-name>/model</command-name>", "\ud800", "\0", "x" * 999,
    "<local-command-stdout>Set model to Sonnet 5.5 (claude-sonnet-5-5) with low effort</local-command-stdout>",
    "<local-command-stdout>Set effort level to low</local-command-stdout>", "<system-reminder>..", "<bash-input>ls",
    "Compacted while idle, before the prompt cache expired", "<local-command-stdout>Fast mode ON", "(" * 50 + "·",
)  # fmt: skip
STAMPS = (
    "", "soon", "2026-W48", "2026-11-24", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1969-12-31",
    "1970-01-01T00:00:00Z", "2026-11-24T08:39:00", "2026-13-45T99:99:99Z", "٢٠٢٦-11-24T08:39:00Z", "2" * 5000,
)  # fmt: skip


def transcript(random: Random, most_lines: int = 30) -> list[bytes]:
    """The lines of one transcript, the first first."""
    at = NOW - random.uniform(0, 5000)
    lines = []
    for _ in range(random.randint(1, most_lines)):
        at += random.choice((0.0, 0.001, 1.0, random.uniform(0, 400), -random.uniform(0, 400)))
        lines.append(_line(random, at))
    if random.random() < 0.2:
        lines += random.choices(lines, k=random.randint(1, 5))
    if random.random() < 0.2:
        random.shuffle(lines)
    return lines


def _line(random: Random, at: float) -> bytes:
    fields = _real(random, at)
    if random.random() < 0.1:
        fields["timestamp"] = random.choice((*STAMPS, iso(NOW + random.uniform(-1e8, 1e8))))
    return odd_json.line(random, fields, odd_json.HOSTILE)


def _real(random: Random, at: float) -> Json:
    """A line as a client writes it."""
    number = random.randint(0, 5)
    common: Json = {"uuid": f"u{random.randint(0, 40)}", "timestamp": iso(at), "isSidechain": random.random() < 0.1}
    kind = random.choice(("user", "assistant", "assistant", "result", "attachment", "request", "system", "title"))
    if kind == "user":
        return {"type": "user", **common, "isMeta": random.random() < 0.1, "message": {"content": random.choice(TEXTS)}}
    if kind == "result":
        return {"type": "user", **common, "message": {"content": [{"type": "tool_result", "tool_use_id": "t"}]}}
    if kind == "attachment":
        return {"type": "attachment", **common, "attachment": {"type": "x"}}
    if kind == "request":
        source = random.choice(("repl_main_thread", "agent:x"))
        return {"type": "api-request", **common, "id": f"r{number}", "querySource": source}
    if kind == "title":
        name = random.choice(("custom", "ai"))
        return {"type": f"{name}-title", f"{name}Title": random.choice(TEXTS)}
    if kind == "system":
        subtype = random.choice(("api_error", "compact_boundary", "turn_duration", "local_command", "informational"))
        more = {"retryInMs": random.uniform(0, 90_000), "content": random.choice(TEXTS)}
        return {"type": "system", "subtype": subtype, **common, **more, "compactMetadata": {"trigger": "auto"}}
    return {"type": "assistant", **common, "requestRef": f"r{number}", "message": _message(random, number)}


def _message(random: Random, number: int) -> Json:
    usage: Json = {name: random.randint(0, 200_000) for name in TOKENS}
    usage["cache_creation"] = {name: random.choice((0, 0, 900)) for name in EPHEMERAL}
    if random.random() < 0.2:
        usage["iterations"] = [{"type": "message", **{name: random.randint(0, 9) for name in TOKENS}}]
    return {
        "id": f"m{number}",
        "model": random.choice(("claude-opus-5-5", "claude-sonnet-5-5[1m]", "<synthetic>")),
        "stop_reason": random.choice((None, "end_turn", "tool_use", "max_tokens")),
        "content": [{"type": random.choice(("text", "thinking", "tool_use")), "text": "ok"}],
        "diagnostics": random.choice((None, {"cache_miss_reason": {"type": "tools_changed"}})),
        "usage": usage,
    }
