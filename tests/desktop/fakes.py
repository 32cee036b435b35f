"""Fakes of what the desktop code uses. Each records its calls, in order."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from PIL import Image

from claude_session_status.desktop.linux.bus import Body, BusError, Call, Reply, Target
from claude_session_status.desktop.linux.dbusmenu import ARGUMENTS
from claude_session_status.desktop.linux.inbox import BUS_NAME
from claude_session_status.desktop.notify import Attempt, NotifyOutcome
from claude_session_status.desktop.task_runner import Task
from claude_session_status.desktop.tray import Listener
from claude_session_status.glance import IconSpec
from claude_session_status.keep_warm_times import Choice
from claude_session_status.model import (
    Activity,
    Alert,
    Cache,
    EventKind,
    Pause,
    Request,
    Session,
    SessionState,
    Snapshot,
    Source,
    Urgency,
)
from claude_session_status.notification import Notification

NOW = 1_800_000_000.0


def state(
    session_id: str,
    left: float = 100.0,
    *,
    activity: Activity = Activity.IDLE,
    title: str | None = None,
    urgency: Urgency = Urgency.SOON,
    ttl: int = 300,
    cwd: str | None = None,
    muted: bool = False,
    tokens: int | None = None,
    cost: float | None = None,
) -> SessionState:
    """A session of which `left` seconds are left at `NOW`."""
    request = Request(NOW + left - ttl, ttl, Source.HOOK)
    session = Session(
        session_id,
        project=session_id,
        title=title,
        cwd=cwd,
        request=request,
        muted=muted,
        context_tokens=tokens,
    )
    cache = Cache.WARM if left > 0 else Cache.EXPIRED
    shown = urgency if left > 0 else Urgency.NONE
    return SessionState(session, cache, activity, NOW + left, max(0.0, left), shown, cost)


def snapshot(*states: SessionState, now: float = NOW, problem: str | None = None) -> Snapshot:
    return Snapshot(now, states, problem=problem)


class InlineTasks:
    """Runs tasks at once."""

    def submit(self, task: Task) -> None:
        task()

    def stop(self, timeout: float) -> None:
        pass


class FakeIcon:
    """An icon that records its calls, and runs until it is stopped. Its menu counts unless a test says otherwise."""

    menu_may_be_open = True
    run_pending_signals: Callable[[], None] | None = None

    def __init__(self) -> None:
        self.specs: list[IconSpec] = []
        self.titles: list[str] = []
        self.menu_updates = 0
        self.visible = False
        self._stopped = threading.Event()

    @property
    def title(self) -> str:
        return self.titles[-1] if self.titles else ""

    @title.setter
    def title(self, value: str) -> None:
        self.titles.append(value)

    def show_spec(self, spec: IconSpec) -> None:
        self.specs.append(spec)

    def update_menu(self) -> None:
        self.menu_updates += 1

    def run(self, setup: Callable[[Any], None] | None = None) -> None:
        if setup is not None:
            setup(self)
        # In small pieces: a signal that comes just before the wait is only seen after it.
        assert any(self._stopped.wait(0.05) for _ in range(200))

    def stop(self) -> None:
        self._stopped.set()


class FakeNotifier:
    """A way of notifying with a given outcome; None means that it raises."""

    def __init__(self, outcome: NotifyOutcome | None = NotifyOutcome.SENT, name: str = "fake") -> None:
        self.name = name
        self.replaces = True
        self.outcome = outcome
        self.shown: list[Notification] = []
        self.untils: list[float | None] = []
        self.images: list[Image.Image | None] = []
        self.closed: list[str] = []

    def notify(self, notification: Notification, image: Image.Image | None, until: float | None = None) -> Attempt:
        if self.outcome is None:
            raise RuntimeError("no such thing")
        self.shown.append(notification)
        self.untils.append(until)
        self.images.append(image)
        return Attempt(self.name, self.outcome)

    def close(self, key: str) -> None:
        if self.outcome is None:
            raise RuntimeError("no such thing")
        self.closed.append(key)

    def disconnect(self) -> None:
        pass


class ScriptedMonitor:
    """A monitor that does one step at each run: publishes a list of snapshots and alerts, or raises an error."""

    def __init__(self, *runs: list[tuple[Snapshot, Sequence[Alert]]] | Exception) -> None:
        self._runs = list(runs)
        self.woken = threading.Event()
        self.run_count = 0
        self.done = threading.Event()  # the script is over
        self.requests: list[tuple[str, str]] = []
        self.refuses: OSError | None = None

    def run(self, stop: threading.Event, listener: Listener) -> None:
        self.run_count += 1
        if not self._runs:
            self.done.set()
            stop.wait(5)
            return
        step = self._runs.pop(0)
        if isinstance(step, Exception):
            raise step
        for shot, alerts in step:
            listener(shot, alerts)
        if not self._runs:
            self.done.set()
        stop.wait(5)

    def wake(self) -> None:
        self.woken.set()

    def submit(self, kind: EventKind, session_id: str) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.requests.append((kind.value, session_id))

    def keep_warm(self, session_id: str, choice: Choice, *, consents: bool = False) -> tuple[str, ...]:
        self.requests.append((f"keep warm {choice.value}{', consents' if consents else ''}", session_id))
        return ("Kept warm until 14:05: web-shop.", "1 ping, about $0.07 an hour in place of $1.40.", "A trial.")

    def pause(self, wanted: Pause) -> None:
        self.requests.append(("pause", wanted.value))


class FakeActions:
    """Records what was asked for; raises `error` if it is set."""

    def __init__(self) -> None:
        self.done: list[tuple[str, ...]] = []
        self.error: Exception | None = None
        self.has_clipboard = True

    def show_table(self) -> None:
        self._do("table")

    def check_set_up(self) -> None:
        self._do("check")

    def open_folder(self, folder: str) -> None:
        self._do("folder", folder)

    def go_to_session(self, session: Session, activation_token: str | None = None) -> None:
        self._do("go", session.session_id, *filter(None, [activation_token]))

    def copy_resume_command(self, folder: str | None, session_id: str, host: str | None = None) -> str | None:
        self._do("copy", folder or "", session_id, *filter(None, [host]))
        return f"claude --resume {session_id}" if self.has_clipboard else None

    def edit_file(self, path: str) -> None:
        self._do("edit", path)

    def show_history(self) -> None:
        self._do("history")

    def _do(self, *what: str) -> None:
        self.done.append(what)
        if self.error is not None:
            raise self.error


class FakeAutostart:
    def __init__(self, *, on: bool = False) -> None:
        self.on = on

    def is_on(self) -> bool:
        return self.on

    def turn(self, on: bool) -> None:
        self.on = on


class FakeSetUp:
    """Claude Code without hooks until they are installed; raises `error` instead if it is set."""

    def __init__(self) -> None:
        self.installed = False
        self.error: Exception | None = None

    def hooks_installed(self) -> bool:
        return self.installed

    def install_hooks(self) -> str:
        if self.error is not None:
            raise self.error
        self.installed = True
        return "Edited settings.json"


Step = Callable[["FakeBus"], None]


class FakeBus:
    """A bus whose peers are the steps of a script, one at each `pump`. When the script is over the bus goes away."""

    unique_name = ":1.7"

    def __init__(self, *script: Step) -> None:
        self._script = list(script)
        self.signals: list[tuple[str, Body]] = []
        self.calls: list[tuple[Target, str, Body]] = []
        self.answers: dict[str, Reply] = {}
        self.timeouts: list[float | None] = []
        self.closed = False
        self._on_call: Callable[[Call], tuple[str, Body]] | None = None
        self._on_signal: Callable[[Call], None] | None = None

    # What the product calls.

    def listen(self, rule: str) -> None:
        self.calls.append((Target("bus", "/", "bus"), "AddMatch", (rule,)))

    def emit(self, path: str, interface: str, member: str, signature: str = "", body: Body = ()) -> None:
        self.signals.append((member, body))

    def call(
        self,
        target: Target,
        member: str,
        signature: str = "",
        body: Body = (),
        on_reply: Callable[[Reply], None] | None = None,
    ) -> None:
        self.calls.append((target, member, body))
        if on_reply is not None and member in self.answers:
            on_reply(self.answers[member])

    def ask(self, target: Target, member: str, signature: str = "", body: Body = (), timeout: float = 5) -> Body:
        self.calls.append((target, member, body))
        reply = self.answers[member]
        if reply.error is not None:
            raise reply.error
        return reply.body

    def pump(
        self,
        timeout: float | None,
        on_call: Callable[[Call], tuple[str, Body]] | None = None,
        on_signal: Callable[[Call], None] | None = None,
    ) -> None:
        self.timeouts.append(timeout)
        self._on_call, self._on_signal = on_call, on_signal
        if not self._script:
            raise BusError("gone")
        self._script.pop(0)(self)

    def wake(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    # What a step calls.

    def peer_calls(self, path: str, interface: str, member: str, *body: Any) -> Body:
        assert self._on_call is not None
        signature = {"Get": "ss", "ProvideXdgActivationToken": "s", **ARGUMENTS}.get(member, "")
        return self._on_call(Call(path, interface, member, body, ":1.2", signature))[1]

    def peer_signals(self, member: str, *body: Any, sender: str = BUS_NAME) -> None:
        assert self._on_signal is not None
        self._on_signal(Call("/", "", member, body, sender))

    def sent(self, member: str) -> list[Body]:
        return [body for name, body in self.signals if name == member]

    def called(self, member: str) -> list[Body]:
        return [body for _, name, body in self.calls if name == member]
