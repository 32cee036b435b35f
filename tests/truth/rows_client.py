"""What the client does by itself, where it was started, and what it asks: compaction, folders, questions."""

from truth.story import Row, client, client_settings, file, hook, line, story, turn

LARGE = turn(400, 390, wrote_1h=214_000)
COMPACTS = {"compacts_at": "2026-11-24T09:27:20.000Z"}  # nine tenths of an hour after the request of 08:33:20
NEVER = {"compacts_at": None}
CONTAINER = "/home/vscode/.claude/projects/-app/the-session.jsonl"
WINDOWS = "C:\\Users\\me\\.claude\\projects\\C--app\\the-session.jsonl"
ASKED = (hook.prompt(100), line.user(100), line.tool_use(90, wrote_5m=9))

ROWS = [
    # ---- idle compaction
    Row("a large conversation with an hour's cache", story(client.is_started(500), LARGE), "warm", "idle", 3200,
        also=COMPACTS),
    Row("a large conversation of a program", story(client.is_started(500, how="sdk-cli"), LARGE), "warm", "idle", 3200,
        also=NEVER),
    Row("a client that does not say how it was started", story(LARGE), "warm", "idle", 3200, also=NEVER),
    Row("a conversation below the client's threshold",
        story(client.is_started(500), turn(400, 390, wrote_1h=199_000)), "warm", "idle", 3200, also=NEVER),
    Row("a large conversation with a cache of five minutes",
        story(client.is_started(500), turn(100, 90, wrote_5m=214_000)), "warm", "idle", 200, also=NEVER),
    Row("a large conversation at work", story(client.is_started(500), LARGE, hook.prompt(20), line.user(20)),
        "warm", "working", 3200, also=NEVER),
    Row("a large conversation of a client that was closed", story(client.is_started(500), LARGE, hook.end(20)),
        "warm", "ended", 3200, also=NEVER),
    Row("idle compaction is turned off",
        story(client.is_started(500), client_settings.has(450, idleCompaction=False), LARGE), "warm", "idle", 3200,
        also=NEVER),
    Row("a threshold in the settings",
        story(client.is_started(500),
              client_settings.has(450, env={"CLAUDE_CODE_IDLE_COMPACT_MIN_TOKENS": "300000"}), LARGE),
        "warm", "idle", 3200, also=NEVER),
    Row("compacted while idle: nothing is cached, though the cache's time is not over",
        story(client.is_started(4000), turn(3300, 3290, wrote_1h=214_000), line.compacted(40, "auto"),
              hook.start(39, "compact")), "none", "idle", also={**NEVER, "compacted_at": "2026-11-24T08:39:21.000Z"}),
    Row("it was to be compacted, and was not", story(client.is_started(4000), turn(3300, 3290, wrote_1h=214_000)),
        "warm", "idle", 300, also={**NEVER, "compacted_at": None}),

    Row("a large conversation in an editor: seen for an hour, the client does nothing by itself",
        story(client.is_started(4000, how="claude-vscode"), turn(3300, 3290, wrote_1h=214_000)), "warm", "idle", 300,
        also=NEVER),
    Row("the next prompt uses a summary that the client wrote while the user was away",
        story(client.is_started(4000), turn(3300, 3290, wrote_1h=214_000), hook.prompt(30), line.user(30),
              line.compacted(29, "auto"), line.answer(20, wrote_1h=9000), hook.stop(20)),
        "warm", "idle", 3571, also=NEVER),

    # ---- requests beside the conversation
    Row("/recap without the status line: its request renews the cache, and only its command is in the transcript",
        story(turn(100, 90, wrote_5m=9), line.command(50, "recap", "You build a web shop.")), "warm", "idle", 200),
    Row("a recap that the client writes by itself while the user is away, without the status line: as /recap",
        story(turn(400, 390, wrote_1h=9), line.away_summary(200)), "warm", "idle", 3200),

    # ---- the folder that the session started in
    Row("after `cd` the project is still the folder of the start",
        story(hook.start(200, cwd="/x/app"), turn(100, 90, wrote_5m=9), hook.stop(89, cwd="/x/app/packages/api")),
        "warm", "idle", 200, also={"project": "app", "cwd": "/x/app"}),
    Row("the client says where it was started",
        story(client.is_started(200, folder="/x/app"), hook.prompt(100, cwd="/x/app/src"), line.user(100),
              line.answer(90, wrote_5m=9), hook.stop(90, cwd="/x/app/src")),
        "warm", "idle", 200, also={"project": "app", "cwd": "/x/app"}),
    Row("hooks that were installed after a `cd`: the transcript's first line says where it was started",
        story(line.user(100, cwd="/x/app"), line.answer(90, wrote_5m=9, cwd="/x/app/src"),
              hook.stop(90, cwd="/x/app/src")), "warm", "idle", 200, also={"project": "app", "cwd": "/x/app"}),
    Row("resumed in a folder that was moved",
        story(hook.start(300, cwd="/x/app"), turn(100, 90, wrote_5m=9), hook.start(50, "resume", cwd="/y/shop")),
        "warm", "idle", 200, also={"project": "shop", "cwd": "/y/shop"}),

    # ---- a transcript that the hook's path does not reach
    *(
        Row(f"the transcript is found by the session's id: {what}",
            story(line.user(100), line.answer(90, wrote_1h=9), file.is_moved_to(85, "-app"),
                  hook.stop(80, transcript_path=path)), "warm", "idle", 3500, also={"source": "transcript"})
        for what, path in [
            ("a container's path", CONTAINER),
            ("a path of Windows", WINDOWS),
            ("no path", None),
            ("an empty path", ""),
            ("a path with a NUL", "/no\0where"),
        ]
    ),
    Row("the project's folder was moved, and the transcript with it",
        story(turn(200, 190, wrote_5m=9), file.is_moved_to(150, "-new"), hook.prompt(20), hook.stop(10)),
        "warm", "idle", 100, only_live="the hook's time counts where nobody looked before"),

    # ---- questions
    Row("an MCP server asks the user", story(ASKED, hook.notification(50, notification_type="elicitation_dialog")),
        "warm", "waiting", 200),
    Row("an MCP server asks in the browser",
        story(ASKED, hook.notification(50, notification_type="elicitation_url_dialog")), "warm", "waiting", 200),
    Row("an MCP server's question was answered",
        story(ASKED, hook.notification(50, notification_type="elicitation_dialog"),
              hook.notification(20, notification_type="elicitation_response")), "warm", "working", 200),
    Row("an older client asks for a permission",
        story(ASKED, hook.notification(50, message="Claude needs your permission to use Bash")),
        "warm", "waiting", 200),
    Row("an older client reminds of itself",
        story(turn(100, 90, wrote_5m=9), hook.notification(20, message="Claude is waiting for your input")),
        "warm", "idle", 200),
    Row("the client itself says that an MCP server asks",
        story(client.runs(200), ASKED, client.says(50, "waiting", "input needed")), "warm", "waiting", 200),
]  # fmt: skip
