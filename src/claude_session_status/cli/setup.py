"""`setup` and `uninstall`: everything that gives the best countdown, put in at once and undone to the byte.

Four parts: the hooks and the status line in Claude Code's settings, start at login, and the running tray. A plan is
gathered first, printed, and carried out after one question. Each part may be there already; a setup that was killed is
completed by the next one, or undone by `uninstall`.
"""

import os
import shutil
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from claude_session_status import keep_warm_desk, paths, words
from claude_session_status.claude.setup import plugin
from claude_session_status.claude.setup.hook_commands import Launcher, this_launcher
from claude_session_status.claude.setup.inspection import inspect, is_complete
from claude_session_status.claude.setup.plan import Change, ChangeOutcome, StatusLineError, Step
from claude_session_status.claude.setup.settings_file import SettingsFile, read_settings
from claude_session_status.claude.setup.statusline_setting import KEY as STATUS_LINE
from claude_session_status.claude.setup.statusline_setting import REFRESH_SECONDS, our_command_in
from claude_session_status.cli import tray_process
from claude_session_status.cli.autostart import this_autostart, this_start
from claude_session_status.cli.hooks import warn, warn_of_managed_settings
from claude_session_status.cli.invocation import as_called
from claude_session_status.cli.streams import echo
from claude_session_status.errors import AutostartError, SessionStatusError, file_and_reason
from claude_session_status.lock import is_held
from claude_session_status.paths import Paths
from claude_session_status.private import make_private_folder, open_private, read_private


@dataclass(frozen=True, slots=True)
class Plan:
    """What `setup` finds, and so what it will do."""

    settings_path: str
    settings: Change
    status_line_problem: str | None  # why ours can't be put in
    wrapped: str | None  # the user's own status line command, which ours runs
    login_place: str
    starts_at_login: bool
    tray_runs: bool
    no_tray: str | None  # why no tray can be shown here

    @property
    def is_done(self) -> bool:
        """Whether there is nothing to do."""
        is_shown = self.tray_runs or self.no_tray is not None
        return self.settings.outcome is ChangeOutcome.UNCHANGED and self.starts_at_login and is_shown


def plan_lines(plan: Plan) -> list[str]:
    """The plan for a person: a line for each part."""
    parts = (
        ("hooks", _hooks_line(plan)),
        ("status line", _status_line(plan)),
        ("at login", f"{'the tray starts already' if plan.starts_at_login else 'start the tray'}: {plan.login_place}"),
        ("tray", _tray_line(plan)),
    )
    return [f"  {name:<13}{words.clean(line)}" for name, line in parts]


def _hooks_line(plan: Plan) -> str:
    if plan.settings.plugin is not None:
        return f"add none: the plugin {plan.settings.plugin} has them"
    steps = [each for each in plan.settings.events if each.event != STATUS_LINE]
    counts = {step: sum(each.step is step for each in steps) for step in Step}
    if counts[Step.KEPT] == len(steps):
        return f"all {len(steps)} are in {plan.settings_path} already"
    verbs = {Step.ADDED: "add", Step.REPAIRED: "repair", Step.REMOVED: "remove", Step.KEPT: "keep"}
    done = ", ".join(f"{verb} {counts[step]}" for step, verb in verbs.items() if counts[step])
    return f"{done} in {plan.settings_path}"


def _status_line(plan: Plan) -> str:
    if plan.status_line_problem is not None:
        return f"none: {plan.status_line_problem}"
    around = f" around yours, which still runs: {plan.wrapped}" if plan.wrapped else ""
    step = next((each.step for each in plan.settings.events if each.event == STATUS_LINE), Step.KEPT)
    if step is Step.KEPT:
        return f"ours is there already{around}"
    every = "" if plan.wrapped else f", every {REFRESH_SECONDS} s"
    return f"{'add' if step is Step.ADDED else 'repair'} ours{around}{every}"


def _tray_line(plan: Plan) -> str:
    if plan.tray_runs:
        return "runs already"
    return f"none now: {plan.no_tray}" if plan.no_tray is not None else "start it now, apart from this terminal"


class Installation:
    """The four parts on this machine. `launcher` starts this program."""

    def __init__(self, where: Paths, launcher: Launcher) -> None:
        self.where = where
        self._launcher = launcher
        self._settings = SettingsFile(where)

    def plan(self) -> Plan:
        """Look at everything and change nothing. Raises SettingsError when the settings can't be edited safely."""
        autostart = this_autostart()
        change, problem = self._install_settings(dry_run=True)
        ours = None if problem else our_command_in(change.after or "{}")
        tray_runs = is_held(self.where.tray_lock)
        return Plan(
            settings_path=self._settings.path,
            settings=change,
            status_line_problem=problem,
            wrapped=ours.wrapped if ours else None,
            login_place=autostart.place,
            starts_at_login=autostart.is_on() and autostart.command() in (None, this_start().words),
            tray_runs=tray_runs,
            no_tray=None if tray_runs else no_tray_reason(),
        )

    def install(self) -> Change:
        """Put in hooks, status line and start at login. Raises SettingsError and AutostartError."""
        autostart = this_autostart()
        # On Windows it is set in no file.
        folders = [os.path.dirname(autostart.place)] if os.path.isabs(autostart.place) else []
        self._remember_missing_folders([self.where.claude_dir, *folders])
        change, _ = self._install_settings()
        autostart.put(on=True)
        return change

    def start_tray(self) -> bool:
        """Start the tray; whether it runs."""
        start = this_start()
        return tray_process.start(start.words, start.environment, self.where.tray_lock)

    def _install_settings(self, *, dry_run: bool = False) -> tuple[Change, str | None]:
        """Edit the settings; also why the status line can't be put in, and then the hooks alone are."""
        try:
            return self._edit_settings(dry_run=dry_run, status_line=True), None
        except StatusLineError as error:
            return self._edit_settings(dry_run=dry_run, status_line=False), error.title

    def _edit_settings(self, *, dry_run: bool, status_line: bool) -> Change:
        plugin_runs = plugin.this_command() is not None
        return self._settings.install(self._launcher, dry_run=dry_run, status_line=status_line, plugin_runs=plugin_runs)

    # The folders that are made on the way

    @property
    def _folders_path(self) -> str:
        return os.path.join(self.where.folder, "folders-made")

    def _remember_missing_folders(self, folders: Iterable[str]) -> None:
        """Write down the folders that will be made, so that an uninstall removes these and no others."""
        missing = [path for folder in folders for path in _missing(folder)]
        if missing:
            if not os.path.isdir(self.where.claude_dir):
                make_private_folder(self.where.claude_dir)
            make_private_folder(self.where.folder)
            self._write_folders([*self._made_folders(), *missing])

    def _made_folders(self) -> list[str]:
        try:
            text = read_private(self._folders_path, 100_000)
        except OSError:
            return []
        return list(dict.fromkeys(os.fsdecode(text).splitlines()))

    def _write_folders(self, folders: Iterable[str]) -> None:
        descriptor = open_private(self._folders_path, os.O_WRONLY | os.O_TRUNC)
        with open(descriptor, "wb") as file:
            file.write(os.fsencode("".join(f"{path}\n" for path in folders)))

    def uninstall(self, *, data: bool) -> Iterable[tuple[str, SessionStatusError | None]]:
        """Undo each part; yield what was done in a sentence, or the error that left a part in place."""
        yield self._stop_tray()
        yield self._no_start_at_login()
        try:
            change = self._settings.uninstall()
        except SessionStatusError as error:
            yield "", error
            return  # the folder holds what a later uninstall needs
        if change.outcome is ChangeOutcome.UNCHANGED:
            yield f"{self._settings.path} had nothing of ours.", None
        else:
            state = "deleted: it held nothing else" if change.outcome is ChangeOutcome.DELETED else "as it was before"
            yield f"Hooks and status line are removed; {self._settings.path} is {state}.", None
        yield from self._no_pings()
        made = self._made_folders()
        if data:
            yield self._delete_data()
        for path in sorted(made, key=len, reverse=True):
            with suppress(OSError):  # by now it holds something else
                os.rmdir(path)
        if made and not data:
            # ~/.claude, which still holds our folder, can go when the data does.
            self._write_folders(path for path in made if os.path.isdir(path))

    def _stop_tray(self) -> tuple[str, SessionStatusError | None]:
        if not is_held(self.where.tray_lock):
            return "No tray was running.", None
        if tray_process.stop(self.where.tray_lock):
            return "The tray has ended.", None
        return "", SessionStatusError("The tray still runs", "Choose Quit in its menu")

    def _no_pings(self) -> Iterable[tuple[str, SessionStatusError | None]]:
        """Remove all orders to keep a session warm, and the plugin's reports."""
        try:
            if keep_warm_desk.forget_all(self.where):
                yield "No session is kept warm any more.", None
        except OSError as error:
            yield "", SessionStatusError(file_and_reason(error, self.where.keep_warm), "Delete it yourself")

    @staticmethod
    def _no_start_at_login() -> tuple[str, SessionStatusError | None]:
        autostart = this_autostart()
        was_on = autostart.is_on()
        try:
            autostart.put(on=False)
        except AutostartError as error:
            return "", error
        return f"Start at login {'is off now' if was_on else 'was already off'}.", None

    def _delete_data(self) -> tuple[str, SessionStatusError | None]:
        folder = self.where.folder
        if os.path.islink(folder):
            return "", SessionStatusError(
                f"{folder} is a link and was not deleted", "Delete what it points to yourself"
            )
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:
            return f"{folder} was not there.", None
        except OSError as error:
            return "", SessionStatusError(f"{file_and_reason(error, folder)}", "Delete it yourself")
        return f"{folder} is deleted.", None


def no_tray_reason() -> str | None:
    """Why no tray icon can be shown here; None where one can."""
    from claude_session_status.desktop import backend  # noqa: PLC0415 - brings Pillow with it

    choice = backend.choose(backend.gather(os.environ))
    return choice.reason if choice.route is backend.Route.NONE else None


def _missing(folder: str) -> Iterable[str]:
    """Yield `folder` and those above it that do not exist."""
    while not os.path.lexists(folder):
        yield folder
        folder = os.path.dirname(folder)


def run_setup(*, yes: bool) -> None:
    """Show the plan, ask unless `yes`, and carry it out. Raises SystemExit with 1 or 2 where it is not done."""
    installation = Installation(paths.from_environment(), this_launcher())
    plan = installation.plan()
    for line in plan_lines(plan):
        echo(line)
    warn(plan.settings)
    warn_of_managed_settings()
    if plan.is_done:
        echo("Everything is set up already. Nothing was changed.")
        return
    if not yes:
        if not _can_ask():
            echo(
                as_called("Nothing was changed. To do this without a question: claude-session-status setup --yes"),
                err=True,
            )
            raise SystemExit(2)
        import click  # noqa: PLC0415 - the tray imports this module

        if not click.confirm("Nothing was changed so far. Do this?", default=True):
            echo("Nothing was changed.")
            raise SystemExit(1)
    failed = _carry_out(installation, plan)
    if failed:
        raise SystemExit(1)


def _can_ask() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _carry_out(installation: Installation, plan: Plan) -> bool:
    """Do what was planned; whether a part failed."""
    failed = False
    try:
        installation.install()
    except AutostartError as error:
        echo(as_called(f"{error.title}\n{error.next_step}"), err=True)
        failed = True
    if plan.tray_runs:
        echo("Done. The tray is running.")
    elif plan.no_tray is not None:
        echo(as_called(f"Done, without a tray: {plan.no_tray}. The table: claude-session-status watch"))
    elif installation.start_tray():
        echo("Done. The tray is running; the icon appears in the panel." if not failed else "The tray is running.")
    else:
        echo(as_called("The tray did not start. To see why: claude-session-status doctor"), err=True)
        failed = True
    echo("Running sessions need no restart: each appears after its next reply.")
    return failed


def run_uninstall(*, data: bool) -> None:
    """Undo everything that setup did; with `data` also delete our folder. Raises SystemExit(1) where a part failed."""
    where = paths.from_environment()
    key = _enabled_plugin(where)
    failed = False
    for sentence, error in Installation(where, this_launcher()).uninstall(data=data):
        if error is None:
            echo(words.clean(sentence))
        else:
            echo(as_called(f"{words.clean(error.title)}\n{error.next_step}"), err=True)
            failed = True
    if key:
        echo(f"The plugin is still enabled. To remove it: claude plugin uninstall {words.clean(key)}")
    if failed:
        raise SystemExit(1)


def _enabled_plugin(where: Paths) -> str | None:
    try:
        return plugin.enabled_in(read_settings(where.settings) or "{}")
    except (OSError, UnicodeError):
        return None


class SetUp:
    """What the tray's menu offers on its first run: whether the hooks are there, and to set up everything.

    Both methods may raise SessionStatusError or OSError.
    """

    def hooks_installed(self) -> bool:
        """Whether all hooks are in the settings, in the right form, of this copy of the program or another.

        The plugin counts as well, where it is enabled and finds the program.
        """
        found = inspect(read_settings(paths.from_environment().settings), this_launcher())
        return is_complete(found) or (found.plugin is not None and plugin.this_command() is not None)

    def install_hooks(self) -> str:
        """Install what `setup` installs, but for the tray, which runs. Returns a sentence about what was done."""
        installation = Installation(paths.from_environment(), this_launcher())
        path = installation.where.settings
        try:
            change = installation.install()
        except AutostartError as error:
            return f"The hooks are installed. {error.title}. {error.next_step}."
        if change.plugin is not None:
            done = f"are in the plugin {change.plugin}"
        elif change.outcome is ChangeOutcome.UNCHANGED:
            done = "are there already"
        else:
            done = f"were put into {path}"
        off = ', but "disableAllHooks" keeps them from running' if change.hooks_disabled else ""
        return f"The hooks {done}{off}. The tray starts at login."
