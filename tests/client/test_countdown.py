"""Our countdown against the client's own, in the real Claude Code: the one promise of the product.

Three clocks must agree. The stand-in saw when the request arrived; the client's status line tells when it believes that
the cache expires; `status --json` tells what a user of ours is shown.
"""

import time
from datetime import datetime
from typing import Any

import pytest

from client.harness import Home, Terminal, wait_for
from client.standin import Received, StandIn

pytestmark = pytest.mark.client

Json = dict[str, Any]
PATIENCE_SECONDS = 15.0  # for what must come, on a machine that is busy: no test says how soon
TOLERANCE_SECONDS = 2.0  # the client rounds up to a whole second
FIVE_MINUTES = 300
ONE_HOUR = 3600


def seconds_of(moment: str) -> float:
    """UTC epoch seconds of a moment in our JSON."""
    return datetime.fromisoformat(moment).timestamp()


def expect_agreement(
    home: Home,
    api: StandIn,
    session_id: str,
    *,
    answered: int,
    ttl: int = FIVE_MINUTES,
    request: Received | None = None,
    **expected: object,
) -> Json:
    """Ours, once the client has shown its own countdown after so many answered requests; all three clocks compared.

    `request` is the one that the countdown runs from, the newest unless told; `expected` what else ours must show. The
    client writes its transcript up to half a second after its Stop, so ours is looked at until it has read that.
    """
    request = request or api.main_requests(session_id)[-1]

    def shown() -> Json | None:
        cache = home.prompt_cache(session_id)
        return cache if cache and cache["requests"] >= answered and cache["expires_at"] else None

    client = wait_for(f"a status line that tells of {answered} requests", shown)
    ours = wait_for_ours(home, session_id, request=request, **expected)
    assert client["expires_at"] == pytest.approx(request.at + ttl, abs=TOLERANCE_SECONDS), "the client and the stand-in"
    assert seconds_of(ours["expires_at"]) == pytest.approx(client["expires_at"], abs=TOLERANCE_SECONDS)
    expect_start(ours, request, ttl=ttl)
    return ours


def expect_start(ours: Json, request: Received, *, ttl: int = FIVE_MINUTES) -> None:
    """Ours is warm and runs from this request. The client's own word is silent while one of its dialogs is open."""
    assert (ours["cache"], ours["ttl_seconds"]) == ("warm", ttl)
    assert is_of(ours, request)
    assert seconds_of(ours["expires_at"]) == pytest.approx(request.at + ttl, abs=TOLERANCE_SECONDS)


def is_of(ours: Json, request: Received) -> bool:
    """Whether ours counts from this request."""
    return ours.get("last_request_at") is not None and abs(seconds_of(ours["last_request_at"]) - request.at) <= 1


def wait_for_ours(home: Home, session_id: str, *, request: Received | None = None, **expected: object) -> Json:
    """Ours, once `status` shows these values for the session, and counts from this request."""

    seen: Json = {}

    def shown() -> bool:
        seen.clear()
        seen.update(home.status().get(session_id, {}))
        return {name: seen.get(name) for name in expected} == expected and (request is None or is_of(seen, request))

    wait_for(lambda: f"{expected} in our status, which is {seen}", shown, seconds=PATIENCE_SECONDS)
    return seen


def test_a_session_caches_nothing_until_its_first_turn(home: Home, api: StandIn) -> None:
    with Terminal(home) as terminal:
        opened = wait_for_ours(home, terminal.session_id, activity="idle")
        assert (opened["cache"], opened["expires_at"], opened["seconds_left"]) == ("none", None, None)

        terminal.turn("hello")
        expect_agreement(
            home, api, terminal.session_id, answered=1, activity="idle", project="my-app", source="transcript"
        )


def test_the_countdown_of_a_slow_reply_runs_from_its_start(home: Home, api: StandIn) -> None:
    with Terminal(home) as terminal:
        terminal.type("[slow 12] hello")
        terminal.wait_for_screen("Well,")
        wait_for_ours(home, terminal.session_id, activity="working")
        stop = terminal.wait_for_hook("Stop")

        ours = expect_agreement(home, api, terminal.session_id, answered=1, activity="idle")
        assert seconds_of(ours["expires_at"]) < stop.at + FIVE_MINUTES - 10


def test_each_round_of_a_tool_loop_starts_the_countdown_anew(home: Home, api: StandIn) -> None:
    with Terminal(home) as terminal:
        terminal.turn("[tools 3] hello")
        expect_agreement(home, api, terminal.session_id, answered=4, activity="idle")


def test_the_countdown_goes_on_while_a_tool_runs(home: Home, api: StandIn) -> None:
    with Terminal(home) as terminal:
        terminal.type("[run sleep 5] hello")
        wait_for_ours(home, terminal.session_id, activity="working", cache="warm")
        expect_agreement(home, api, terminal.session_id, answered=1)
        terminal.wait_for_hook("Stop")
        expect_agreement(home, api, terminal.session_id, answered=2)


def test_the_long_cache_is_seen_and_so_is_its_fall_to_the_short_one(home: Home, api: StandIn) -> None:
    with Terminal(home, extra={"ENABLE_PROMPT_CACHING_1H": "1"}) as terminal:
        session_id = terminal.session_id
        terminal.turn("hello")
        expect_agreement(home, api, session_id, answered=1, ttl=ONE_HOUR)
        terminal.turn("[readonly] hello")
        expect_agreement(home, api, session_id, answered=2, ttl=ONE_HOUR)
        terminal.type("/exit")
        terminal.wait_for_hook("SessionEnd")

    with Terminal(home, "--resume", session_id) as terminal:
        wait_for_ours(home, session_id, activity="idle", ttl_seconds=ONE_HOUR)
        # Of a request that wrote nothing, older transcripts do not say which cache it asked for: then the shorter one.
        terminal.turn("[readonly] hello")
        expect_agreement(home, api, session_id, answered=1, ttl=FIVE_MINUTES)


def test_clear_ends_the_old_session_and_the_new_one_has_no_cache_yet(home: Home, api: StandIn) -> None:
    with Terminal(home) as terminal:
        old = terminal.session_id
        terminal.turn("hello")
        expect_agreement(home, api, old, answered=1)

        begun = time.time()
        terminal.type("/clear")
        new = terminal.wait_for_hook("SessionStart", after=begun).session_id
        assert new != old
        wait_for_ours(home, old, activity="ended")
        wait_for_ours(home, new, activity="idle", cache="none", expires_at=None)
        wait_for("a status line without a cache", lambda: home.prompt_cache(new) is None)

        terminal.turn("hello")
        expect_agreement(home, api, new, answered=1)


def test_exit_ends_the_session(home: Home, api: StandIn) -> None:
    with Terminal(home) as terminal:
        terminal.turn("hello")
        terminal.type("/exit")
        terminal.wait_for_hook("SessionEnd")
        wait_for_ours(home, terminal.session_id, activity="ended")


def test_a_killed_client_is_shown_as_ended_at_the_next_look(home: Home, api: StandIn) -> None:
    with Terminal(home) as terminal:
        terminal.turn("hello")
        expect_agreement(home, api, terminal.session_id, answered=1)
        terminal.process.kill()
        wait_for("the end of the client", lambda: terminal.closed)
        wait_for_ours(home, terminal.session_id, activity="ended")


def test_a_run_without_a_terminal_is_counted_and_ended(home: Home, api: StandIn) -> None:
    done = home.one_shot("hello")
    assert (done.returncode, done.stdout) == (0, "Done.\n"), done.stderr

    [ours] = home.status().values()
    [request] = api.main_requests(ours["session_id"])
    assert ours["activity"] == "ended"
    expect_start(ours, request)


def test_a_script_that_resumes_an_open_session_does_not_end_it(home: Home, api: StandIn) -> None:
    with Terminal(home) as terminal:
        terminal.turn("hello")
        done = home.one_shot("more", "--resume", terminal.session_id)
        assert (done.returncode, done.stdout) == (0, "Done.\n"), done.stderr
        last = api.main_requests(terminal.session_id)[-1]
        expect_start(wait_for_ours(home, terminal.session_id, activity="idle", request=last), last)
        asked_at = time.time()
        terminal.type("/exit")
        terminal.wait_for_hook("SessionEnd", after=asked_at)
        wait_for_ours(home, terminal.session_id, activity="ended")


def test_of_two_terminals_on_one_session_the_first_may_be_closed(home: Home, api: StandIn) -> None:
    with Terminal(home) as first:
        first.turn("hello")
        session_id = first.session_id
        with Terminal(home, "--resume", session_id) as second:
            second.turn("more")
            asked_at = time.time()
            first.type("/exit")
            first.wait_for_hook("SessionEnd", after=asked_at)
            wait_for("the end of the first client", lambda: first.closed)
            wait_for_ours(home, session_id, activity="idle")
            asked_at = time.time()
            second.type("/exit")
            second.wait_for_hook("SessionEnd", after=asked_at)
            wait_for_ours(home, session_id, activity="ended")


def test_a_permission_prompt_is_waiting_until_it_is_answered(home: Home, api: StandIn) -> None:
    with Terminal(home) as terminal:
        session_id = terminal.session_id
        terminal.type("[run touch made] hello")
        terminal.wait_for_screen("Do you want to proceed?")
        waiting = wait_for_ours(home, session_id, activity="waiting")
        [request] = api.main_requests(session_id)
        expect_start(waiting, request)

        terminal.close_dialog("Do you want to proceed?", "Escape")
        wait_for_ours(home, session_id, activity="idle")
        expect_agreement(home, api, session_id, answered=1)

        begun = time.time()
        terminal.type("[run touch made] hello")
        terminal.close_dialog("Do you want to proceed?", "Enter")
        terminal.wait_for_hook("Stop", after=begun)
        expect_agreement(home, api, session_id, answered=3, activity="idle")


def test_esc_in_a_reply_leaves_the_session_idle_and_its_request_counts(home: Home, api: StandIn) -> None:
    with Terminal(home) as terminal:
        terminal.type("[slow 20] hello")
        terminal.wait_for_screen("Well,")
        terminal.keys("Escape")
        terminal.wait_for_screen("Interrupted")
        wait_for_ours(home, terminal.session_id, activity="idle")
        expect_agreement(home, api, terminal.session_id, answered=1)


def test_esc_before_the_first_word_leaves_the_session_idle_and_its_request_does_not_count(
    home: Home, api: StandIn
) -> None:
    with Terminal(home) as terminal:
        terminal.turn("hello")
        expect_agreement(home, api, terminal.session_id, answered=1)
        first = wait_for_ours(home, terminal.session_id, source="transcript")  # not the Stop of an answer just given
        [request] = api.main_requests(terminal.session_id)

        terminal.type("[late 20] hello")
        wait_for_ours(home, terminal.session_id, activity="working")
        wait_for("the request", lambda: len(api.main_requests(terminal.session_id)) > 1)
        terminal.keys("Escape")
        wait_for_ours(home, terminal.session_id, activity="idle")
        ours = expect_agreement(home, api, terminal.session_id, answered=1, request=request)
        assert ours["expires_at"] == first["expires_at"]


def test_after_compaction_nothing_is_cached_until_the_next_reply(home: Home, api: StandIn) -> None:
    with Terminal(home) as terminal:
        terminal.turn("hello")
        terminal.turn("hello again")  # some clients compact no single turn
        expect_agreement(home, api, terminal.session_id, answered=2)

        terminal.type("/compact")
        terminal.wait_for_hook("PostCompact")
        terminal.wait_for_screen("Compacted")
        wait_for_ours(home, terminal.session_id, cache="none", expires_at=None, activity="idle")

        terminal.turn("hello")
        expect_agreement(home, api, terminal.session_id, answered=3)


def test_after_a_switch_of_the_model_the_cache_is_of_no_use(home: Home, api: StandIn) -> None:
    with Terminal(home) as terminal:
        terminal.turn("hello")
        expect_agreement(home, api, terminal.session_id, answered=1)

        terminal.type("/model sonnet")
        terminal.close_dialog("Switch model?", "Enter")
        terminal.wait_for_screen("Set model to")
        wait_for_ours(home, terminal.session_id, cache="expired", activity="idle", seconds_left=0)

        terminal.turn("hello")
        expect_agreement(home, api, terminal.session_id, answered=2)


def test_a_model_that_is_chosen_back_finds_its_cache_again(home: Home, api: StandIn) -> None:
    with Terminal(home) as terminal:
        terminal.turn("hello")
        expect_agreement(home, api, terminal.session_id, answered=1)
        before = wait_for_ours(home, terminal.session_id, source="transcript")  # not the Stop of an answer just given

        terminal.type("/model sonnet")
        terminal.close_dialog("Switch model?", "Enter")
        wait_for_ours(home, terminal.session_id, cache="expired")
        terminal.type("/model opus")  # the client knows that this one is still warm, and does not ask
        wait_for_ours(home, terminal.session_id, cache="warm", expires_at=before["expires_at"])


def test_a_failed_request_does_not_move_the_countdown_and_a_retried_one_counts_from_its_last_try(
    home: Home, api: StandIn
) -> None:
    with Terminal(home) as terminal:
        session_id = terminal.session_id
        terminal.turn("hello")
        [request] = api.main_requests(session_id)
        terminal.type("[error 500] hello")
        terminal.wait_for_hook("StopFailure")
        wait_for_ours(home, session_id, activity="idle")
        expect_agreement(home, api, session_id, answered=1, request=request)

        terminal.turn("[flaky 500] hello")
        expect_agreement(home, api, session_id, answered=2, activity="idle")


def test_an_answer_without_cache_tokens_leaves_nothing_cached(home: Home, api: StandIn) -> None:
    with Terminal(home) as terminal:
        terminal.turn("hello")
        expect_agreement(home, api, terminal.session_id, answered=1)
        terminal.turn("[nocache] hello")
        wait_for(
            "a status line without an expiry",
            lambda: (home.prompt_cache(terminal.session_id) or {"expires_at": 0})["expires_at"] is None,
        )
        wait_for_ours(home, terminal.session_id, cache="none", expires_at=None)


def test_a_subagent_does_not_move_the_countdown(home: Home, api: StandIn) -> None:
    with Terminal(home) as terminal:
        session_id = terminal.session_id
        terminal.type("[agent say hello] hello")
        # The prompt, the tool's result, and the notice that the agent is done: it runs in the background.
        wait_for("the agent's request", lambda: any(not request.main for request in api.received))
        wait_for("the notice", lambda: len(api.main_requests(session_id)) >= 3)
        expect_agreement(home, api, session_id, answered=3, activity="idle")
        assert list(home.status()) == [session_id]


def test_titles_and_commands_that_ask_nothing_of_the_model_change_no_countdown(home: Home, api: StandIn) -> None:
    with Terminal(home) as terminal:
        terminal.turn("hello")
        expect_agreement(home, api, terminal.session_id, answered=1)
        before = wait_for_ours(home, terminal.session_id, source="transcript")  # not the Stop of an answer just given

        terminal.type("/rename A good name")
        after = wait_for_ours(home, terminal.session_id, title="A good name", activity="idle")
        assert after["expires_at"] == before["expires_at"]
