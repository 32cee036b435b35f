"""Who may be kept warm, until when, what it costs and what ends it: tables of values and one moment."""

from datetime import datetime
from typing import Any

import pytest

from claude_session_status import (
    alerting,
    glance,
    keep_warm,
    keep_warm_words,
    menu_items,
    notification,
    policy,
    reducer,
    report,
    view,
)
from claude_session_status.keep_warm import Evidence, Limits, ModReport, ModState, Order, Ping, Usage
from claude_session_status.keep_warm_times import Choice
from claude_session_status.model import (
    AlertReason,
    Cache,
    Event,
    EventKind,
    KeepWarm,
    Process,
    Request,
    Session,
    SessionState,
    Snapshot,
    Source,
    Stop,
    StopReason,
    Turn,
    Urgency,
)
from claude_session_status.values import replace
from fakes import NOW
from rows import ENDED, make

ID = "0b7f3c52-6f0e-4d43-9d0a-2f1f6c1f5a11"
BIG: dict[str, Any] = {"project": "web-shop", "context_tokens": 142_000, "process": Process(7), "model": "m"}
REPORT = ModReport(ID, 7, NOW - 100, 3600, 142_000, "m", ModState.READY, client_version="2.1.332")
GOOD = Evidence(report=REPORT, client_version="2.1.332")
ORDER = Order(NOW - 60, NOW + 3600, 20, ttl_seconds=3600)


def session(age: float | None = 100, ttl: int = 3600, **fields: Any) -> Session:
    return make(ID, age, ttl, **BIG | fields)


def state(age: float | None = 100, ttl: int = 3600, evidence: Evidence = GOOD, **fields: Any) -> SessionState:
    """A session at NOW, with what it costs and whether it can be kept warm."""
    found = policy.state_of(session(age, ttl, **fields), NOW, lambda *_: 1.40)
    return replace(found, keep_warm=keep_warm.keep_warm_of(found, evidence, NOW, ping_usd=0.071))


def kept(of: SessionState) -> KeepWarm:
    assert of.keep_warm is not None
    return of.keep_warm


def reported(**fields: Any) -> Evidence:
    return replace(GOOD, report=replace(REPORT, **fields))


OLD_CLIENT = Evidence(plugin_enabled=True, client_version="2.1.251")
DISTRUSTED = replace(GOOD, distrusted_at=NOW - 9)
COMPACTING: dict[str, Any] = {"idle_compact_tokens": 100_000}
KEPT_ALIVE: dict[str, Any] = {
    "request": Request(NOW + 290 - 3600, 3600, Source.STATUS_LINE),
    "reported_at": NOW - 10,
    "response_at": NOW - 600,
}


@pytest.mark.parametrize(
    ("what", "fields", "evidence", "refusal"),
    [
        ("idle and warm", {}, GOOD, None),
        ("waits for permission", {"waiting_at": NOW - 5}, GOOD, None),
        ("the last ping read the cache", {}, reported(state=ModState.KEPT), None),
        ("the last ping failed and is tried again", {}, reported(state=ModState.FAILED, reason="api"), None),
        ("an order without consent", {}, reported(state=ModState.REFUSED, reason="five-minutes"), None),
        ("another machine", {"host": "build"}, GOOD, "it runs on build"),
        ("an id that is no plain name", {"session_id": "../x"}, GOOD, "its id is not a plain name"),
        ("ended", ENDED, GOOD, "it has ended"),
        ("nothing cached", {"age": None}, GOOD, "nothing is cached"),
        ("expired", {"age": 3700}, GOOD, "its cache has expired"),
        ("about to expire", {"age": 3595}, GOOD, "its cache has expired"),
        ("of unknown size", {"context_tokens": None}, GOOD, "its size is not known"),
        ("small", {"context_tokens": 59_999}, GOOD, "it has only 59k tokens"),
        ("works", {"prompted_at": NOW - 5}, GOOD, "it is working, which keeps it warm"),
        ("kept alive by the client", KEPT_ALIVE, GOOD, "Claude Code itself keeps it warm"),
        ("a late first report of the status line", KEPT_ALIVE | {"response_at": NOW - 3290}, GOOD, None),
        ("a report, and no response", KEPT_ALIVE | {"response_at": None}, GOOD, None),
        ("compacted soon", COMPACTING, GOOD, "Claude Code compacts it at"),
        ("no plugin", {}, Evidence(plugin_enabled=False), "it needs a plugin"),
        ("a plugin without a report", {}, Evidence(plugin_enabled=True), "its plugin has not reported yet"),
        ("an old client", {}, OLD_CLIENT, "Claude Code 2.1.251 can't load the plugin"),
        ("an old client, and no plugin", {}, replace(OLD_CLIENT, plugin_enabled=False), "it needs a plugin"),
        ("a report of an earlier client", {}, reported(pid=8), "its plugin has not reported yet"),
        ("a report of another session", {}, reported(session_id="t"), "its plugin has not reported yet"),
        ("two clients", {}, reported(pid=0), "another client may have it open"),
        ("a version that missed", {}, DISTRUSTED, "a ping of Claude Code 2.1.332 missed"),
        ("its ping missed", {}, reported(state=ModState.MISSED), "its last ping missed"),
        ("it came late", {}, reported(state=ModState.MISSED, reason="late"), "its last ping came after the expiry"),
        ("another model", {}, reported(state=ModState.REFUSED, reason="model-changed"), "another model was chosen"),
        ("sleep", {}, reported(state=ModState.EXPIRED, reason="slept"), "the machine slept when the ping was due"),
        ("a new reason", {}, reported(state=ModState.REFUSED, reason="so"), "the plugin sent no ping (so)"),
        ("usage at the limit", {}, replace(GOOD, usage=Usage(80)), None),
        ("usage above it", {}, replace(GOOD, usage=Usage(81)), "81 % of your five-hour usage is spent"),
    ],
)
def test_who_can_be_kept_warm(what: str, fields: dict[str, Any], evidence: Evidence, refusal: str | None) -> None:
    found = kept(state(evidence=evidence, **fields)).refusal
    assert (found is None) == (refusal is None), (what, found)
    if found is not None and refusal is not None:
        assert found.title.startswith(refusal), what
        assert found.next_step, what


def test_a_refusal_without_the_plugin_names_the_command_that_installs_it() -> None:
    refusal = kept(state(evidence=Evidence(plugin_enabled=False))).refusal
    assert refusal is not None
    assert "claude plugin install prompt-cache-keep-warm@prompt-cache-tools" in refusal.next_step


@pytest.mark.parametrize(
    ("version", "is_too_old"),
    [
        *(("2.1.286", True), ("2.0.999", True), ("1.9", True), ("2.1.287", False), ("2.1.290", False), ("2.2", False)),
        *((text, False) for text in ("3.0.0", "", "2.1.286-beta", "unknown")),
    ],
)
def test_a_client_that_can_not_load_the_plugin_is_known_by_its_version(version: str, is_too_old: bool) -> None:
    assert keep_warm.is_too_old(version) == is_too_old


@pytest.mark.parametrize(
    ("ttl", "pings", "price", "most_minutes", "consent"),
    [
        (3600, 1, "about $0.07 an hour in place of $1.40", 20 * 57 + 60, False),
        (300, 15, "about $1.06 an hour in place of $1.40", 85, True),
    ],
)
def test_the_price_is_shown_beforehand(ttl: int, pings: int, price: str, most_minutes: int, consent: bool) -> None:
    fresh = state(0, ttl)
    assert (kept(fresh).pings_an_hour, kept(fresh).needs_consent) == (pings, consent)
    assert keep_warm_words.price_line(fresh) == price
    assert kept(fresh).ends_at == NOW + most_minutes * 60


@pytest.mark.parametrize(
    ("what", "order", "evidence", "age", "expected"),
    [
        ("three minutes before the end of an hour", ORDER, GOOD, 100, NOW - 100 + 3420),
        ("due now", ORDER, GOOD, 3560, NOW),
        ("no order", None, GOOD, 100, None),
        ("the order ends before", replace(ORDER, until=NOW + 600), GOOD, 100, None),
        ("an order of yesterday", replace(ORDER, at=NOW - 90_000), GOOD, 100, None),
        ("the most pings were sent", ORDER, reported(in_a_row=20), 100, None),
        ("the ping missed", ORDER, reported(state=ModState.MISSED), 100, None),
        ("no live report", ORDER, reported(pid=8), 100, None),
    ],
)
def test_when_the_next_ping_comes(
    what: str, order: Order | None, evidence: Evidence, age: float, expected: float | None
) -> None:
    assert kept(state(age, evidence=replace(evidence, order=order))).next_ping_at == expected, what


def test_a_five_minute_cache_is_pinged_only_with_consent_and_a_minute_before_its_end() -> None:
    for order, at in ((ORDER, None), (replace(ORDER, allow_five_minutes=True), NOW - 100 + 240)):
        assert kept(state(100, 300, replace(GOOD, order=order))).next_ping_at == at


PING = Ping(NOW - 50, 3600, "m", 141_000, 200, 5, is_kept=True)
MISS = replace(PING, at=NOW - 20, read=0, written=142_000, is_kept=False)


@pytest.mark.parametrize(
    ("what", "fields", "evidence", "reason"),
    [
        ("nothing happened", {}, GOOD, None),
        ("a miss since", {}, reported(state=ModState.MISSED, pings=(MISS,)), StopReason.MISSED),
        ("a miss, and a turn after it", {}, reported(pings=(MISS,)), StopReason.MISSED),
        ("a late miss", {}, reported(pings=(replace(MISS, is_late=True),)), StopReason.MISSED),
        ("a miss before the order", {}, reported(pings=(replace(MISS, at=NOW - 61),)), None),
        ("a miss of this version in another session", {}, DISTRUSTED, StopReason.DISTRUSTED),
        ("usage", {}, replace(GOOD, usage=Usage(81)), StopReason.USAGE),
        ("the client's own keep-alive", KEPT_ALIVE, GOOD, StopReason.KEPT_ALIVE),
        ("it grew into idle compaction", COMPACTING, GOOD, StopReason.COMPACTION),
        ("its cache lasts five minutes by now", {"ttl": 300}, GOOD, StopReason.SHORTER),
        ("five minutes are our default", {"request": Request(NOW - 9, 300, Source.HOOK)}, GOOD, None),
    ],
)
def test_what_takes_an_order_back(
    what: str, fields: dict[str, Any], evidence: Evidence, reason: StopReason | None
) -> None:
    assert keep_warm.stop_of(state(**fields), ORDER, evidence, NOW) == reason, what


def test_an_order_names_the_ttl_where_the_client_has_named_it() -> None:
    for source, ttl in ((Source.TRANSCRIPT, 3600), (Source.STATUS_LINE, 3600), (Source.MOD, 3600), (Source.HOOK, None)):
        row = session(request=Request(NOW - 100, 3600, source))
        assert keep_warm.order_for(row, Limits(), NOW, NOW + 9, consents=False).ttl_seconds == ttl


def test_consent_to_five_minutes_holds_when_the_cache_becomes_one_of_five_minutes() -> None:
    order = replace(ORDER, allow_five_minutes=True)
    assert keep_warm.stop_of(state(100, 300), order, GOOD, NOW) is None


def test_an_order_ends_with_its_time_and_with_its_session() -> None:
    assert not keep_warm.is_over(ORDER, state(), NOW)
    assert keep_warm.is_over(ORDER, state(), NOW + 3600)
    assert keep_warm.is_over(ORDER, None, NOW)
    assert keep_warm.is_over(ORDER, state(**ENDED), NOW)


def test_the_newest_report_of_usage_counts_for_the_whole_account() -> None:
    old = session(usage_percent=90, usage_at=NOW - 60)
    new = session(usage_percent=20, usage_at=NOW - 5, usage_resets_at=NOW + 60)
    assert keep_warm.usage_of([old, new], NOW) == Usage(20, NOW + 60)
    assert keep_warm.usage_of([old, new], NOW + 61) is None, "the window has ended"
    assert keep_warm.usage_of([session()], NOW) is None


# ---- what pings change --------------------------------------------------------


def apply(row: Session, *events: Event) -> Session:
    for event in events:
        row = reducer.apply(row, event, NOW)
    return row


def events(*pings: Ping, row: Session | None = None) -> tuple[Event, ...]:
    return keep_warm.events_of(row or session(), replace(REPORT, pings=pings), NOW)


def test_a_ping_that_read_the_cache_moves_the_expiry_in_any_order_and_once() -> None:
    row = session(3000)
    later = replace(PING, at=NOW - 10)
    after = apply(row, *events(PING, later))
    assert after.request == Request(NOW - 10, 3600, Source.MOD)
    assert (after.kept_at, after.kept_tokens) == (NOW - 10, 141_000)
    assert events(PING, later, row=after) == ()
    assert apply(after, *events(PING)) == after, "an older ping changes nothing"
    assert after.last_event_at == row.last_event_at, "it is no sign of life"


def test_a_ping_that_missed_moves_nothing() -> None:
    row = session(3000)
    after = apply(row, *events(MISS))
    assert after.request == row.request
    assert (after.missed_at, after.missed_tokens) == (NOW - 20, 142_000)
    assert events(MISS, row=after) == ()


def test_of_ping_and_status_line_the_shorter_countdown_counts() -> None:
    line = Event(EventKind.STATUS_LINE, ID, NOW - 5, expires_at=float(int(NOW) - 50 + 3600), ttl_seconds=3600)
    ping = replace(PING, at=int(NOW) - 50 + 0.4)
    for order in ((line, *events(ping)), (*events(ping), line)):
        request = apply(session(3000), *order).request
        assert request is not None
        assert request.expires_at == pytest.approx(int(NOW) - 50 + 3600, abs=0.01)
        assert request.source is Source.STATUS_LINE


def test_a_ping_of_tomorrow_and_one_from_before_it_was_forgotten_do_not_count() -> None:
    assert events(replace(PING, at=NOW + 60)) == ()
    assert events(PING, row=session(forgotten_at=NOW - 40)) == ()


def test_a_ping_does_not_postpone_idle_compaction() -> None:
    ended: dict[str, Any] = {"last_turn_at": NOW - 2995, "response_at": NOW - 3000, "transcript_turn": Turn.OVER}
    row = apply(session(3001, **COMPACTING, **ended), *events(PING))
    assert policy.state_of(row, NOW).compacts_at == pytest.approx(NOW - 3000 + 3240, abs=2)


# ---- alerts and icon ----------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "evidence", "age", "is_due"),
    [
        ("five minutes before the expiry", GOOD, 3300, True),
        ("a ping will come", replace(GOOD, order=ORDER), 3300, False),
        ("it is due", replace(GOOD, order=ORDER), 3420, False),
        ("it may still come", replace(GOOD, order=ORDER), 3569, False),
        ("it did not come", replace(GOOD, order=ORDER), 3570, True),
        ("it failed", replace(reported(state=ModState.FAILED), order=ORDER), 3300, True),
        ("it failed, and the 300 s alert is over", replace(reported(state=ModState.FAILED), order=ORDER), 3570, True),
    ],
)
def test_a_cache_that_a_ping_will_renew_is_not_announced(
    what: str, evidence: Evidence, age: float, is_due: bool
) -> None:
    assert bool(alerting.due_alerts([state(age, evidence=evidence)], None, NOW)) == is_due, what


def test_a_cache_that_a_ping_will_renew_does_not_make_the_icon_urgent() -> None:
    for order, urgency in ((None, Urgency.SOON), (ORDER, Urgency.CALM)):
        shot = Snapshot(NOW, (state(3300, evidence=replace(GOOD, order=order)),))
        assert glance.icon(shot).urgency is urgency


def stopped(
    reason: StopReason = StopReason.MISSED, *, distrusted: bool = True, late: bool = False, **fields: Any
) -> SessionState:
    found = state(**fields)
    stop = Stop(NOW - 1, reason, 142_000, 0.71, is_late=late, usage_percent=83)
    return replace(
        found, keep_warm=replace(kept(found), stopped=stop, client_version="2.1.332", is_distrusted=distrusted)
    )


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (StopReason.MISSED, "The ping missed and wrote 142k tokens, about $0.71."),
        (StopReason.USAGE, "83 % of your five-hour usage is spent."),
        (StopReason.KEPT_ALIVE, "Claude Code itself keeps it warm."),
        (StopReason.COMPACTION, "Claude Code compacts it soon."),
        (StopReason.SHORTER, "Its cache now lasts five minutes"),
        (StopReason.DISTRUSTED, "A ping of this version of Claude Code missed in another session."),
    ],
)
def test_a_stop_is_notified_once_with_what_it_cost(reason: StopReason, text: str) -> None:
    (alert,) = alerting.due_alerts([stopped(reason)], None, NOW)
    assert alert.reason is AlertReason.STOPPED
    content = notification.of_alerts(alert)
    assert content.title == "web-shop: keep warm has stopped"
    assert content.body.startswith(text)
    assert ("--trust 2.1.332" in content.body) == (reason is StopReason.MISSED)
    row = alert.state.session
    for event in alerting.alerted_events(alert, None, NOW):
        row = reducer.apply(row, event, NOW)
    assert alerting.due_alerts([replace(alert.state, session=row)], None, NOW + 30) == ()


@pytest.mark.parametrize(
    ("reason", "age", "is_named"),
    [
        (StopReason.MISSED, 3425, True),
        (StopReason.USAGE, 3425, True),
        (StopReason.KEPT_ALIVE, 3425, False),
        (StopReason.COMPACTION, 3425, False),
        (StopReason.MISSED, 3605, False),
    ],
)
def test_a_stop_names_the_expiry_of_a_cache_that_nothing_renews(reason: StopReason, age: float, is_named: bool) -> None:
    (alert,) = alerting.due_alerts([stopped(reason, age=age)], (300,), NOW)
    body = notification.of_alerts(alert).body
    assert ("Unless you reply, the cache expires at " in body) == is_named
    assert len(body) < notification.BODY_LIMIT
    done = {event.lead_seconds for event in alerting.alerted_events(alert, (300, 30), NOW)}
    assert done == ({alerting.STOP_LEAD, 300} if is_named else {alerting.STOP_LEAD})


def test_a_stop_during_a_turn_does_not_name_the_expiry() -> None:
    (alert,) = alerting.due_alerts([stopped(StopReason.USAGE, age=3425, prompted_at=NOW - 1)], (300,), NOW)
    assert "expires" not in notification.of_alerts(alert).body


@pytest.mark.parametrize("distrusted", [False, True])
def test_the_notification_of_a_miss_says_how_to_go_on(distrusted: bool) -> None:
    (alert,) = alerting.due_alerts([stopped(distrusted=distrusted)], None, NOW)
    body = notification.of_alerts(alert).body
    assert ("send a message and ask once more" in body) != distrusted
    assert ("claude-session-status keep-warm --trust 2.1.332" in body) == distrusted
    assert len(body) < 170, "six lines of a narrow notification"


def test_a_late_miss_is_named_as_such() -> None:
    (alert,) = alerting.due_alerts([stopped(late=True, age=3700)], None, NOW)
    body = notification.of_alerts(alert).body
    assert body.startswith("The ping came after the expiry and wrote 142k tokens, about $0.71.")


def test_a_muted_session_stops_silently() -> None:
    assert alerting.due_alerts([stopped(muted=True)], None, NOW) == ()


# ---- the menu -----------------------------------------------------------------


def item(of: SessionState) -> menu_items.MenuItem:
    """The line of the session's submenu that keeps it warm."""
    (line,) = [each for each in view.menu(Snapshot(NOW, (of,))) if each.key == f"session:{of.session.session_id}"]
    (found,) = [each for each in line.children if each.key.endswith(":keep")]
    return found


def labels(of: SessionState) -> list[str]:
    return [each.label for each in item(of).children]


def test_the_menu_says_the_price_before_it_offers_the_choices() -> None:
    found = item(state())
    assert found.label == "Keep warm: about $0.07 an hour in place of $1.40"
    assert [each.label for each in found.children][:2] == ["for 1 hour", "for 3 hours"]
    assert found.children[0].action == menu_items.KeepSessionWarm(ID, Choice.HOUR)


def test_the_menu_asks_once_more_for_a_five_minute_cache() -> None:
    first = item(state(0, 300)).children[0]
    assert (first.label, first.action) == ("for 1 hour", None)
    (many,) = first.children
    assert many.label == "15 pings an hour, about $1.06 an hour in place of $1.40: keep it warm"
    assert many.action == menu_items.KeepSessionWarm(ID, Choice.HOUR, consents=True)
    assert any("20 pings in a row" in label for label in labels(state(0, 300)))


def test_the_menu_says_why_a_session_does_not_qualify_and_what_is_needed() -> None:
    found = item(state(evidence=Evidence(plugin_enabled=False)))
    assert found.label == "Keep warm: it needs a plugin"
    assert [each.action for each in found.children] == [None]
    assert "claude plugin install" in found.children[0].label


def test_the_menu_shows_until_when_a_session_is_kept_warm_and_the_last_ping() -> None:
    row = apply(session(3000), *events(PING))
    found = policy.state_of(row, NOW)
    found = replace(found, keep_warm=keep_warm.keep_warm_of(found, replace(GOOD, order=ORDER), NOW))
    until, at = (datetime.fromtimestamp(t).strftime("%H:%M") for t in (NOW + 3600, NOW - 50))  # noqa: DTZ006
    assert item(found).label == f"Kept warm until {until} · kept {at}, read 141k"
    assert labels(found)[-1] == "off"


def test_the_first_ping_of_an_installation_is_announced_as_a_trial() -> None:
    assert any("trial" in label for label in labels(state(evidence=replace(GOOD, is_trial=True))))
    assert not any("trial" in label for label in labels(state()))
    trial = state(evidence=replace(GOOD, is_trial=True))
    assert any("trial" in line for line in keep_warm_words.placed_sentences(trial, NOW + 3600, NOW))


def test_what_was_placed_says_when_it_ends_sooner() -> None:
    _, first, end = keep_warm_words.placed_sentences(state(0, 300), NOW + 3 * 3600, NOW)
    assert "20 pings, about $1.06 an hour" in first
    assert "after 20 pings in a row" in end


def test_the_menu_says_for_an_hour_what_stopped_it() -> None:
    assert "stopped: the ping missed and wrote 142k tokens, about $0.71" in item(stopped()).label


def test_a_price_that_is_not_known_is_not_made_up() -> None:
    found = policy.state_of(session(), NOW)
    found = replace(found, keep_warm=keep_warm.keep_warm_of(found, GOOD, NOW))
    assert item(found).label == "Keep warm: 1 ping an hour"
    assert found.cache is Cache.WARM
    assert Limits() == kept_limits()


def kept_limits() -> Limits:
    """The limits of the default settings."""
    from claude_session_status.config import Config

    settings = Config()
    return Limits(settings.keep_warm_min_tokens, settings.keep_warm_max_pings, settings.keep_warm_max_usage)


def test_the_table_shows_which_caches_a_ping_will_renew() -> None:
    for evidence, label in (
        (GOOD, "WARM"),
        (replace(GOOD, order=ORDER), "KEPT"),
        (replace(reported(in_a_row=20), order=ORDER), "WARM"),
    ):
        shot = Snapshot(NOW, (state(evidence=evidence),))
        (row,) = report.rows(shot, report.columns(80))
        assert row.cache.startswith(f"{label} █"), label
