"""The frozen program in a terminal and in hooks."""

import sys

from claude_session_status.__main__ import main

sys.exit(main())
