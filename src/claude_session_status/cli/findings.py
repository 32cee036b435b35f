"""What `doctor` found: the values that its checks decide on.

Times are epoch seconds; what does not exist is None or empty.
"""

from dataclasses import dataclass, field

from claude_session_status.alert_command import Result
from claude_session_status.claude.setup.inspection import Inspection
from claude_session_status.model import HostState


@dataclass(frozen=True, slots=True)
class HookFindings:
    """Claude Code's settings and what they run."""

    settings_path: str = ""
    settings_changed_at: float | None = None
    inspection: Inspection = field(default_factory=Inspection)
    missing_programs: tuple[str, ...] = ()  # hooks run them, and they do not exist or do not start
    obeys_environment: bool = False  # hooks run the console script, as older versions installed them
    plugin_command: str | None = None  # what our plugin's hooks run, where it is enabled
    forbidden_by: str | None = None  # the managed settings that forbid hooks
    last_transcript_at: float | None = None


@dataclass(frozen=True, slots=True)
class DatabaseFindings:
    """The database and the last event in it."""

    path: str = ""
    exists: bool = False
    problem: tuple[str, str] | None = None  # title and next step
    sessions: int = 0
    set_aside: tuple[str, ...] = ()  # file names
    last_event_at: float | None = None


@dataclass(frozen=True, slots=True)
class InboxFindings:
    """The spool folder and the notes in it."""

    folder: str = ""
    problem: str | None = None  # why a hook can't write there
    in_the_way: str | None = None  # the path of a file where this folder, or one above it, belongs
    notes: int = 0
    oldest_note_at: float | None = None
    refused: tuple[str, ...] = ()  # file names
    stalled: tuple[str, str] | None = None  # a process holds the ingest lock and records none: title and next step


@dataclass(frozen=True, slots=True)
class ConfigFindings:
    """The settings file."""

    path: str = ""
    exists: bool = False
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MonitorFindings:
    """What runs."""

    last_seen_at: float | None = None
    runs: bool = False
    tray_runs: bool = False


@dataclass(frozen=True, slots=True)
class DesktopFindings:
    """How an icon and a notification would be shown."""

    route: str | None = None  # None: no icon can be shown
    route_reason: str = ""
    has_display: bool = True
    notification_way: str | None = None
    notified: tuple[tuple[str, str, bool], ...] | None = None  # --notify: way, outcome, whether it worked


@dataclass(frozen=True, slots=True)
class AlertCommandFindings:
    """The user's own command for alerts."""

    program: str = ""  # empty: none is set
    exists: bool = True
    last: Result | None = None


@dataclass(frozen=True, slots=True)
class AutostartFindings:
    """What starts at login."""

    place: str = ""
    is_on: bool = False
    missing_program: str | None = None  # it would start this, which does not exist


@dataclass(frozen=True, slots=True)
class KeepWarmFindings:
    """What keeps sessions warm."""

    plugin: str | None = None  # the name under which its plugin is enabled
    orders: int = 0
    distrusted: tuple[str, ...] = ()  # versions of Claude Code


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that the checks need."""

    now: float
    hooks: HookFindings
    database: DatabaseFindings
    inbox: InboxFindings
    config: ConfigFindings
    monitor: MonitorFindings
    desktop: DesktopFindings
    autostart: AutostartFindings
    alert_command: AlertCommandFindings = field(default_factory=AlertCommandFindings)
    keep_warm: KeepWarmFindings = field(default_factory=KeepWarmFindings)
    hosts: tuple[HostState, ...] = ()  # the other machines of the settings
    platform: str = "linux"
    client_version: str | None = None
    versions: dict[str, str] = field(default_factory=dict)
