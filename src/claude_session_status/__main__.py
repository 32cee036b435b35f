"""Starts the command in `sys.argv`.

The commands that Claude Code calls (`mark-*`, `statusline`) import next to nothing: its user waits for hooks, and a
status line is rendered several times a second while a session works. All other commands are in `cli`.
"""

import os
import sys

# Commands that print something and end. The empty name prints the help text, or the completions that a shell asks for.
_SHORT = ("", "-h", "--help", "--version", "status", "doctor", "completion", "config", "history")


def main() -> int:
    """Run the command in `sys.argv`; return its exit code: 0 done, 1 failed, 2 wrong usage."""
    arguments = sys.argv[1:]
    command = arguments[0] if arguments else ""
    if command.startswith("mark-") and not {"--help", "-h"}.intersection(arguments):
        from claude_session_status.claude import hook, hook_table  # noqa: PLC0415 - imported for these commands only

        if command in hook_table.COMMANDS:
            hook.main(command)  # further arguments are ignored: a usage error would block Claude Code's user
            os._exit(0)  # somebody waits, and nothing is left to flush: skip the interpreter's cleanup
    if command == "statusline" and not {"--help", "-h"}.intersection(arguments[1:2]):
        from claude_session_status.claude import statusline  # noqa: PLC0415 - runs at each render of Claude Code

        os._exit(statusline.main(arguments[1:]))
    if command == "ingest-notes":  # how a hook starts the detached ingester; not for people
        from claude_session_status.claude import background  # noqa: PLC0415 - for this command only

        code = background.main(arguments[1:])
        from claude_session_status import keep_warm_guard  # noqa: PLC0415 - as above
        from claude_session_status.paths import Paths  # noqa: PLC0415 - as above

        keep_warm_guard.look(Paths(arguments[1]))
        return code
    from claude_session_status.cli.run import main as run_command  # noqa: PLC0415 - not for hooks

    if command not in _SHORT or "--follow" in arguments:
        return run_command(arguments)
    import gc  # noqa: PLC0415 - for these commands only

    gc.disable()  # collecting, and the interpreter's cleanup at its end, would take a tenth of their time
    code = run_command(arguments)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
