"""The tray as a Windows program in a real tray: what a user sees, and what clicks do."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from claude_session_status.desktop.icon import PAINTS
from claude_session_status.model import Urgency
from fakes import Transcript
from waiting import PATIENCE, wait_for
from windows.screen import BACKGROUND, Screen
from windows.user import User
from windows.wine import FROM_WHEEL, Running, Wine, copy_of

pytestmark = [pytest.mark.windows, pytest.mark.xdist_group("windows")]

COLOURS = {urgency: paint.left[:3] for urgency, paint in PAINTS.items()}
APP = Path(__file__).with_name("app_on_windows.py")
END_SECONDS = 15.0  # it takes a fraction of one; on a busy machine more
FOX = "\N{FOX FACE}"  # two UTF-16 units, which is what Windows counts


def session(session_id: str, left: float, **more: Any) -> dict[str, Any]:
    """A session with `left` seconds left, as `desktop/fake_app.py` reads it."""
    return {"id": session_id, "left": left, **more}


SOON = session("soon", 100)
CALM = session("calm", 280)


class App:
    """The running tray with a made-up monitor."""

    def __init__(self, wine: Wine, screen: Screen) -> None:
        self._wine = wine
        self._screen = screen
        self._asked = 0
        self._program: Running | None = None

    @property
    def program(self) -> Running:
        assert self._program is not None, "start it first"
        return self._program

    def start(self, *sessions: dict[str, Any], table: tuple[str, ...] = ("nothing.exe",), **env: str) -> "App":
        argv = (self._wine.python, "-X", "dev", self._wine.windows_path(APP), *table)
        self._program = self._wine.start(*argv, env=env)
        self.show(*sessions)
        return self

    def say(self, **command: Any) -> None:
        self.program.write(json.dumps(command).encode() + b"\n")

    def show(self, *sessions: dict[str, Any]) -> None:
        self.say(sessions=sessions)

    def look(self) -> dict[str, Any]:
        """What Windows shows now: the open menu's lines, and the tooltips."""
        self._asked += 1
        self.say(look=self._asked)

        def answer() -> dict[str, Any] | None:
            for line in self.program.output()[0].decode().splitlines():
                seen: dict[str, Any] = json.loads(line)
                if seen["look"] == self._asked:
                    return seen
            return None

        return wait_for("an answer", answer)

    def place(self, urgency: Urgency = Urgency.SOON) -> tuple[int, int]:
        """The icon's place, once it has this colour and no longer moves: the tray moves a new icon."""

        def still() -> tuple[int, int] | None:
            found = self._screen.find(COLOURS[urgency])
            time.sleep(0.15 if found else 0)
            return found if found == self._screen.find(COLOURS[urgency]) else None

        return wait_for(f"the colour of {urgency}", still)

    def menu(self) -> list[dict[str, Any]] | None:
        """The lines of the open menu; None when none is open."""
        menus = self.look()["menus"]
        return menus[0] if menus else None

    def open_menu(self, urgency: Urgency = Urgency.SOON) -> list[dict[str, Any]]:
        self._screen.click(self.place(urgency), 3)
        return wait_for("the open menu", self.menu)

    def point_at(self, level: int, beginning: str) -> dict[str, Any]:
        """Point at the line that begins so until it is highlighted: a popup reacts a moment after it appears."""

        def lit() -> dict[str, Any] | None:
            menus: list[list[dict[str, Any]]] = self.look()["menus"]
            if len(menus) <= level:
                return None
            line = line_of(menus[level], beginning)
            if not line["lit"]:
                for x in (line["x"] + 1, line["x"]):
                    self._screen.point((x, line["y"]))
            return line if line["lit"] else None

        return wait_for(f"{beginning} under the mouse", lit)

    def open_submenu(self, beginning: str) -> list[dict[str, Any]]:
        """Point at the line of the open menu that begins so, and return the submenu."""
        self.point_at(0, beginning)

        def submenu() -> list[dict[str, Any]] | None:
            menus: list[list[dict[str, Any]]] = self.look()["menus"]
            return menus[1] if len(menus) == 2 else None

        return wait_for(f"the submenu of {beginning}", submenu)

    def choose(self, beginning: str, entry: str = "") -> None:
        """Click the line of the open menu that begins so, or `entry` in its submenu."""
        if entry:
            self.open_submenu(beginning)
        line = self.point_at(1, entry) if entry else self.point_at(0, beginning)
        self._screen.click((line["x"], line["y"]))

    def clicked(self) -> list[str]:
        """The keys of the lines that were clicked."""
        return re.findall(r"tray: clicked (\S+)$", self.program.text, re.MULTILINE)

    def requests(self, request: str) -> list[str]:
        """The sessions for which the monitor received this request."""
        return re.findall(rf"request: {request} (\S+)$", self.program.text, re.MULTILINE)

    def ended(self) -> int | None:
        """The exit code, once it has ended by itself; None if it has not."""
        deadline = time.monotonic() + END_SECONDS
        while self.program.alive() and time.monotonic() < deadline:
            time.sleep(0.02)
        return None if self.program.alive() else self.program.wait()


def line_of(lines: list[dict[str, Any]] | None, beginning: str) -> dict[str, Any]:
    return next(line for line in lines or () if beginning in line["label"])


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> Iterator[Screen]:
    with Screen(tmp_path_factory.mktemp("screen")) as screen:
        yield screen


@pytest.fixture(scope="module")
def windows(prepared: Path, screen: Screen) -> Iterator[Wine]:
    """A Windows with that screen."""
    prefix = prepared.with_name("desktop")
    copy_of(prepared, prefix)
    with Wine(prefix, {"DISPLAY": screen.name}) as wine:
        yield wine


@pytest.fixture
def app(windows: Wine, screen: Screen) -> Iterator[App]:
    """The running app; its log must hold no traceback at the end."""
    screen.point(BACKGROUND)
    app = App(windows, screen)
    yield app
    text = app.program.text
    app.program.end()
    print("\n".join(line for line in text.splitlines() if '"look"' not in line))  # shown where a test fails
    assert "Traceback" not in text
    assert "An error occurred" not in text
    assert "ResourceWarning" not in text


# ---- the icon ---------------------------------------------------------------


def test_the_screen_shows_the_colour_of_the_soonest_expiry(app: App, screen: Screen) -> None:
    app.start(CALM)
    for sessions, urgency in [
        ([CALM], Urgency.CALM),
        ([SOON, CALM], Urgency.SOON),
        ([CALM, session("last", 29)], Urgency.LAST),
        ([], Urgency.NONE),
        ([CALM], Urgency.CALM),
    ]:
        app.show(*sessions)
        app.place(urgency)
        others = [u for u in COLOURS if u not in (urgency, Urgency.NONE)]
        assert all(screen.find(COLOURS[other]) is None for other in others)


def test_the_tooltip_names_the_next_session(app: App, screen: Screen) -> None:
    app.start(session("a", 100, project=f"{FOX}" * 200), CALM)
    screen.point(app.place())
    tip = wait_for("the tooltip", lambda: app.look()["tips"])[0]
    assert re.fullmatch(rf"Claude Code: 2 warm, next: {FOX}+…{FOX}+ at \d\d:\d\d:\d\d", tip)


def test_a_tooltip_of_any_length_is_shown(app: App, screen: Screen) -> None:
    """The shell takes 127 UTF-16 units; one more and ctypes refuses all of them."""
    app.start(SOON)
    place = app.place()
    app.say(title=FOX * 300)
    screen.point(place)
    assert wait_for("the tooltip", lambda: app.look()["tips"])[0] == FOX * 63 + "…"


def test_a_busy_shell_gets_the_icon_again(app: App) -> None:
    """Windows sometimes refuses icons, most often at login, when the shell is busy."""
    app.start(SOON, REFUSED_BY_THE_SHELL="3")
    app.place()
    wait_for("the log", lambda: app.program.text.count("refused by the shell") >= 3)
    assert app.program.text.count("refused by the shell") == 3


def test_a_restarted_shell_gets_the_icon(app: App, screen: Screen) -> None:
    app.start(SOON)
    app.place()
    app.say(forget=True)
    wait_for("no icon", lambda: not screen.find(COLOURS[Urgency.SOON]))
    app.say(taskbar_created=True)
    app.place()


def test_an_icon_that_the_shell_forgot_returns_with_the_next_change(app: App, screen: Screen) -> None:
    app.start(SOON)
    app.place()
    app.say(forget=True)
    wait_for("no icon", lambda: not screen.find(COLOURS[Urgency.SOON]))
    app.show(CALM)
    app.place(Urgency.CALM)
    assert "icon refused by the shell" in app.program.text


@pytest.fixture
def scaled(windows: Wine) -> Iterator[None]:
    """Everything at 200 %: for programs that start now."""
    place = (r"HKCU\Control Panel\Desktop", "/v", "LogPixels", "/t", "REG_DWORD", "/f", "/d")
    windows.must("reg", "add", *place, "192")
    yield
    windows.must("reg", "add", *place, "96")


def test_the_icon_has_the_pixels_of_the_notification_area(app: App) -> None:
    app.start(SOON)
    app.place()
    assert app.look()["pixels"] == 16


def test_at_200_percent_the_icon_has_twice_the_pixels(scaled: None, app: App) -> None:
    """Without DPI awareness Windows enlarges a small icon, which is then blurred."""
    app.start(SOON)
    wait_for("the icon", lambda: app.look()["pixels"])
    assert app.look()["pixels"] == 32


# ---- the menu ---------------------------------------------------------------


def test_the_menu_is_up_to_date_when_it_opens(app: App, screen: Screen) -> None:
    app.start(session("web", 250, project="R&D_app", title="Größe · " + "x" * 300), session("api", 100))
    first, second, separator, *below = app.open_menu()
    assert re.fullmatch(r"\u20071:\d\d ● api", first["label"])
    assert re.fullmatch(r"\u20074:\d\d ● R&&D_app · Größe · x+…x+", second["label"])  # `&&` is shown as `&`
    assert [separator["label"], *(line["label"] for line in below)] == [
        "", "Pause notifications", "Settings", "Show table in a terminal", "Check set-up", "About", "Quit",
    ]  # fmt: skip
    assert [line["more"] for line in (first, second, *below)] == [True, True, True, True, False, False, True, False]
    assert not any(line["grey"] for line in (first, second, *below))
    assert [line["label"] for line in app.open_submenu("● api")][:4] == [
        "Copy resume command", "Open folder", "Mute this session", "",
    ]  # fmt: skip
    screen.click(BACKGROUND)
    wait_for("no menu", lambda: app.menu() is None)
    app.show(session("api", 25))
    assert re.fullmatch(r"\u20070:\d\d ● api", app.open_menu(Urgency.LAST)[0]["label"])


def test_a_line_without_an_action_is_grey(app: App) -> None:
    app.start(session("soon", 100))
    app.open_menu()
    lines = app.open_submenu("● soon")
    assert {line["label"]: line["grey"] for line in lines if line["label"]} == {
        "● Idle, the cache is warm": True, "Title: none yet": True,
        "Folder: unknown": True, "Session: soon": True, "Model: unknown": True, "Context: unknown": True,
        "If it expires: cost unknown": True,
        line_of(lines, "Last turn")["label"]: True, line_of(lines, "Expires")["label"]: True,
        "Copy resume command": False, "Open folder": True, "Mute this session": False, "Forget this session": False,
    }  # fmt: skip


def test_a_click_while_the_countdown_moves_reaches_its_line(app: App, screen: Screen) -> None:
    """Later clicks as well: a menu that is rebuilt while it is open loses them all."""
    app.start(SOON, CALM)
    app.open_menu()
    for left in (95, 90, 85, 80):  # each changes every label, as the seconds do
        app.show(session("soon", left), session("calm", left + 170))
        app.look()
    time.sleep(1.2)  # two ticks of the monitor's countdown
    app.choose("● calm", "Mute this session")
    wait_for("the click", lambda: app.requests("mute") == ["calm"])
    screen.click(app.place())
    wait_for("the left click", lambda: "show-table" in app.clicked())
    assert line_of(app.open_menu(), "● calm")["label"].endswith("● calm   muted")
    app.choose("● soon", "Forget this session")
    wait_for("the next click", lambda: "session:soon:forget" in app.clicked())
    assert app.requests("mute") == ["calm"]


def test_a_click_reaches_the_session_whose_name_was_there(app: App) -> None:
    app.start(session("a", 100), session("b", 200), session("c", 250))
    app.open_menu()
    app.show(session("new", 20), session("c", 90), session("a", 290))  # one overtaken, one ended, one new
    app.place(Urgency.LAST)  # the icon says so, at once
    assert [line["label"][6:9] for line in app.menu() or ()][:3] == ["● a", "● b", "● c"]
    app.choose("● c", "Mute this session")
    wait_for("the click", lambda: app.requests("mute") == ["c"])
    app.open_menu(Urgency.LAST)
    app.show(session("a", 25), session("c", 200))  # `a` comes first, `new` ends
    app.look()
    assert [line["label"][6:9] for line in app.menu() or ()][:3] == ["● n", "● c", "● a"]
    app.choose("● a", "Mute this session")
    wait_for("the next click", lambda: app.requests("mute") == ["c", "a"])


def test_a_second_click_on_the_icon_while_its_menu_is_open(app: App, screen: Screen) -> None:
    app.start(SOON)
    app.open_menu()
    screen.click(app.place(), 3)
    screen.click(app.place(), 3)
    screen.click(BACKGROUND)
    screen.click(BACKGROUND)
    wait_for("no menu", lambda: app.menu() is None)
    app.open_menu()
    app.choose("● soon", "Mute this session")
    wait_for("the click", lambda: app.requests("mute") == ["soon"])


def test_a_left_click_shows_the_table_in_a_console(app: App, screen: Screen, windows: Wine) -> None:
    written = windows.drive / "arguments.txt"
    written.unlink(missing_ok=True)
    code = "import os, sys; open(sys.argv[1], 'w').write(f'{sys.stdin.isatty()} {os.get_terminal_size().columns > 0}')"
    app.start(SOON, table=(windows.windows_path(Path(windows.python)), "-c", code, "C:\\arguments.txt"))
    screen.click(app.place())
    wait_for("the table", lambda: written.exists() and written.read_text() == "True True")


# ---- notifications ----------------------------------------------------------


def test_a_notification_comes_and_goes(app: App) -> None:
    app.start(session("web", 29, title=FOX * 300, project=FOX * 60))
    app.place(Urgency.LAST)
    app.say(alert="web")
    body = wait_for("the balloon", lambda: app.look()["tips"])[0]
    assert re.fullmatch(rf"{FOX}+…{FOX}+\. Reply in time to keep it warm\.", body)
    app.show(session("web", 300))  # a new turn
    wait_for("no balloon", lambda: not app.look()["tips"])
    assert "notification by" not in app.program.text


NO_SOUND, RESPECT_QUIET_TIME = 0x10, 0x80


@pytest.mark.parametrize(("sound", "flags"), [(False, NO_SOUND | RESPECT_QUIET_TIME), (True, RESPECT_QUIET_TIME)])
def test_a_notification_respects_quiet_time_and_is_silent_unless_sound_is_set(
    app: App, sound: bool, flags: int
) -> None:
    app.start(session("web", 29))
    app.place(Urgency.LAST)
    app.say(alert="web", sound=sound)
    assert wait_for("the balloon", lambda: app.look()["flags"]) == flags


def test_a_notification_that_the_shell_refuses_is_sent_the_next_way(app: App) -> None:
    app.start(session("web", 29), REFUSED_TOASTS="1")
    app.place(Urgency.LAST)
    app.say(alert="web")
    wait_for("the log", lambda: "notification by tray icon: failed" in app.program.text)
    wait_for("plyer's balloon", lambda: app.look()["tips"])


# ---- the end ----------------------------------------------------------------


def test_quit_by_the_mouse_ends_it(app: App, screen: Screen) -> None:
    app.start(SOON)
    app.open_menu()
    app.choose("Quit")
    assert app.ended() == 0
    wait_for("no icon", lambda: not screen.find(COLOURS[Urgency.SOON]))


def test_a_request_to_close_ends_it(app: App, windows: Wine) -> None:
    """What `taskkill` and installers send."""
    app.start(SOON)
    app.place()
    app.say(close=True)
    assert app.ended() == 0


def test_it_does_not_delay_the_end_of_the_windows_session(app: App) -> None:
    """A window that refuses keeps Windows from shutting down."""
    app.start(SOON)
    app.place()
    app.say(end_session=True)
    assert app.ended() == 0
    assert "may the session end: True" in app.program.text


# ---- the real command -------------------------------------------------------


def quit_by_mouse(screen: Screen, icon: tuple[int, int], tray: Running) -> None:
    """Click the last line of the menu, whose place follows from the click on the icon."""
    screen.click(icon, 3)
    above = (icon[0] - 60, icon[1] - 10)
    white = (255, 255, 255)

    def is_open() -> bool:
        return bool(screen.shot().getpixel((above[0] - 30, above[1])) == white)

    wait_for("the open menu", is_open)
    deadline = time.monotonic() + PATIENCE
    while tray.alive() and time.monotonic() < deadline:
        # Again, in case the menu did not react yet, or closed without it.
        screen.click(*((above,) if is_open() else (icon, 3)))
        time.sleep(0.5)
    assert tray.wait() == 0


def test_from_a_hook_to_the_tray(windows: Wine, screen: Screen) -> None:
    """With the installed wheel alone."""
    user = User(windows, "Zoë Müller")
    user.env["PYTHONPATH"] = windows.windows_path(windows.prefix / FROM_WHEEL)
    assert "from-wheel" in user.python("-c", "import claude_session_status as ours; print(ours.__file__)").text
    assert user.run("install-hooks").code == 0  # before that the icon is a thinner ring, of too few grey pixels
    tray = user.start("tray")
    wait_for("the grey icon", lambda: screen.find(COLOURS[Urgency.NONE]))
    path = user.claude / "projects/C--my-app/s1.jsonl"
    Transcript(path).user(time.time() - 200).answer(time.time() - 198, wrote_5m=5000)
    done = user.mark("mark-turn", hook_event_name="Stop", transcript_path=user.windows_path(path))
    assert (done.code, done.out, done.err) == (0, b"", b"")
    place = wait_for("the amber icon", lambda: screen.find(COLOURS[Urgency.SOON]))
    second = user.run("tray")
    assert (second.code, second.text) == (0, "claude-session-status: the tray is running already\n")
    quit_by_mouse(screen, place, tray)
    assert tray.text == ""
    wait_for("no icon", lambda: not screen.find(COLOURS[Urgency.SOON]))
    assert not (user.folder / "monitor.alive").exists()
    assert "ERROR" not in (user.folder / "log/tray.log").read_text("utf-8")
    tray.end()


def test_the_tray_opens_no_console_for_the_programs_that_it_starts(windows: Wine, screen: Screen) -> None:
    """A console would flash at each of them: at login the tray runs without one, whose children could use it."""
    written = windows.drive / "consoles.txt"
    written.unlink(missing_ok=True)
    asking = "import ctypes; open('C:/consoles.txt', 'a').write(str(ctypes.windll.kernel32.GetConsoleWindow()))"
    copying = (
        "import sys; from claude_session_status.desktop.actions import ClipboardWay;"
        "from claude_session_status.cli.cold_returns import start_quietly;"
        f"assert ClipboardWay((sys.argv[1], '-c', {asking!r})).copy('text');"
        f"assert start_quietly((sys.argv[1], '-c', {asking!r})).wait() == 0; {asking}"
    )
    python = windows.windows_path(Path(windows.python))
    windowless = str(Path(windows.python).with_name("pythonw.exe"))
    done = windows.run(windowless, "-c", copying, python)
    assert done.code == 0, done.complaint
    assert written.read_text() == "000"


def test_the_script_that_tries_the_tray_on_a_real_windows(windows: Wine, screen: Screen) -> None:
    """The workflow runs it there."""
    done = windows.run(windows.python, windows.windows_path(APP.with_name("try_tray.py")))
    assert (done.code, done.complaint) == (0, ""), done.text
    assert "it ended with 0" in done.text
    assert "tray icon: Windows notification area" in done.text


def test_a_tray_without_a_console_runs(windows: Wine, screen: Screen) -> None:
    """As at login: pythonw.exe has no stdout, and must not need one."""
    user = User(windows, "Nobody There")
    assert user.run("install-hooks").code == 0
    python = str(Path(windows.python).with_name("pythonw.exe"))
    tray = windows.start(python, "-m", "claude_session_status", "tray", env=user.env)
    place = wait_for("the grey icon", lambda: screen.find(COLOURS[Urgency.NONE]))
    quit_by_mouse(screen, place, tray)
    tray.end()
