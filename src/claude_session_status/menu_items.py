"""A line of the tray's menu, and what a click on it does, as data."""

from dataclasses import dataclass, replace

from claude_session_status.keep_warm_times import Choice
from claude_session_status.model import Pause


@dataclass(frozen=True, slots=True)
class ShowTable:
    """Show the table in a terminal."""


@dataclass(frozen=True, slots=True)
class CheckSetUp:
    """Show in a terminal whether everything is set up."""


@dataclass(frozen=True, slots=True)
class SetUpHooks:
    """Install Claude Code's hooks."""


@dataclass(frozen=True, slots=True)
class StartAtLogin:
    """Enable or disable the start at login."""

    on: bool


@dataclass(frozen=True, slots=True)
class PauseNotifications:
    """Pause the notifications, or resume them."""

    pause: Pause


@dataclass(frozen=True, slots=True)
class MuteSessions:
    """Mute the sessions, or unmute them."""

    session_ids: tuple[str, ...]
    muted: bool = True


@dataclass(frozen=True, slots=True)
class ForgetSession:
    """Remove the session from the list."""

    session_id: str


@dataclass(frozen=True, slots=True)
class UndoForget:
    """Keep a session that was to be forgotten."""

    session_id: str


@dataclass(frozen=True, slots=True)
class CopyResumeCommand:
    """Copy the command that resumes the session. `host`: the other machine that runs it."""

    session_id: str
    folder: str | None
    host: str | None = None


@dataclass(frozen=True, slots=True)
class GoToSession:
    """Bring the session's terminal to the front.

    `activation_token` is the desktop's permission to take the focus on Wayland; it comes with the click.
    """

    session_id: str
    activation_token: str | None = None


@dataclass(frozen=True, slots=True)
class KeepSessionWarm:
    """Keep the session's cache warm, or no longer. `consents`: the user confirmed that it takes many pings."""

    session_id: str
    choice: Choice
    consents: bool = False


@dataclass(frozen=True, slots=True)
class OpenFolder:
    """Open the folder in the file manager."""

    folder: str


@dataclass(frozen=True, slots=True)
class ChangeSetting:
    """Set a key of config.toml."""

    key: str
    value: "SettingValue"


@dataclass(frozen=True, slots=True)
class OpenSettings:
    """Open config.toml in an editor."""


@dataclass(frozen=True, slots=True)
class ShowHistory:
    """Show what cold caches cost."""


@dataclass(frozen=True, slots=True)
class Quit:
    """End the tray."""


SettingValue = bool | int | str | tuple[int, ...]

Action = (
    ShowTable
    | CheckSetUp
    | SetUpHooks
    | StartAtLogin
    | PauseNotifications
    | MuteSessions
    | ForgetSession
    | UndoForget
    | CopyResumeCommand
    | GoToSession
    | KeepSessionWarm
    | OpenFolder
    | ChangeSetting
    | OpenSettings
    | ShowHistory
    | Quit
)
"""What a click on a menu item or on a notification's button does, with all that it needs."""


def with_activation_token(action: Action, token: str | None) -> Action:
    """The action with the desktop's permission to take the focus, for an action that shows a window."""
    return replace(action, activation_token=token) if token and isinstance(action, GoToSession) else action


@dataclass(frozen=True, slots=True)
class MenuItem:
    """One line of the menu. `key` names its subject, unique in the whole menu and the same wherever the line stands."""

    key: str
    label: str = ""
    action: Action | None = None  # None: a line of text, or a submenu
    separator: bool = False
    default: bool = False  # what a left click on the icon does
    children: tuple["MenuItem", ...] = ()
    gone_label: str | None = None  # the label in an open menu once the subject is gone; None: the last one
    checked: bool | None = None  # None: not a check box
    radio: bool = False  # one of several, of which one is checked

    @property
    def enabled(self) -> bool:
        """Whether a click does anything."""
        return self.action is not None or bool(self.children)
