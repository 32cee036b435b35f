"""Transcripts and folders as they occur: junk, damage, giants, missing files, other kinds of file, names, titles."""

from truth.story import Row, Step, file, hook, line, story, turn

WARM = turn(100, 90, wrote_5m=9)
MEGABYTE = 1_000_000
LAST_PROMPT = b'{"type":"user","timestamp":"2026-11-24T08:38:20.000Z","message":{"content":"do it%s"}}\n'
LAST_RESPONSE = (
    b'{"type":"assistant","timestamp":"2026-11-24T08:38:%s.000Z","message":{"id":"last","model":"m%s","usage":'
    b'{"input_tokens":3,"cache_creation":{"ephemeral_5m_input_tokens":9},"cache_creation_input_tokens":9}}}'
)
# (what is wrong, the lines of the prompt and the response); test_jsonl.py has more
DAMAGED = [
    ("bytes that are no UTF-8", LAST_PROMPT % b"\xff\xfe" + LAST_RESPONSE % (b"30", b"\xc3\x28\x80")),
    ("a lost newline", (LAST_PROMPT % b"").rstrip() + LAST_RESPONSE % (b"30", b"")),
    (
        "the start of an object that was never finished",
        b'{"type":"user","message":{"content":"x'
        + LAST_PROMPT % b""
        + b'{"type":"attachment","attachment":{"a":{"b":1},"c'
        + LAST_RESPONSE % (b"30", b""),
    ),
]


def steps(*counts: tuple[str, int, int, int]) -> dict[str, object]:
    """The usage of a response of several steps on the server: kind, input, read and written tokens of each."""
    names = ("type", "input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    iterations = [dict(zip(names, step, strict=True)) for step in counts]
    own = [step[1:] for step in counts if step[0] == "message"]
    totals = {name: sum(step[i] for step in own) for i, name in enumerate(names[1:])}
    return {**totals, "cache_creation": {"ephemeral_5m_input_tokens": totals[names[3]]}, "iterations": iterations}


def in_folder(cwd: str) -> list[Step]:
    """A session in that folder."""
    return story(hook.start(200, cwd=cwd), turn(100, 90, wrote_5m=9), hook.stop(89, cwd=cwd))


ROWS = [
    # ---- lines
    Row("half a last line", story(WARM, line.bytes(50, b'{"type": "assistant", "timestamp": "20')),
        "warm", "idle", 200),
    Row("half a last line that would be a new request once it is whole",
        story(WARM, hook.prompt(50), line.user(50), line.bytes(40, b'{"type":"assistant","message":{"id":"m2","usa')),
        "warm", "working", 200),
    Row("empty lines, arrays, nulls, numbers, texts, bytes that are no text",
        story(WARM, line.bytes(50, b'\n\n[]\n[{"type":"assistant"}]\nnull\n7\n"user"\n\xff\xfe\x00\x80\n{"\n}\n')),
        "warm", "idle", 200),
    Row("unknown types", story(WARM, line.other(50, type="hologram", message={"usage": {"input_tokens": 5}}),
                                         line.other(50, type=None), line.other(50, type=["user"]), line.other(50)),
        "warm", "idle", 200),
    Row("fields of the wrong type",
        story(WARM, line.other(50, type="assistant", message=[1], timestamp=12),
              line.other(50, type="assistant", message={"usage": 3}), line.other(50, type="user", message=None),
              line.other(50, type="user", message={"content": 1}, timestamp="yesterday"),
              line.other(50, type="system", subtype={}), line.other(50, type="custom-title", customTitle=4)),
        "warm", "idle", 200),
    Row("dates before all time", story(WARM, line.other(50, type="user", timestamp="0001-01-01T00:00:00+14:00"),
                                      line.other(50, type="user", timestamp="1969-12-31T23:59:59Z")),
        "warm", "idle", 200),
    Row("brackets a hundred thousand deep", story(WARM, line.bytes(50, b"[" * 100_000 + b"\n")), "warm", "idle", 200),
    Row("a line of 400 KB before the end", story(WARM, line.other(50, type="progress", blob="x" * 400_000)),
        "warm", "idle", 200),
    Row("a prompt of 3 MB after the reply", story(WARM, hook.prompt(50), line.user(50, "x" * 3 * MEGABYTE)),
        "warm", "working", 200),
    Row("100 MB before it", story(line.hole(300, 100 * MEGABYTE), WARM), "warm", "idle", 200),
    Row("100 MB in one line after it: the earlier values stay",
        story(WARM, line.hole(50, 100 * MEGABYTE)), "warm", "idle", 200,
        only_live="the reader stops before that line"),
    Row("lines that end as on Windows",
        story(hook.prompt(100), line.user(100), line.bytes(99, b"\r\n"), line.answer(90, wrote_5m=9),
              line.bytes(90, b"\r\n"), hook.stop(90)), "warm", "idle", 200),

    *(
        Row(f"{what} in the last prompt and the last response",
            story(turn(290, 280, wrote_5m=9), hook.prompt(100), line.bytes(90, lines + b"\n"), hook.stop(90)),
            "warm", "idle", 200, also={"context_tokens": 12})
        for what, lines in DAMAGED
    ),
    Row("a torn line without a newline, and the next response behind it",
        story(turn(290, 280, wrote_5m=9), line.bytes(150, b'{"type":"progress","message":{"type":"us'),
              turn(100, 90, wrote_5m=9)), "warm", "idle", 200),
    Row("part of a torn line looks like a response, and nothing follows",
        story(WARM, line.bytes(50, b'{"type":"progress","data":{"message":' + LAST_RESPONSE % (b"30", b"")
                                   + b',"x":"')), "warm", "idle", 200),
    Row("zero bytes before a line, as after a power failure",
        story(turn(290, 280, wrote_5m=9), line.bytes(101, b"\0" * 4096), turn(100, 90, wrote_5m=9)),
        "warm", "idle", 200),

    # ---- what a response used
    *(
        Row(f"a usage with {what}: the tokens are not known", story(turn(100, 90, usage=usage)), "none", "idle",
            also={"context_tokens": None, "rewrite_cost_usd": None})
        for what, usage in [
            ("no counts", {}),
            ("the names of another maker", {"prompt_tokens": 1000, "completion_tokens": 5}),
            ("lists and objects", {"input_tokens": [1], "cache_creation": [], "cache_read_input_tokens": {}}),
        ]
    ),
    Row("a usage in which one count is no count: the tokens are not known",
        story(turn(100, 90, usage={"input_tokens": 3, "cache_read_input_tokens": "many",
                                   "cache_creation": {"ephemeral_5m_input_tokens": 9}})),
        "warm", "idle", 200, also={"context_tokens": None}),
    Row("a usage in which counts are null: those are zero",
        story(turn(100, 90, usage={"input_tokens": 3, "cache_read_input_tokens": None,
                                   "cache_creation_input_tokens": 9})),
        "warm", "idle", 200, also={"context_tokens": 12}),
    Row("a number of tokens that no context has", story(turn(100, 90, wrote_5m=10**12)), "none", "idle",
        also={"context_tokens": None}),
    Row("totals of several steps on the server: the context of the model's own last step counts",
        story(turn(100, 90, usage=steps(("message", 2, 199_000, 2_500), ("advisor_message", 203_000, 0, 0),
                                        ("message", 2, 202_000, 1_200)))), "warm", "idle", 200,
        also={"context_tokens": 203_202}),
    Row("the last step on the server is an advisor's",
        story(turn(100, 90, usage=steps(("message", 2, 199_000, 2_500), ("advisor_message", 203_000, 0, 0)))),
        "warm", "idle", 200, also={"context_tokens": 201_502}),
    Row("steps on the server without counts: the totals count",
        story(turn(100, 90, usage={**steps(("message", 2, 10, 20)), "iterations": [{"type": "message"}, 7, None]})),
        "warm", "idle", 200, also={"context_tokens": 32}),
    Row("the first lines of a response have no usage yet",
        story(hook.prompt(100), line.user(100), line.answer(80, message="m", usage={}, stop=None),
              line.answer(60, message="m", wrote_5m=9), hook.stop(60)), "warm", "idle", 200,
        also={"context_tokens": 12}),

    # ---- the file
    Row("deleted after it was read", story(WARM, file.is_deleted(50)), "warm", "idle", 200,
        only_live="a deleted file can't be read later"),
    Row("deleted before it was read: counted from the Stop", story(
        hook.prompt(100), line.user(99), file.is_deleted(95), hook.stop(60)), "warm", "idle", 240),
    Row("deleted, and another turn since: counted from its Stop",
        story(WARM, file.is_deleted(80), hook.prompt(40), hook.stop(20)), "warm", "idle", 280),
    Row("replaced by an older copy of itself: the earlier values stay",
        story(turn(250, 240, wrote_5m=9), WARM, file.is_replaced_by_an_older_copy(50, lines=2)), "warm", "idle", 200,
        only_live="a replaced file can't be read later"),
    Row("replaced by an older copy, and another turn since",
        story(turn(250, 240, wrote_5m=9), WARM, file.is_replaced_by_an_older_copy(80, lines=2),
              turn(40, 30, read=9)), "warm", "idle", 260),
    Row("truncated in the middle of a line", story(WARM, file.loses_its_end(50)), "warm", "idle", 200,
        only_live="lines that were cut off can't be read later"),
    Row("truncated to nothing", story(WARM, file.loses_its_end(50, 0)), "warm", "idle", 200,
        only_live="lines that were cut off can't be read later"),
    Row("a folder in its place", story(hook.prompt(100), file.becomes_a_folder(95), hook.stop(60)),
        "warm", "idle", 240),
    Row("a named pipe in its place: the reader does not wait for it",
        story(hook.prompt(100), file.becomes_a_pipe(95), hook.stop(60)), "warm", "idle", 240),
    Row("a link to nowhere in its place", story(hook.prompt(100), file.becomes_a_dead_link(95), hook.stop(60)),
        "warm", "idle", 240),
    Row("a path that is impossible", story(hook.prompt(100), hook.stop(60, transcript_path="/no\0where")),
        "warm", "idle", 240),
    Row("a pipe after it was read", story(WARM, file.becomes_a_pipe(50)), "warm", "idle", 200,
        only_live="a file that is gone can't be read later"),

    # ---- folders' names
    *(
        Row(f"a folder with {what} in its name", in_folder(f"/home/me/{name}"), "warm", "idle", 200,
            also={"cwd": f"/home/me/{name}", "project": name})
        for what, name in [
            ("spaces", "my own app"),
            ("quotes", "it's \"mine\" `here` $HOME"),
            ("Cyrillic letters", "мой проект"),
            ("a newline", "two\nlines"),
            ("an escape sequence", "\x1b[31mred\x1b[0m"),
        ]
    ),
    Row("a folder of Windows", in_folder("C:\\Users\\me\\app"), "warm", "idle", 200, also={"project": "app"}),
    Row("the root of all folders", in_folder("/"), "warm", "idle", 200, also={"project": "/"}),

    # ---- titles
    Row("a title", story(WARM, line.title(50, "Fix the tests")), "warm", "idle", 200,
        also={"title": "Fix the tests"}),
    Row("no title", story(WARM), "warm", "idle", 200, also={"title": None}),
    Row("a title that was emptied replaces nothing", story(WARM, line.title(50, "Mine"), line.title(40, "  ")),
        "warm", "idle", 200, also={"title": "Mine"}),
    Row("a title that was changed", story(WARM, line.title(50, "Old"), line.title(40, "New")), "warm", "idle", 200,
        also={"title": "New"}),
    Row("a title given stays, whatever the model makes up later",
        story(WARM, line.title(50, "Mine"), line.title(40, "Made up", "ai")), "warm", "idle", 200,
        also={"title": "Mine"}),
    Row("a title given megabytes ago stays, whatever the model makes up later",
        story(WARM, line.title(85, "Mine"), hook.stop(84), line.other(50, type="progress", blob="x" * 2 * MEGABYTE),
              line.title(40, "Made up", "ai"), turn(30, 20, read=9)), "warm", "idle", 270, also={"title": "Mine"},
        only_live="the reader looks for a title no farther back"),
    Row("a title that only a hook knows", story(hook.start(200, session_title="Mine"), WARM), "warm", "idle", 200,
        also={"title": "Mine"}),
    Row("a title with a NUL in it", story(WARM, line.title(50, "a\0b")), "warm", "idle", 200, also={"title": "a\0b"}),
]  # fmt: skip
