"""Go to session on macOS: iTerm2 by its URL, Terminal by the tab's device, others as an application. Not run yet."""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from claude_session_status.desktop.go import multiplexers, process, urls
from claude_session_status.desktop.go.edge import Edge
from claude_session_status.desktop.go.outcome import Outcome, Reached
from claude_session_status.desktop.go.place import Place
from claude_session_status.model import Process

SECONDS = 2.0
# Selects the tab with this device, then its window. The device is an argument: no text becomes a part of the script.
SELECT_TAB = """on run argv
    tell application "Terminal"
        repeat with w in windows
            repeat with t in tabs of w
                if tty of t is item 1 of argv then
                    set selected of t to true
                    set index of w to 1
                    activate
                    return "found"
                end if
            end repeat
        end repeat
    end tell
end run"""
ADVICE = "This terminal lets no other program choose a tab"


@dataclass(frozen=True, slots=True)
class Call:
    """A command that shows the session, and how far that goes."""

    argv: tuple[str, ...]
    reached: Reached


def call_for(place: Place) -> Call | None:
    """How to show the place; None where its terminal is not known."""
    iterm = place.value("ITERM_SESSION_ID", r"w[0-9]+t[0-9]+p[0-9]+:[0-9A-F-]{36}")
    if place.value("TERM_PROGRAM", r"iTerm\.app") and iterm is not None:
        url = f"iterm2:reveal?sessionid={iterm}"
        return Call(("open", url), Reached.SESSION) if urls.is_allowed(url) else None
    if place.value("TERM_PROGRAM", r"Apple_Terminal") and re.fullmatch(r"/dev/ttys[0-9]{3,}", place.tty or ""):
        return Call(("osascript", "-e", SELECT_TAB, place.tty or ""), Reached.SESSION)
    bundle = place.value("__CFBundleIdentifier", r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
    return Call(("open", "-b", bundle), Reached.WINDOW) if bundle is not None else None


def find(recorded: Process, environ: Mapping[str, str]) -> Outcome:
    """Bring the session to the front, and return how far that went."""
    place = process.read(recorded)
    if place is None:
        return Outcome(Reached.NOTHING, "The session's process is not found here", "It has ended")
    edge = Edge(environ)
    pane = multiplexers.select(place, place.believed(()), edge)
    if pane is not None:
        if pane.client is None:
            sentence = f"The session runs in {pane.program}, which no terminal shows"
            return Outcome(Reached.DETACHED, sentence, attach=pane.attach)
        place = process.read_pid(pane.client) or place
    call = call_for(place)
    if call is None or not _works(call.argv):
        return Outcome(
            Reached.NOTHING, "The session's terminal could not be brought to the front", "Look for its title"
        )
    if call.reached is Reached.SESSION:
        return Outcome(Reached.SESSION)
    return Outcome(Reached.WINDOW, "Application brought forward; the session may be in another window", ADVICE)


def _works(argv: tuple[str, ...]) -> bool:
    try:
        done = subprocess.run(argv, capture_output=True, timeout=SECONDS, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and (argv[0] != "osascript" or b"found" in done.stdout)
