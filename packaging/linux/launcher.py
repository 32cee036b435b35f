#!/usr/bin/python3 -IS
"""The command as the Debian package installs it: the system's Python, and nothing but our own folder of packages.

-S leaves out site-packages and their start-up files. -I is -E, -P and -s: it leaves out the PYTHON* variables, the
working folder and the user's own packages. So no other package, variable or file of a project can break a hook, and a
hook starts in less time than from a wheel.
"""

import sys

sys.path.append("/usr/lib/claude-session-status")
sys.dont_write_bytecode = True  # all of it is compiled, and root alone could write there

from claude_session_status.__main__ import main  # noqa: E402 - only now can it be found

sys.exit(main())
