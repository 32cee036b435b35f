"""Icon, tooltip and menu, as data."""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from claude_session_status import alerting, glance, menu_items, notification, policy, report, text_width, view, words
from claude_session_status.model import Alert, Process, Session, SessionState, Snapshot, Turn, Urgency
from fakes import NOW
from rows import ENDED, is_harmless_line, make, shot

WIDE = report.columns(200)

SPACE = words.FIGURE_SPACE
NEVER = words.NO_COUNTDOWN
COMMANDS = ["Pause notifications", "Show table in a terminal", "About", "Quit"]


def line(menu: Iterable[menu_items.MenuItem], key: str) -> menu_items.MenuItem:
    """The item with this key, wherever it stands."""
    found = [item for item in walk(menu) if item.key == key]
    assert len(found) == 1, key
    return found[0]


def sessions_of(menu: Iterable[menu_items.MenuItem]) -> list[menu_items.MenuItem]:
    return [item for item in menu if item.key.startswith("session:")]


def walk(items: Iterable[menu_items.MenuItem]) -> Iterator[menu_items.MenuItem]:
    for item in items:
        yield item
        yield from walk(item.children)


def test_the_menu_lists_running_sessions_soonest_first_and_the_commands() -> None:
    menu = view.menu(shot(make("slow", 10), make("next", 200, title="Fix it"), make("gone", **ENDED), make("old", 500)))
    assert [item.label for item in menu] == [
        f"{SPACE}1:40 ● next · Fix it",
        f"{SPACE}4:50 ● slow",
        f"{NEVER} ○ old   expired 3m 20s ago",
        "",
        *COMMANDS,
    ]
    assert [item.key for item in sessions_of(menu)] == ["session:next", "session:slow", "session:old"]
    assert menu[0].gone_label == f"{NEVER} × next · Fix it   ended"


def test_the_submenu_of_a_session_lists_facts_and_actions() -> None:
    known = make(
        "a",
        100,
        title="Fix it",
        cwd="/home/me/a",
        model="claude-opus-5-5",
        context_tokens=142_000,
        last_turn_at=NOW - 90,
        muted=True,
    )
    priced = policy.snapshot([known], NOW, price=lambda model, ttl, tokens: 0.7146)
    (first, *_) = view.menu(priced)
    assert first.label == f"{SPACE}3:20 ● a · Fix it   muted"
    at = [words.moment(NOW - 90, NOW), words.moment(NOW + 200, NOW)]
    assert [(i.label, i.action, i.checked) for i in first.children] == [
        ("Copy resume command", menu_items.CopyResumeCommand("a", "/home/me/a"), None),
        ("Open folder", menu_items.OpenFolder("/home/me/a"), None),
        ("Mute this session", menu_items.MuteSessions(("a",), muted=False), True),
        ("", None, None),
        ("● Idle, the cache is warm", None, None),
        ("Title: Fix it", None, None),
        ("Folder: /home/me/a", None, None),
        ("Session: a", None, None),
        ("Model: claude-opus-5-5", None, None),
        ("Context: 142k tokens", None, None),
        ("If it expires: about $0.71 to rebuild", None, None),
        (f"Last turn: {at[0]}", None, None),
        (f"Expires: {at[1]}", None, None),
        ("", None, None),
        ("Forget this session", menu_items.ForgetSession("a"), None),
    ]


@pytest.mark.parametrize(
    ("process", "entrypoint", "has_line"),
    [
        (Process(7), "cli", True),
        (Process(7), None, True),
        (Process(7), "claude-vscode", True),
        (Process(7), "sdk-cli", False),
        (Process(7), "sdk-ts", False),
        (Process(7), "mcp", False),
        (None, "cli", False),
    ],
)
def test_going_to_a_session_comes_first_in_its_submenu_where_it_has_a_terminal(
    process: Process | None, entrypoint: str | None, has_line: bool
) -> None:
    (first, *_) = view.menu(shot(make("a", 100, process=process, entrypoint=entrypoint)))
    line = menu_items.MenuItem("session:a:go", "Go to session", menu_items.GoToSession("a"))
    assert (first.children[0] == line) == has_line
    assert [item.key for item in first.children].count("session:a:go") == has_line


def test_only_an_action_that_shows_a_window_takes_the_permission_to_do_so() -> None:
    assert menu_items.with_activation_token(menu_items.GoToSession("a"), "token") == menu_items.GoToSession(
        "a", "token"
    )
    assert menu_items.with_activation_token(menu_items.GoToSession("a"), None) == menu_items.GoToSession("a")
    assert menu_items.with_activation_token(menu_items.ForgetSession("a"), "token") == menu_items.ForgetSession("a")


def test_the_menu_says_when_the_client_compacts_a_session_and_that_it_has() -> None:
    large = make("a", 400, 3600, context_tokens=214_000, idle_compact_tokens=200_000)
    at = words.clock(NOW - 400 + 3240)[:5]
    (idle, *_) = view.menu(shot(large))
    assert line([idle], "session:a:expires").label == f"Expires: {words.moment(NOW + 3200, NOW)}; compacts at {at}"
    compacted = replace(large, uncached_at=NOW - 10, compacted_at=NOW - 10)
    (idle, *_) = view.menu(shot(compacted))
    assert idle.label == f"{NEVER} ○ a   compacted"
    assert line([idle], "session:a:expires").label == "Expires: compacted, nothing cached"


def test_a_session_without_known_facts_has_the_same_items() -> None:
    known, unknown = (view.menu(shot(s))[0] for s in (make("a", cwd="/a", model="m"), make("a", None)))
    assert [i.key for i in known.children] == [i.key for i in unknown.children]
    assert [i.label for i in unknown.children][4:13] == [
        "○ Idle, nothing is cached",
        "Title: none yet",
        "Folder: unknown",
        "Session: a",
        "Model: unknown",
        "Context: unknown",
        "If it expires: cost unknown",
        "Last turn: none yet",
        "Expires: nothing cached",
    ]
    assert not line([unknown], "session:a:folder").enabled


@given(st.lists(st.sampled_from([10.0, 100, 290, 400]), min_size=1, max_size=20))
def test_keys_are_unique_and_no_item_changes_its_kind(ages: list[float]) -> None:
    sessions = [make(f"s{n}", age) for n, age in enumerate(ages)]
    kinds: dict[str, object] = {}
    for later in (0, 100, 1000):
        menu = view.menu(policy.snapshot(sessions, NOW + later), view.Capabilities(False, True, True))
        keys = [item.key for item in walk(menu)]
        assert len(keys) == len(set(keys))
        for item in walk(menu):
            kind = (item.separator, bool(item.children))
            assert kinds.setdefault(item.key, kind) == kind


@given(
    st.lists(st.tuples(st.sampled_from([10.0, 100, 200, 290, 400]), st.booleans()), max_size=40),
    st.floats(0, 9, allow_nan=False),
)
def test_a_menu_that_only_counts_is_the_menu_of_that_moment(given: list[tuple[float, bool]], passed: float) -> None:
    sessions = [make(f"s{n}", age, muted=muted, title="Fix it") for n, (age, muted) in enumerate(given)]
    at_noon = NOW - NOW % 60
    before, after = (policy.snapshot(sessions, at_noon + seconds) for seconds in (0.5, 0.5 + passed))
    facts = [[(s.cache, s.urgency, s.activity) for s in each.sessions] for each in (before, after)]
    assume(facts[0] == facts[1])
    assert view.recounted(view.menu(before), after) == view.menu(after)


def test_a_session_that_can_not_be_shown_keeps_its_line_while_the_others_count() -> None:
    sessions = [make("a", 100), make("b", 100, last_turn_at=math.inf), make("c", 100, title=5)]
    before, after = (policy.snapshot(sessions, NOW + seconds) for seconds in (0, 7))
    assert view.recounted(view.menu(before), after) == view.menu(after)


ONE, TWO = "0b7f3c52-6f0e-4d43-9d0a-2f1f6c1f5a11", "9e1d0c44-52c3-4a39-8a57-0f3f2b1c7d21"


def test_two_sessions_in_one_folder_show_their_ids_until_they_have_different_titles() -> None:
    twins = [make(ONE, 100, project="tmp"), make(TWO, 50, project="tmp"), make("other", 20)]
    menu = view.menu(shot(*twins))
    assert [item.label for item in sessions_of(menu)] == [
        f"{SPACE}3:20 ● tmp 0b7f3c52",
        f"{SPACE}4:10 ● tmp 9e1d0c44",
        f"{SPACE}4:40 ● other",
    ]
    assert menu[0].gone_label == f"{NEVER} × tmp 0b7f3c52   ended"
    assert line(menu, f"session:{ONE}:id").label == "Session: 0b7f3c52"
    assert report.waybar(shot(*twins))["tooltip"].splitlines()[:2] == [item.label for item in menu[:2]]
    titled = [replace(twins[0], title="Fix it"), replace(twins[1], title="Test it")]
    named = view.menu(shot(*titled))
    assert [item.label for item in named[:2]] == [f"{SPACE}3:20 ● tmp · Fix it", f"{SPACE}4:10 ● tmp · Test it"]
    assert [item.key for item in walk(named[:2])] == [item.key for item in walk(menu[:2])]
    same = view.menu(shot(*(replace(s, title="Fix it") for s in twins)))
    assert same[0].label == f"{SPACE}3:20 ● tmp 0b7f3c52 · Fix it"


@pytest.mark.parametrize(
    ("second", "name"),
    [
        (make(TWO, 50, project="tmp"), "tmp 0b7f3c52"),
        (make(TWO, 50, project="tmp", title="Test it"), "tmp 0b7f3c52"),  # a bar has no room for titles
        (make(TWO, 50, project="tmp", **ENDED), "tmp"),
        (make(TWO, 400, project="tmp"), "tmp"),  # expired: it can't be meant
        (make(TWO, 50, project="other"), "tmp"),
    ],
)
def test_the_next_session_is_named_unambiguously(second: Session, name: str) -> None:
    both = shot(make(ONE, 100, project="tmp"), second)
    assert report.short(both).endswith(f" warm, next 3:20 {name}")
    assert f", next: {name} at " in glance.tooltip(both)


@pytest.mark.parametrize("crafted", ["\x1b]0;x\a\n", "<b>&amp;</b>", "#{x}%{F#f00}", "\u202e\u2066ab", "  ", "a_b__c"])
def test_a_crafted_id_does_no_harm(crafted: str) -> None:
    twins = shot(make(crafted + "1", 100, project="tmp"), make(crafted + "2", 50, project="tmp"))
    texts = [text for item in walk(view.menu(twins)) for text in (item.label, item.gone_label or "")]
    texts += [glance.tooltip(twins), notification.of_alerts(Alert(twins.sessions[0], 30), among=twins.sessions).title]
    texts += [report.short(twins)]
    assert all(map(is_harmless_line, texts))
    assert not re.search(r"[%#][{[(]", report.short(twins))
    assert "<" not in report.waybar(twins)["tooltip"]
    assert len(glance.tooltip(twins)) <= 128


def test_a_failed_click_is_at_the_top_with_its_next_step_in_a_second_line() -> None:
    advice = "Set TERMINAL to your terminal program, or run: claude-session-status watch"
    problem = view.ClickProblem("No terminal program was found", advice)
    menu = view.menu(replace(shot(make("a")), problem="The database is locked"), clicks=view.RecentClicks(problem))
    assert [(item.key, item.label, item.action) for item in menu[:3]] == [
        ("click-problem", "No terminal program was found", None),
        ("click-problem:step", advice, None),
        ("problem", "The database is locked", None),
    ]
    assert [item.key for item in view.menu(shot(make("a")), clicks=view.RecentClicks(view.ClickProblem("Full")))][
        :2
    ] == [
        "click-problem",
        "session:a",
    ]


def test_a_long_error_keeps_its_beginning_and_is_one_harmless_line() -> None:
    problem = view.ClickProblem("The folder /home\n\x1b[31m" + "x" * 300, "Look " * 90)
    for item in view.menu(shot(make("a")), clicks=view.RecentClicks(problem))[:2]:
        assert len(item.label) <= 120
        assert item.label.isprintable()
        assert re.match(r"(The folder /home  \[31mx+|Look .*Look)…$", item.label)


def test_a_time_on_another_day_shows_the_day() -> None:
    midnight = datetime.fromtimestamp(NOW).replace(hour=0, minute=0, second=0).timestamp()  # noqa: DTZ006  # local
    day = datetime.fromtimestamp(midnight - 1).strftime("%a")  # noqa: DTZ006  # local
    assert words.moment(midnight, NOW) == "00:00:00"
    assert words.moment(midnight - 1, NOW) == f"{day} 23:59:59"
    assert words.moment(midnight, midnight - 1).endswith(" 00:00:00"), "tomorrow's, too"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", words.moment(NOW - 8 * 86400, NOW))
    assert words.moment(None, NOW) == ""
    (old, *_) = view.menu(shot(make("a", 86400 - 600, last_turn_at=NOW - 86400 + 700)))
    labels = [item.label for item in old.children]
    assert f"Last turn: {words.moment(NOW - 86400 + 700, NOW)}" in labels
    assert f"Expired: {words.moment(NOW - 86400 + 900, NOW)}" in labels
    assert [label for label in labels if re.match(r"(Last turn|Expired): [A-Z][a-z]{2} \d\d:", label)] == labels[11:13]


def test_a_long_menu_keeps_the_most_urgent_and_puts_the_rest_under_more() -> None:
    menu = view.menu(shot(*(make(f"s{n:02}", 10 + n) for n in range(20))))
    assert [item.label.split()[2] for item in menu[:12]] == [f"s{n:02}" for n in range(19, 7, -1)]
    assert menu[12].label == "More (8)"
    assert len(menu[12].children) == 8


@pytest.mark.parametrize(
    ("paused_until", "label", "tip"),
    [
        (None, "Quiet until 09:00: no notifications", "Claude Code: no warm cache; quiet until 09:00"),
        (NOW + 60, "Notifications paused until 08:41", "Claude Code: no warm cache; notifications paused"),
    ],
)
def test_menu_and_tooltip_say_until_when_it_is_quiet(paused_until: float | None, label: str, tip: str) -> None:
    quiet = policy.snapshot([], NOW, paused_until=paused_until, quiet_until=NOW + 1200)
    assert line(view.menu(quiet), "pause").label == label
    assert glance.tooltip(quiet) == tip


@pytest.mark.parametrize(
    ("paused_for", "label", "checked"),
    [
        (None, "Pause notifications", "off"),
        (3600.0, "Notifications paused until", "hour"),
        ("tomorrow", "Notifications paused until", "tomorrow"),
        (-5.0, "Pause notifications", "off"),
        (1e6, "Pause notifications", "off"),  # a clock was set back: nobody asks for a pause of eleven days
    ],
)
def test_the_pause_is_in_the_menu(paused_for: Any, label: str, checked: str) -> None:
    until = alerting.next_morning(NOW) if paused_for == "tomorrow" else paused_for and NOW + paused_for
    menu = view.menu(policy.snapshot([], NOW, paused_until=until))
    assert line(menu, "pause").label.startswith(label)
    assert [item.key for item in line(menu, "pause").children if item.checked] == [f"pause:{checked}"]


@pytest.mark.parametrize(
    ("capabilities", "session", "first"),
    [
        (view.Capabilities(), None, words.NO_SESSIONS),
        (view.Capabilities(hooks_installed=True), None, words.NO_SESSIONS),
        (view.Capabilities(hooks_installed=False), None, "Set up Claude Code hooks…"),
        (view.Capabilities(hooks_installed=False), make("a", last_event_at=None), "Set up Claude Code hooks…"),
        (view.Capabilities(hooks_installed=False), make("a"), f"{SPACE}3:20 ● a"),  # hooks of a plugin have spoken
    ],
)
def test_the_first_item_sets_up_missing_hooks(
    capabilities: view.Capabilities, session: Session | None, first: str
) -> None:
    assert view.menu(shot(*filter(None, [session])), capabilities)[0].label == first


def test_of_two_that_expire_in_the_same_second_the_more_expensive_comes_first() -> None:
    cheap, dear = make("a", 100.4, model="m", context_tokens=1), make("b", 100.2, model="m", context_tokens=9)
    priced = policy.snapshot([cheap, dear], NOW, price=lambda model, ttl, tokens: float(tokens))
    assert [s.session.session_id for s in priced.sessions] == ["b", "a"]


def test_an_empty_menu_says_what_to_do() -> None:
    assert view.menu(Snapshot(NOW))[0].label == words.NO_SESSIONS


@pytest.mark.parametrize(
    ("sessions", "spec"),
    [
        ([], glance.IconSpec()),
        ([make("a", 400), make("b", None)], glance.IconSpec()),
        ([make("a", 0)], glance.IconSpec(Urgency.CALM, 24)),
        ([make("a", 0), make("b", 200)], glance.IconSpec(Urgency.SOON, 8)),
        ([make("a", 299.9)], glance.IconSpec(Urgency.LAST, 1)),
        ([make("a", 290, **ENDED), make("b", 150)], glance.IconSpec(Urgency.CALM, 12)),
        ([make("a", 0, waiting_at=NOW)], glance.IconSpec(Urgency.CALM, 24, waiting=True)),
    ],
)
def test_the_icon_shows_the_session_that_expires_first(sessions: list[Session], spec: glance.IconSpec) -> None:
    assert glance.icon(shot(*sessions)) == spec


def test_each_state_has_its_own_sign() -> None:
    states = shot(
        make("idle", 1),
        make("working", 2, transcript_at=NOW, transcript_turn=Turn.TOOL),
        make("waiting", 3, waiting_at=NOW),
        make("expired", 400),
        make("ended", **ENDED),
    )
    assert {s.session.session_id: words.state_sign(s) for s in states.sessions} == {
        "idle": "●",
        "working": "▶",
        "waiting": "?",
        "expired": "○",
        "ended": "×",
    }


def test_the_tooltip_shows_the_total_cost_and_fits() -> None:
    known = [make("x" * 90, 10 + n, context_tokens=100, model="m") for n in range(3)]
    priced = policy.snapshot(known, NOW, price=lambda model, ttl, tokens: 0.714)
    text = glance.tooltip(priced)
    assert text.startswith("Claude Code: 3 warm, next: ")
    assert text.endswith("; re-caching all costs about $2.14")
    paused = policy.snapshot(known, NOW, price=lambda model, ttl, tokens: 9999.0, paused_until=NOW + 9)
    assert len(glance.tooltip(paused)) <= 128
    assert glance.tooltip(policy.snapshot([], NOW, paused_until=NOW + 9)).endswith("; notifications paused")


@pytest.mark.parametrize("name", ["../../x", "a\nb", "\x1b[31mred", "<b>&amp;", "under_score", "Мой проект", "", " "])
def test_a_crafted_name_is_one_harmless_line_everywhere(name: str) -> None:
    hostile = shot(make(name, 270, cwd=name, title=name))
    texts = [text for item in walk(view.menu(hostile)) for text in (item.label, item.gone_label or "")]
    texts += [glance.tooltip(hostile), notification.of_alerts(Alert(hostile.sessions[0], 30)).title]
    texts += [text for row in report.rows(hostile, WIDE) for text in (row.session, row.project, row.title)]
    assert all(map(is_harmless_line, texts))
    assert len(glance.tooltip(hostile)) <= 128


def test_a_session_that_was_only_found_says_so() -> None:
    found = make("a", last_event_at=None, found_at=NOW - 9)
    taken_over = make("b", found_at=NOW - 9)
    titled = make("c", last_event_at=None, found_at=NOW - 9, title="Dark mode", muted=True)
    rows = {row.session: row.title for row in report.rows(shot(found, taken_over, titled), WIDE)}
    assert rows == {"a": "seen in transcript", "b": "", "c": "muted · Dark mode · seen in transcript"}
    labels = [item.label for item in sessions_of(view.menu(shot(found, taken_over)))]
    assert [label.endswith("   seen in transcript") for label in labels] == [True, False]


@pytest.mark.parametrize("width", [40, 50, 59])
def test_a_pane_of_few_columns_keeps_the_name_and_the_time_left(width: int) -> None:
    columns = report.columns(width)
    assert [column.field for column in columns.shown] == ["sign", "project", "cache"]
    assert columns.width_of("project") >= 12
    assert columns.shown[-1].at + columns.shown[-1].width <= width


@pytest.mark.parametrize(("width", "last_turn", "title"), [(70, "muted", "T"), (80, "1m ago", "muted · T")])
def test_a_muted_session_says_so_at_each_width(width: int, last_turn: str, title: str) -> None:
    muted = make("a", 90, muted=True, title="T", last_turn_at=NOW - 90)
    (row,) = report.rows(shot(muted), report.columns(width))
    assert row.last_turn == last_turn
    assert row.title.endswith(title)


@pytest.mark.parametrize(
    ("text", "width", "short"),
    [
        ("plain", 5, "plain"),
        ("plainly", 5, "pl…ly"),
        ("日本語", 6, "日本語"),
        ("日本語の名前", 7, "日…前"),
        ("日本語の名前", 8, "日本…前"),
        ("a" * 30 + "🚀🚀🚀", 9, "aaaa…🚀🚀"),
    ],
)
def test_a_name_is_shortened_to_columns_of_which_wide_characters_have_two(text: str, width: int, short: str) -> None:
    assert text_width.shorten(text, width) == short
    assert text_width.columns_of(short) <= width


# ---- values that can't be shown ---------------------------------------------

ODD: dict[str, Any] = {
    "an expiry beyond every calendar": {"expires_at": 1e300},
    "an expiry that is no number": {"expires_at": math.nan, "seconds_left": math.nan},
    "an endless countdown": {"seconds_left": math.inf},
    "a cost that is no number": {"rewrite_cost_usd": math.inf},
}
ODD_SESSIONS: dict[str, Any] = {
    "a last turn beyond every calendar": {"last_turn_at": -1e300},
    "a title that is no text": {"title": ["x"]},
    "tokens that are no number": {"context_tokens": "many"},
}


def odd_state(state: SessionState, kind: str) -> SessionState:
    if kind in ODD:
        return replace(state, **ODD[kind])
    return replace(state, session=replace(state.session, **ODD_SESSIONS[kind]))


@pytest.mark.parametrize("kind", [*ODD, *ODD_SESSIONS])
def test_a_session_that_can_not_be_shown_does_not_hide_the_others(kind: str) -> None:
    first, good = shot(make("odd", 200), make("good", 100)).sessions
    odd = odd_state(first, kind)
    both = replace(shot(), sessions=(odd, good))
    menu = sessions_of(view.menu(both))
    assert [item.key for item in menu] == ["session:odd", "session:good"]
    assert menu[1].label == f"{SPACE}3:20 ● good"
    assert line(menu, "session:odd:forget").action == menu_items.ForgetSession("odd")
    assert [item.key for item in menu[0].children] == [item.key.replace("good", "odd") for item in menu[1].children]
    assert glance.tooltip(both).startswith("Claude Code: 2 warm")
    assert 0 < glance.icon(both).parts_left <= glance.ICON_PARTS
    text = notification.of_alerts(Alert(good, 30), Alert(odd, 30), among=both.sessions)
    assert text.title == "2 caches expire at 08:43:20"
    assert "good" in text.body
    assert "good: cache expires" in notification.of_alerts(Alert(good, 30), among=both.sessions).title
    assert "cache expires" in notification.of_alerts(Alert(odd, 30), among=both.sessions).title


def test_a_name_that_is_written_from_right_to_left_moves_nothing_around_it() -> None:
    hebrew = make("a", 100, project="חנות", title="תיקון", waiting_at=NOW)
    (first, *_) = view.menu(shot(hebrew))
    gap = words.THIN_SPACE
    assert first.label == f"\u200e{SPACE}3:20 {gap}?{gap} \u2068חנות\u2069 · \u2068תיקון\u2069   waits for you"
    assert line([first], "session:a:title").label == "Title: \u2068תיקון\u2069"


def test_a_long_name_and_title_are_shown_in_full_where_there_is_room() -> None:
    title = "Flaky test in the importer, third attempt with fake clocks"
    (first, *_) = view.menu(shot(make("a", 100, project="data-pipeline-for-reports", title=title)))
    assert first.label == f"{SPACE}3:20 ● data-pipeline-for-reports · {title}"
    (first, *_) = view.menu(shot(make("a", 100, title="x" * 99)))
    assert first.label.endswith("x…" + "x" * 29)
    assert line([first], "session:a:title").label == "Title: " + "x" * 99


@pytest.mark.parametrize(
    ("session", "text"),
    [
        (make("a", 100), "● Idle, the cache is warm"),
        (make("a", 400), "○ Idle, the cache has expired"),
        (make("a", None), "○ Idle, nothing is cached"),
        (make("a", 100, waiting_at=NOW), "? Waits for you: a permission prompt or a question"),
        (
            make("a", 100, transcript_at=NOW, transcript_turn=Turn.TOOL),
            "▶ Working: its next request refreshes the cache",
        ),
    ],
)
def test_the_submenu_says_the_state_in_words(session: Session, text: str) -> None:
    assert line(view.menu(shot(session)), "session:a:state").label == text


def test_sixty_sessions_fit_on_a_screen() -> None:
    menu = view.menu(shot(*(make(f"s{n:02}", 10 + n) for n in range(60))))
    more = line(menu, "more")
    assert (len(sessions_of(menu)), more.label, len(more.children)) == (12, "More (48)", 21)
    rest = line(more.children, "more:more")
    assert (rest.label, len(rest.children), rest.children[-1].label) == ("More (28)", 21, "More (8)")
    assert len([item for item in walk(menu) if item.key.endswith(":forget")]) == 60


@pytest.mark.parametrize(
    ("session", "urgency"),
    [
        (make("a", 290), Urgency.LAST),
        (make("a", 290, waiting_at=NOW), Urgency.LAST),
        (make("a", 290, muted=True), Urgency.CALM),
        (make("a", 290, transcript_at=NOW, transcript_turn=Turn.TOOL), Urgency.CALM),
        (make("a", 290, muted=True, waiting_at=NOW), Urgency.CALM),
    ],
)
def test_a_muted_or_working_session_never_makes_the_icon_urgent(session: Session, urgency: Urgency) -> None:
    alone, with_another = glance.icon(shot(session)), glance.icon(shot(session, make("b", 180)))
    assert alone.urgency is urgency
    assert with_another.urgency is (urgency if urgency is Urgency.LAST else Urgency.SOON)
    assert alone.needs_attention is (urgency is Urgency.LAST)
    assert not with_another.waiting or not session.muted


def test_not_set_up_differs_from_nothing_warm_until_a_session_is_warm() -> None:
    assert glance.icon(shot(), set_up=False) == glance.IconSpec(set_up=False)
    assert glance.icon(shot(make("a", 10)), set_up=False) == glance.icon(shot(make("a", 10)))
    assert glance.tooltip(shot(), set_up=False) == "Claude Code: not set up yet; open the menu to do it"
    assert glance.needs_set_up(shot(), hooks_installed=False)
    assert not glance.needs_set_up(shot(make("a")), hooks_installed=False), "the hooks of a plugin have spoken"
    assert not glance.needs_set_up(shot(), hooks_installed=None)


@pytest.mark.parametrize(
    ("sessions", "beginning"),
    [
        ([make("a", 100, waiting_at=NOW), make("b", 10)], "Claude Code: 1 waits for you, 2 warm, next: a at "),
        (
            [make("a", 400, waiting_at=NOW), make("b", 400, waiting_at=NOW)],
            "Claude Code: 2 wait for you, no warm cache",
        ),
        ([make("a", 100, waiting_at=NOW, muted=True), make("b", 10)], "Claude Code: 2 warm, next: b at "),
    ],
)
def test_the_tooltip_says_how_many_wait(sessions: list[Session], beginning: str) -> None:
    assert glance.tooltip(shot(*sessions)).startswith(beginning)


# ---- settings ----------------------------------------------------------------


def settings_of(**settings: Any) -> list[menu_items.MenuItem]:
    menu = view.menu(shot(), view.Capabilities(starts_at_login=True, settings=view.Settings(**settings)))
    return list(line(menu, "settings").children)


def test_the_settings_are_in_the_menu() -> None:
    settings = settings_of(sound=True)
    assert [(item.label, item.checked) for item in settings] == [
        ("Notify before a cache expires", None),
        ("Smallest conversation to notify about", None),
        ("Notify when a session waits for you", False),
        ("Sound with a notification", True),
        ("Start at login", True),
        ("Open config.toml in an editor", None),
    ]
    assert line(settings, "settings:sound").action == menu_items.ChangeSetting("sound", False)
    assert line(settings, "settings:waiting").action == menu_items.ChangeSetting("notify_when_waiting", True)


@pytest.mark.parametrize(
    ("leads", "checked", "labels"),
    [
        (None, "auto", 6),
        ((30.0,), "30", 6),
        ((300.0,), "300", 6),
        ((), "()", 6),
        ((300.0, 45.0), "own", 7),
    ],
)
def test_the_lead_time_in_effect_is_checked(leads: tuple[float, ...] | None, checked: str, labels: int) -> None:
    choices = line(settings_of(notify_before_seconds=leads), "settings:before").children
    assert [item.key for item in choices if item.checked] == [f"settings:before:{checked}"]
    assert len(choices) == labels
    assert choices[1].action == menu_items.ChangeSetting("notify_before_seconds", 30)
    if checked == "own":
        assert (choices[-1].label, choices[-1].action) == ("5 min and 45 s before, as in config.toml", None)


@pytest.mark.parametrize(("tokens", "checked"), [(0, "0"), (50_000, "50000"), (12_345, "own")])
def test_the_smallest_size_in_effect_is_checked(tokens: int, checked: str) -> None:
    choices = line(settings_of(min_tokens=tokens), "settings:size").children
    assert [item.key for item in choices if item.checked] == [f"settings:size:{checked}"]


def test_without_a_settings_file_only_start_at_login_is_there() -> None:
    menu = view.menu(shot(), view.Capabilities(starts_at_login=False))
    assert [item.key for item in line(menu, "settings").children] == ["settings:login"]
    assert not [item for item in view.menu(shot()) if item.key == "settings"]


def test_the_history_has_a_line_only_where_there_is_one() -> None:
    with_it = view.menu(shot(), view.Capabilities(history="This week: 2 cold returns"))

    assert [item.label for item in with_it if isinstance(item.action, menu_items.ShowHistory)] == [
        "This week: 2 cold returns"
    ]
    assert not any(isinstance(item.action, menu_items.ShowHistory) for item in view.menu(shot()))


def test_the_tooltip_says_what_was_lost_today() -> None:
    assert glance.tooltip(shot(), today="3 cold returns, about $1.20").endswith("; today 3 cold returns, about $1.20")
    assert "today" not in glance.tooltip(shot())


def test_the_price_of_an_expiry_is_a_range_where_less_was_rebuilt() -> None:
    plain = shot(make("a"))
    priced = replace(plain, sessions=(replace(plain.sessions[0], rewrite_cost_usd=0.82),))

    def cost(rebuilt: tuple[float, float] | None) -> str:
        items = view.menu(priced, view.Capabilities(rebuilt=rebuilt))
        line = next(item for item in items if item.key == "session:a")
        return next(item.label for item in line.children if item.key == "session:a:cost")

    assert cost(None) == "If it expires: about $0.82 to rebuild"
    assert cost((0.5, 1.0)) == "If it expires: about $0.41 to $0.82 to rebuild"
