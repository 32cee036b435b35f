#!/usr/bin/python3 -IS
"""The command as the Debian package installs it: the system's Python, and nothing but our own folder of packages.

-S leaves out site-packages and their start-up files, -I the user's PYTHON* variables and the working folder. So nothing
that is installed beside us can break a hook, and a hook starts in less time than from a wheel.
"""

import sys

sys.path.append("/usr/lib/claude-session-status")
sys.dont_write_bytecode = True  # all of it is compiled, and root alone could write there

from claude_session_status.__main__ import main  # noqa: E402 - only now can it be found

sys.exit(main())
