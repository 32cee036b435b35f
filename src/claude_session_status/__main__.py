"""Which door: `mark-*` and `statusline` go straight to their modules and import nothing else; the rest goes to `cli`.

Claude Code's user waits for hooks, and a status line is rendered several times a second while a session works: so this
file must stay free of imports at its top.
"""

import os
import sys


def main() -> int:
    """Run the command in `sys.argv`; return its exit code: 0 done, 1 failed, 2 wrong usage."""
    arguments = sys.argv[1:]
    if arguments and arguments[0].startswith("mark-") and not {"--help", "-h"}.intersection(arguments):
        from claude_session_status.claude import hook, hook_table  # noqa: PLC0415 - imported for these commands only

        if arguments[0] in hook_table.COMMANDS:
            hook.main(arguments[0])  # whatever else is said: a usage error would block Claude Code's user
            os._exit(0)  # somebody waits, and nothing is left to flush: spare the interpreter's tidying up
    if arguments and arguments[0] == "statusline" and not {"--help", "-h"}.intersection(arguments[1:2]):
        from claude_session_status.claude import statusline  # noqa: PLC0415 - runs at each render of Claude Code

        os._exit(statusline.main(arguments[1:]))
    from claude_session_status.cli.main import main as terminal  # noqa: PLC0415 - likewise

    return terminal(arguments)


if __name__ == "__main__":
    sys.exit(main())
