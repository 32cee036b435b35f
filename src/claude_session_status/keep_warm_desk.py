"""Looks after *Keep warm*: reads orders and reports, takes orders back that have to end, remembers what pings did.

The monitor calls it at each poll; decisions are `keep_warm`'s. What pings did enters the sessions' rows as events
through the spool, like everything else.
"""

import os
from collections.abc import Callable, Iterable

from claude_session_status.claude.mod_reports import ModReports
from claude_session_status.claude.registry import Registry
from claude_session_status.errors import SessionStatusError
from claude_session_status.keep_warm import (
    PLUGIN,
    Evidence,
    Limits,
    ModReport,
    Order,
    Usage,
    events_of,
    is_over,
    is_plain,
    keep_warm_of,
    next_ping_at,
    order_for,
    stop_of,
    usage_of,
)
from claude_session_status.keep_warm_orders import UNKNOWN_VERSION, Orders, VersionRecord, Versions
from claude_session_status.keep_warm_words import placed_sentences
from claude_session_status.lazy_log import Log
from claude_session_status.model import Event, KeepWarm, Session, SessionState, Stop, StopReason
from claude_session_status.paths import Paths
from claude_session_status.policy import Price, state_of
from claude_session_status.private import read_regular
from claude_session_status.values import replace
from claude_session_status.words import name_of

log = Log(__name__)

STOPPED_SECONDS = 3600.0  # how long a stop is shown
REPORT_SECONDS = 30 * 86400.0  # reports of sessions that were not used for so long are removed

ReadPrice = Callable[[str, int], float | None]  # (model, tokens) -> USD, None when unknown


class KeepWarmDesk:
    """The orders and reports in our folder. One thread calls `look`; `place`, `forget` may be called from any.

    `price` and `read_price` know what a miss and a ping cost.
    """

    def __init__(
        self, paths: Paths, limits: Limits, price: Price | None = None, read_price: ReadPrice | None = None
    ) -> None:
        self._paths = paths
        self.limits = limits
        self._price = price
        self._read_price = read_price
        self._orders = Orders(paths.keep_warm)
        self._reports = ModReports(paths.mods)
        self._registry = Registry(paths.client_registry)
        self._versions = Versions(paths.keep_warm_versions)
        self._evidence: dict[
            str, Evidence
        ] = {}  # of the sessions with an order, a report or a client that may be too old
        self._no_evidence = Evidence(limits)  # of all others
        self._usage: Usage | None = None
        self._stopped: dict[str, Stop] = {}
        self._expected: frozenset[str] | None = None  # the sessions that expect a ping; None before the first look
        self._no_ping_since: dict[str, float] = {}
        self._settings: tuple[object, bool | None] = (None, None)  # the settings' mark, and whether they enable the mod

    def look(self, sessions: Iterable[Session], now: float) -> tuple[Event, ...]:
        """Read what is new, and take back the orders that have to end. Returns the events of new pings.

        Raises OSError where an order can't be taken back.
        """
        known = {
            session.session_id: session for session in sessions if session.host is None and not session.is_forgotten
        }
        orders = self._orders.all()
        has_reports = os.path.isdir(self._paths.mods)
        reports = {name: self._reports.of(name) for name in known} if has_reports else {}
        self._usage = usage_of(known.values(), now)
        events: list[Event] = []
        for session_id, report in reports.items():
            if report is not None:
                new = events_of(known[session_id], report, now)
                if new:
                    self._remember(report)
                events += new
        records = self._versions.read() if has_reports else {}
        for session_id, order in list(orders.items()):
            session = known.get(session_id)
            evidence = self._evidence_of(session, order, reports.get(session_id), records)
            if self._ends(session, order, evidence, now):
                self._orders.remove(session_id)
                del orders[session_id]
        self._no_evidence = self._evidence_of(None, None, None, records)
        needs_its_version = self._no_evidence.plugin_enabled is True
        self._evidence = {
            name: self._evidence_of(session, orders.get(name), reports.get(name), records)
            for name, session in known.items()
            if needs_its_version or name in orders or reports.get(name) is not None
        }
        self._note_expected(known, orders, now)
        return tuple(events)

    def _note_expected(self, known: dict[str, Session], orders: Iterable[str], now: float) -> None:
        """Note for which sessions a ping is expected, and since when it no longer is: then their alerts are due.

        The first look can't know what was expected before, so it counts every order for which no ping is expected.
        """
        expected = frozenset(
            name for name in orders if next_ping_at(state_of(known[name], now), self._evidence[name], now) is not None
        )
        before = frozenset(orders) if self._expected is None else self._expected
        # The clock may have been set back: nothing was seen later than now.
        still = {name: min(at, now) for name, at in self._no_ping_since.items() if name in known}
        self._no_ping_since = still | dict.fromkeys(before - expected, now)
        self._expected = expected

    def _ends(self, session: Session | None, order: Order, evidence: Evidence, now: float) -> bool:
        state = None if session is None else state_of(session, now)
        if state is None or is_over(order, state, now):
            return True
        reason = stop_of(state, order, evidence, now)
        if reason is None:
            return False
        if reason is not StopReason.MISSED:  # a miss is known from the session's row
            percent = self._usage.percent if self._usage is not None else None
            self._stopped[state.session.session_id] = Stop(now, reason, usage_percent=percent)
        log.info("no longer kept warm: %s: %s", state.session.session_id, reason)
        return True

    def _remember(self, report: ModReport) -> None:
        """Remember what the pings of the client's version did. A late miss says nothing about the client."""
        version = self._version_of(report) or UNKNOWN_VERSION
        for is_kept in (True, False):
            pings = (ping for ping in report.pings if ping.is_kept is is_kept and not ping.is_late)
            at = max((ping.at for ping in pings), default=None)
            if at is not None:
                self._versions.change(version, **{"kept_at" if is_kept else "missed_at": at})

    def _version_of(self, report: ModReport) -> str | None:
        return report.client_version or self._registry.version_of(report.pid)

    def _evidence_of(
        self,
        session: Session | None,
        order: Order | None,
        report: ModReport | None,
        records: dict[str, VersionRecord],
    ) -> Evidence:
        is_enabled = self._is_enabled() if report is None else None
        version = self._version_of(report) if report is not None else None
        if is_enabled and session is not None and session.process is not None:  # it may be too old
            version = self._registry.version_of(session.process.pid)
        record = records.get(version or UNKNOWN_VERSION, VersionRecord())
        return Evidence(
            self.limits,
            self._usage,
            order=order,
            report=report,
            client_version=version,
            distrusted_at=record.missed_at,
            plugin_enabled=is_enabled,
            is_trial=not any(r.kept_at or r.missed_at or r.trusted_at for r in records.values()),
        )

    def _is_enabled(self) -> bool | None:
        """Whether Claude Code's settings enable the plugin; read again only when they changed."""
        try:
            status = os.stat(self._paths.settings)
            mark: object = (status.st_mtime_ns, status.st_size)
        except OSError as error:
            mark = error.errno
        if self._settings[0] != mark:
            self._settings = mark, _enables_plugin(self._paths.settings)
        return self._settings[1]

    @property
    def known(self) -> tuple[object, ...]:
        """All that `keep_warm_of` depends on beside the sessions and the clock; equal as long as it is the same."""
        return self._no_evidence, self._evidence, self._no_ping_since, dict(self._stopped)

    def keep_warm_of(self, state: SessionState, now: float) -> KeepWarm:
        """Whether the session can be kept warm, and is, by the last `look`."""
        session = state.session
        evidence = self._evidence.get(session.session_id, self._no_evidence)
        ping_usd = None
        if self._read_price is not None and session.model is not None and session.context_tokens is not None:
            ping_usd = self._read_price(session.model, session.context_tokens)
        return keep_warm_of(
            state,
            evidence,
            now,
            ping_usd=ping_usd,
            stopped=self._stop_of(session, now),
            no_ping_since=self._no_ping_since.get(session.session_id),
        )

    def _stop_of(self, session: Session, now: float) -> Stop | None:
        """What ended keeping the session warm within the last hour."""
        stops = [self._stopped.get(session.session_id)]
        if session.missed_at is not None:
            request, usd = session.request, None
            if self._price is not None and session.model and session.missed_tokens is not None and request is not None:
                usd = self._price(session.model, request.ttl_seconds, session.missed_tokens)
            report = self._evidence.get(session.session_id, self._no_evidence).report
            pings = report.pings if report is not None else ()
            is_late = any(ping.is_late and ping.at == session.missed_at for ping in pings)
            stops.append(Stop(session.missed_at, StopReason.MISSED, session.missed_tokens, usd, is_late))
        recent = [stop for stop in stops if stop is not None and 0 <= now - stop.at < STOPPED_SECONDS]
        return max(recent, key=lambda stop: stop.at, default=None)

    def with_keep_warm(self, state: SessionState, now: float) -> SessionState:
        """The state with what `keep_warm_of` says."""
        return replace(state, keep_warm=self.keep_warm_of(state, now))

    def forget(self, session_id: str) -> None:
        """Remove the session's order and report. Raises OSError."""
        forget(self._paths, session_id)

    def sweep(self, now: float) -> None:
        """Remove reports that nobody needs any more. Raises nothing."""
        self._reports.sweep(now - REPORT_SECONDS)


def _enables_plugin(path: str) -> bool | None:
    """Whether a settings file enables our mod's plugin; None where that can't be read."""
    try:
        raw = read_regular(path)
        if PLUGIN.encode() not in raw:
            return False
        from claude_session_status.claude.setup import plugin  # noqa: PLC0415 - few users have it

        return plugin.enabled_in(raw.decode(), PLUGIN) is not None
    except FileNotFoundError:
        return False
    except (OSError, UnicodeError):
        return None


def place(
    paths: Paths, state: SessionState, limits: Limits, until: float, now: float, *, consents: bool = False
) -> tuple[str, ...]:
    """Keep the session warm until then (epoch seconds). `consents`: a person confirmed that it takes many pings.

    Returns sentences that say until when, what it costs, and what ends it sooner.

    Raises SessionStatusError with the reason where the session can't be kept warm, and OSError.
    """
    kept = state.keep_warm
    name = name_of(state.session)
    if kept is None:
        raise SessionStatusError(f"{name} can't be kept warm", "Try again in a moment")
    if kept.refusal is not None:
        raise SessionStatusError(f"{name} can't be kept warm: {kept.refusal.title}", kept.refusal.next_step)
    if until <= now:
        raise SessionStatusError(f"{name} can't be kept warm until a time that is over", "Choose a later time")
    if kept.needs_consent and not consents:
        raise SessionStatusError(
            f"{name} has a five-minute cache, which takes {kept.pings_an_hour} pings an hour", "Confirm that with --yes"
        )
    order = order_for(state.session, limits, now, until, consents=consents)
    Orders(paths.keep_warm).write(state.session.session_id, order)
    return placed_sentences(state, until, now)


def stop(paths: Paths, session_id: str) -> bool:
    """Take back the session's order; return whether there was one. Raises OSError."""
    return Orders(paths.keep_warm).remove(session_id)


def forget(paths: Paths, session_id: str) -> None:
    """Remove the session's order and report. Raises OSError."""
    if is_plain(session_id):
        Orders(paths.keep_warm).remove(session_id)
        ModReports(paths.mods).remove(session_id)


def forget_all(paths: Paths) -> bool:
    """Remove all orders, reports and what is known of versions; return whether there were any. Raises OSError."""
    found = False
    for folder in (paths.keep_warm, paths.mods):
        if os.path.islink(folder) or not os.path.isdir(folder):
            continue
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
        os.rmdir(folder)
        found = True
    try:
        os.unlink(paths.keep_warm_versions)
    except FileNotFoundError:
        return found
    return True
