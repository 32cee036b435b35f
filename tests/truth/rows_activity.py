"""What the session is doing, whoever tells of it: hooks, the transcript, the client itself, or only the time."""

from truth.story import OURS, Row, client, hook, line, story, turn

WARM = turn(100, 90, wrote_5m=9)
PERMISSION = (hook.prompt(100), line.user(100), line.tool_use(90, wrote_5m=9), hook.permission(84))

ROWS = [
    # ---- a permission prompt
    Row("a permission prompt is open: it waits, and the countdown goes on", story(PERMISSION), "warm", "waiting", 200),
    Row("a permission prompt is open for longer than the cache lives",
        story(hook.prompt(900), line.user(900), line.tool_use(890, wrote_5m=9), hook.permission(884)),
        "expired", "waiting", 0),
    Row("permission given: the tool has come back", story(PERMISSION, line.tool_result(20)), "warm", "working", 200),
    Row("permission given: the turn is over",
        story(PERMISSION, line.tool_result(20), line.answer(10, read=9), hook.stop(10)), "warm", "idle", 280),
    Row("permission refused with Esc",
        story(PERMISSION, line.tool_result(20, toolDenialKind="user-rejected"), line.interrupted(20, " for tool use")),
        "warm", "idle", 200),
    Row("the client itself says that it waits, before its hook does",
        story(client.runs(200), hook.prompt(10), line.user(10), line.tool_use(5, wrote_5m=9),
              client.says(4, "waiting", "permission prompt")), "warm", "waiting", 290),
    Row("a dialog of the client's is no permission prompt",
        story(client.runs(200), WARM, client.says(4, "waiting", "dialog open")), "warm", "idle", 200),

    # ---- Esc: no Stop ever comes
    Row("Esc while it speaks: the request counts",
        story(hook.prompt(100), line.user(100), line.answer(60, wrote_5m=9, stop=None, isAbortedMidStream=True),
              line.interrupted(60)), "warm", "idle", 200),
    Row("Esc in a tool", story(hook.prompt(100), line.user(100), line.tool_use(90, wrote_5m=9), line.tool_result(20),
                               line.interrupted(20, " for tool use")), "warm", "idle", 200),
    Row("Esc before the first word: the client says that it is idle",
        story(client.runs(300), turn(200, 190, wrote_5m=9), hook.prompt(50), client.says(50, "busy"), line.user(50),
              line.request(49, "r"), client.says(30, "idle")), "warm", "idle", 100),
    Row("Esc before the first word, and nobody says so: believed for three minutes",
        story(turn(250, 240, wrote_5m=9), hook.prompt(170), line.user(170), line.request(170, "r")),
        "warm", "working", 50),
    Row("and no longer", story(turn(250, 240, wrote_5m=9), hook.prompt(190), line.user(190), line.request(190, "r")),
        "warm", "idle", 50),
    Row("Esc before the first word, and then another prompt",
        story(turn(250, 240, wrote_5m=9), hook.prompt(190), line.user(190), line.request(190, "r1"),
              hook.prompt(100), line.user(100), line.request(99, "r2"), line.answer(60, read=9, requestRef="r2"),
              hook.stop(60)), "warm", "idle", 201),

    # ---- long work
    Row("fifteen minutes without a word: the client says that it is busy",
        story(client.runs(2000), turn(1000, 990, wrote_1h=9), hook.prompt(900), client.says(900, "busy"),
              line.user(900)), "warm", "working", 2600),
    Row("a message typed into a turn that then goes on for minutes: the client has been busy since its start",
        story(client.runs(2000), hook.prompt(270), client.says(270, "busy"), line.user(270), hook.prompt(260)),
        "none", "working", None),
    Row("a message typed while a tool runs for minutes",
        story(hook.prompt(280), line.user(280), line.tool_use(270, wrote_5m=9), hook.prompt(260)),
        "warm", "working", 20),
    Row("a client that says a word we do not know: the transcript tells",
        story(client.runs(200), hook.prompt(100), line.user(100), line.tool_use(90, wrote_5m=9),
              client.says(50, "shell")), "warm", "working", 200),
    Row("commands of the client's own are no work",
        story(WARM, line.command(20, "cost", "Total cost: ..")), "warm", "idle", 200),
    Row("a prompt, though its hook is not installed", story(WARM, line.user(20)), "warm", "working", 200),
    Row("the end of a turn, though its hook is not installed",
        story(hook.prompt(100), line.user(100), line.answer(60, wrote_5m=9), line.turn_over(60)), "warm", "idle", 200),

    # ---- the end
    Row("ended: its cache lives on", story(hook.start(200), WARM, hook.end(50)), "warm", "ended", 200),
    Row("ended in the middle of a turn",
        story(hook.prompt(100), line.user(100), line.tool_use(90, wrote_5m=9), hook.end(50)), "warm", "ended", 200),
    Row("resumed after its end", story(WARM, hook.end(50), hook.start(20, "resume")), "warm", "idle", 200),
    Row("a prompt after its end, though the start was not told",
        story(WARM, hook.end(50), hook.prompt(20), line.user(20)), "warm", "working", 200),
    Row("the process was killed, and nothing was said",
        story(client.runs(300), WARM, client.is_killed(10)), "warm", "ended", 200),
    Row("the process was killed at work, and its file still says that it is busy",
        story(client.runs(300), hook.prompt(100), client.says(100, "busy"), line.user(100),
              line.tool_use(90, wrote_5m=9), client.is_killed(10)), "warm", "ended", 200),
    Row("the process was killed, and another one resumed the session",
        story(client.runs(300), WARM, client.is_killed(50), client.runs(30), hook.start(20, "resume")),
        "warm", "idle", 200),
    Row("ended sessions are not listed without --all", story(WARM, hook.end(50)), None, everything=False),
    Row("nor are those that were silent for more than a day", story(turn(90_000, 89_990, wrote_1h=9)), None,
        everything=False),
    Row("but one of last week that was resumed just now is",
        story(turn(600_000, 599_990, wrote_1h=9), hook.end(500_000), hook.start(5, "resume")), "expired", "idle", 0,
        everything=False),

    # ---- more than one
    Row("two sessions in one folder, each with its own countdown",
        story(hook.start(500), WARM, hook.start(400, session="other"), turn(250, 240, session="other", wrote_1h=9),
              hook.prompt(20, session="other"), line.user(20, session="other")), "warm", "idle", 200,
        others={"other": ("warm", "working", 3350)}),
    Row("one of two sessions in one folder has ended", story(WARM, turn(90, 80, session="other", wrote_5m=9),
                                                           hook.end(10, session="other")), "warm", "idle", 200,
        also={"session_id": OURS}, others={"other": ("warm", "ended", 210)}),
]  # fmt: skip
