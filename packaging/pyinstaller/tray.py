"""The frozen program for a double click: without arguments it starts the tray."""

import sys

from claude_session_status.__main__ import main

if len(sys.argv) == 1:
    sys.argv.append("tray")
sys.exit(main())
