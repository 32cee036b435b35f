"""The frozen program as a person double-clicks it: without a word from anybody it is the tray."""

import sys

from claude_session_status.__main__ import main

if len(sys.argv) == 1:
    sys.argv.append("tray")
sys.exit(main())
