"""Makes what no client would pipe to a hook or a status line, and notes that no writer of ours would leave."""

import json
import os
import time
from random import Random

from claude_session_status.claude import hook_table
from claude_session_status.model import EventKind
from safety import odd_json
from safety.odd_json import HOSTILE, Json

SECRET = "what-the-user-asked-for"  # of a prompt or a response: it may get into no note
SESSIONS = 60
PLACES = (
    "/dev/zero", "/dev/full", "/proc/kmsg", "/proc/self/mem", "/", ".", "", "relative.jsonl", "/nonexistent/t.jsonl",
    "\\\\host\\share\\t.jsonl", "/etc/shadow", "/dev/stdin",
)  # fmt: skip
EVENTS = (
    "SessionStart", "UserPromptSubmit", "Stop", "StopFailure", "Notification", "SessionEnd", "PreToolUse",
    "PostToolUse", "SubagentStop", "Unheard",
)  # fmt: skip
ENVIRONMENT = {
    "CLAUDE_PROJECT_DIR": (
        "/srv/shop",
        "",
        "relative",
        "C:/app",
        "/c/app",
        "\\\\host\\x",
        "/x\udcff",
        "/" + "y" * 5000,
    ),
    "CLAUDE_CODE_ENTRYPOINT": ("cli", "sdk-cli", "", "\x1b[31m", "z" * 5000),
    "CLAUDE_PID": (str(os.getpid()), "1", "0", "-1", "7" * 400, "x", "", "99999999", "\u0663", "1e3", " 1"),
}


def session_id(random: Random) -> str:
    """Mostly one of a few."""
    return f"{random.randrange(SESSIONS):08d}-fuzz" if random.random() < 0.9 else random.choice(HOSTILE)


def environment(random: Random) -> dict[str, str]:
    """What a client may put into a hook's environment."""
    return {name: random.choice(values) for name, values in ENVIRONMENT.items() if random.random() < 0.5}


def hook_call(random: Random, transcripts: tuple[str, ...]) -> tuple[str, bytes]:
    """A hook command and its standard input."""
    event = random.choice(EVENTS)
    fields: Json = {
        "session_id": session_id(random),
        "transcript_path": random.choice((*transcripts, *PLACES)),
        "cwd": random.choice(("/srv/shop", "/srv/shop/src", "C:\\app", *HOSTILE)),
        "hook_event_name": event,
        "permission_mode": "default",
    }
    if event == "Stop":
        fields |= {"stop_hook_active": False, "last_assistant_message": f'{SECRET} }}{{"', "background_tasks": []}
    elif event == "UserPromptSubmit":
        fields["prompt"] = f'{SECRET} \\"'
    elif event == "SessionStart":
        sources = ("startup", "resume", "clear", "compact", "fork", "other")
        fields |= {"source": random.choice(sources), "model": "claude-opus-5-5", "session_title": "Fix the login"}
    elif event == "Notification":
        kinds = ("permission_prompt", "elicitation_dialog", "elicitation_response", "idle_prompt", None)
        fields |= {"message": "Claude needs your permission", "notification_type": random.choice(kinds)}
    elif event in ("PreToolUse", "PostToolUse"):
        fields |= {"tool_name": "Bash", "tool_input": {"command": SECRET}, "tool_response": {"stdout": SECRET}}
    if random.random() < 0.1:
        fields["agent_id"] = random.choice(("", "a1", 7))
    return random.choice(hook_table.COMMANDS), odd_json.line(random, fields, HOSTILE)


def status_line(random: Random, transcripts: tuple[str, ...]) -> bytes:
    """The standard input of a status line."""
    now = time.time()
    cache: Json = {
        "warm": True,
        "ttl": random.choice(("5m", "1h")),
        "expires_at": round(now) + random.randint(-99, 4000),
    }
    if random.random() < 0.8:
        cache["recache_tokens_if_cold"] = random.choice(
            (142_000, 900, None, 0, 1, 10**9, 10**9 - 1, -5, 1.5, "7", 10**40)
        )
    if random.random() < 0.3:
        cache["ttl"] = random.choice(("300s", "24h", "99h", "0m", "-5m", "m", "", "\u0663m", 5, "5" * 99 + "m"))
    if random.random() < 0.3:
        cache["expires_at"] = random.choice((now + 100.25, None, 0, -1, 10**12, 10**11, 1e308, -1e308, 2**70, True))
    fields: Json = {
        "session_id": session_id(random),
        "session_name": random.choice(("Fix the login", *HOSTILE)),
        "transcript_path": random.choice((*transcripts, *PLACES)),
        "cwd": random.choice(("/srv/shop", *HOSTILE)),
        "workspace": {"project_dir": random.choice(("/srv/shop", *HOSTILE)), "current_dir": "/srv/shop"},
        "model": {"id": random.choice(("claude-opus-5-5", "claude-sonnet-5-5[1m]", *HOSTILE)), "display_name": "Opus"},
        "context_window": {"total_input_tokens": random.choice((0, 1, 999, 142_000, 1_250_000, -1, 10**30, 0.5))},
        "prompt_cache": cache,
    }
    return odd_json.line(random, fields, HOSTILE)


_NUMBERS = (
    0,
    -1,
    -0.5,
    1,
    1e-9,
    300,
    3600,
    86400,
    86401,
    1e11,
    1e18,
    10**400,
    float("nan"),
    float("inf"),
    True,
    "7",
    None,
)


def note(random: Random, now: float, transcripts: tuple[str, ...]) -> bytes:
    """A note around `now` (epoch seconds)."""
    at = now + random.choice((0.0, -1.0, random.uniform(-5000, 10), random.uniform(-1e9, 1e9), -now))
    fields: Json = {
        "kind": random.choice([kind.value for kind in EventKind]),
        "session_id": session_id(random),
        "at": at if random.random() < 0.95 else random.choice(_NUMBERS),
    }
    texts = ("cwd", "project_folder", "entrypoint", "project", "title", "model", "source")
    fields |= {name: random.choice(("/srv/shop", "compact", *HOSTILE)) for name in texts if random.random() < 0.3}
    if random.random() < 0.3:
        fields["transcript_path"] = random.choice((*transcripts, *PLACES))
    for name, usual in (("expires_at", at + 300), ("lead_seconds", 30.0), ("ttl_seconds", 300), ("pid", os.getpid())):
        if random.random() < 0.5:
            fields[name] = usual if random.random() < 0.7 else random.choice(_NUMBERS)
    if random.random() < 0.2:
        fields |= {"pid_started": random.choice(_NUMBERS), "pid_namespace": random.choice(("4026531836", *HOSTILE))}
    if random.random() < 0.7:
        return json.dumps(fields).encode()
    return odd_json.line(random, fields, HOSTILE)
