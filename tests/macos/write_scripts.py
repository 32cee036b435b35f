"""Writes our AppleScripts as files, for `osacompile` to check on a Mac.

python tests/macos/write_scripts.py FOLDER
"""

import sys
from pathlib import Path

from claude_session_status.desktop.go.macos import SELECT_TAB
from claude_session_status.desktop.notify.through_osascript import SCRIPT


def main(folder: str) -> None:
    """Write each script into its file, and print the file's path."""
    for name, text in {"notify": "\n".join(SCRIPT), "select_tab": SELECT_TAB}.items():
        path = Path(folder, f"{name}.applescript")
        path.write_text(text + "\n", "utf-8")
        print(path)


if __name__ == "__main__":
    main(sys.argv[1])
