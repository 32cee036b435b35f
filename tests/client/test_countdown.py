"""Our countdown agrees with the client's own, in the real Claude Code, old and new."""

import re
import time

import pytest

from client.agreement import (
    FIVE_MINUTES,
    ONE_HOUR,
    TOLERANCE_SECONDS,
    expect_agreement,
    expect_start,
    seconds_of,
    wait_for_ours,
)
from client.harness import VERSIONS, Home, Terminal
from client.standin import StandIn
from waiting import wait_for

pytestmark = pytest.mark.client
CLIENT_VERSIONS = VERSIONS


def test_a_session_caches_nothing_until_its_first_turn(home: Home, api: StandIn) -> None:
    with Terminal(home) as terminal:
        opened = wait_for_ours(home, terminal.session_id, activity="idle")
        assert (opened["cache"], opened["expires_at"], opened["seconds_left"]) == ("none", None, None)

        terminal.turn("hello")
        expect_agreement(
            home, api, terminal.session_id, answered=1, activity="idle", project="my-app", source="transcript"
        )


def test_a_slow_response_counts_from_the_start_of_its_request(home: Home, api: StandIn) -> None:
    with Terminal(home) as terminal:
        terminal.type("[slow 12] hello")
        terminal.wait_for_screen("Well,")
        wait_for_ours(home, terminal.session_id, activity="working")
        stop = terminal.wait_for_hook("Stop")

        ours = expect_agreement(home, api, terminal.session_id, answered=1, activity="idle")
        assert seconds_of(ours["expires_at"]) < stop.at + FIVE_MINUTES - 10


def test_each_round_of_a_tool_loop_restarts_the_countdown(home: Home, api: StandIn) -> None:
    with Terminal(home) as terminal:
        terminal.turn("[tools 3] hello")
        expect_agreement(home, api, terminal.session_id, answered=4, activity="idle")


def test_the_countdown_continues_while_a_tool_runs(home: Home, api: StandIn) -> None:
    with Terminal(home) as terminal:
        terminal.type("[run sleep 5] hello")
        wait_for_ours(home, terminal.session_id, activity="working", cache="warm")
        expect_agreement(home, api, terminal.session_id, answered=1)
        terminal.wait_for_hook("Stop")
        expect_agreement(home, api, terminal.session_id, answered=2)


def test_a_one_hour_cache_and_its_fall_to_five_minutes_are_seen(home: Home, api: StandIn) -> None:
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
        # An older transcript does not say which TTL a request asked for that wrote nothing: the shorter one counts.
        terminal.turn("[readonly] hello")
        expect_agreement(home, api, session_id, answered=1, ttl=FIVE_MINUTES)


def test_clear_ends_the_session_and_the_new_one_has_no_cache_yet(home: Home, api: StandIn) -> None:
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


def test_a_run_without_a_terminal_is_counted_and_ends(home: Home, api: StandIn) -> None:
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
        terminal.type("/exit")
        # Not for its hook SessionEnd: a client on a busy machine leaves without waiting for it.
        wait_for("the end of the client", lambda: terminal.closed)
        wait_for_ours(home, terminal.session_id, activity="ended")


def test_a_session_open_in_two_terminals_goes_on_when_the_first_closes(home: Home, api: StandIn) -> None:
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


def test_a_session_waits_at_a_permission_prompt_until_the_user_answers(home: Home, api: StandIn) -> None:
    with Terminal(home) as terminal:
        session_id = terminal.session_id
        terminal.type("[run touch made] hello")
        terminal.wait_for_screen("Do you want to proceed?")
        [request] = api.main_requests(session_id)
        waiting = wait_for_ours(home, session_id, activity="waiting", request=request)
        expect_start(waiting, request)

        terminal.close_dialog("Do you want to proceed?", "Escape")
        wait_for_ours(home, session_id, activity="idle")
        expect_agreement(home, api, session_id, answered=1)

        begun = time.time()
        terminal.type("[run touch made] hello")
        terminal.close_dialog("Do you want to proceed?", "Enter")
        terminal.wait_for_hook("Stop", after=begun)
        expect_agreement(home, api, session_id, answered=3, activity="idle")


def test_esc_during_a_response_leaves_the_session_idle_and_its_request_counts(home: Home, api: StandIn) -> None:
    with Terminal(home) as terminal:
        terminal.type("[slow 20] hello")
        terminal.wait_for_screen("Well,")
        terminal.keys("Escape")
        terminal.wait_for_screen("Interrupted")
        wait_for_ours(home, terminal.session_id, activity="idle")
        expect_agreement(home, api, terminal.session_id, answered=1)


def test_esc_before_a_response_begins_leaves_the_session_idle_and_its_request_does_not_count(
    home: Home, api: StandIn
) -> None:
    with Terminal(home) as terminal:
        terminal.turn("hello")
        expect_agreement(home, api, terminal.session_id, answered=1)
        first = wait_for_ours(home, terminal.session_id, source="transcript")  # not the Stop hook, which may be first
        [request] = api.main_requests(terminal.session_id)

        terminal.type("[late 20] hello")
        wait_for_ours(home, terminal.session_id, activity="working")
        wait_for("the request", lambda: len(api.main_requests(terminal.session_id)) > 1)
        terminal.keys("Escape")
        wait_for_ours(home, terminal.session_id, activity="idle")
        ours = expect_agreement(home, api, terminal.session_id, answered=1, request=request)
        assert ours["expires_at"] == first["expires_at"]


def test_after_compaction_nothing_is_cached_until_the_next_response(home: Home, api: StandIn) -> None:
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


def test_switching_to_another_model_expires_the_cache(home: Home, api: StandIn) -> None:
    with Terminal(home) as terminal:
        terminal.turn("hello")
        expect_agreement(home, api, terminal.session_id, answered=1)

        terminal.type("/model sonnet")
        terminal.close_dialog("Switch model?", "Enter")
        terminal.wait_for_screen("Set model to")
        wait_for_ours(home, terminal.session_id, cache="expired", activity="idle", seconds_left=0)

        terminal.turn("hello")
        expect_agreement(home, api, terminal.session_id, answered=2)


def test_switching_back_to_the_first_model_finds_its_cache_warm(home: Home, api: StandIn) -> None:
    with Terminal(home) as terminal:
        terminal.turn("hello")
        expect_agreement(home, api, terminal.session_id, answered=1)
        before = wait_for_ours(home, terminal.session_id, source="transcript")  # not the Stop hook, which may be first

        terminal.type("/model sonnet")
        terminal.close_dialog("Switch model?", "Enter")
        wait_for_ours(home, terminal.session_id, cache="expired")
        terminal.type("/model opus")  # the client knows that its cache is warm, and does not ask
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


def test_a_request_retried_after_an_overload_counts_from_the_try_that_succeeded(home: Home, api: StandIn) -> None:
    with Terminal(home) as terminal:
        terminal.turn("hello")
        terminal.turn("[flaky 529] hello")
        first_try, second_try = api.main_requests(terminal.session_id)[-2:]
        assert second_try.at - first_try.at < 60
        expect_agreement(home, api, terminal.session_id, answered=2, activity="idle")


def test_a_response_cut_at_its_token_limit_counts_from_its_continuation(home: Home, api: StandIn) -> None:
    with Terminal(home) as terminal:
        terminal.turn("[slow 5] [cut] hello")
        cut, continuation = api.main_requests(terminal.session_id)
        assert continuation.at - cut.at > 2 * TOLERANCE_SECONDS
        expect_agreement(home, api, terminal.session_id, answered=2, activity="idle")


def test_choosing_the_same_model_again_keeps_the_cache_warm(home: Home, api: StandIn) -> None:
    with Terminal(home) as terminal:
        terminal.turn("hello")
        before = wait_for_ours(home, terminal.session_id, source="transcript")
        chosen_at = time.time()
        terminal.type("/model opus")
        # Not the command itself, which is on the screen before the client has taken it.
        wait_for("what the client says of the model", lambda: re.search(r"⎿\s+\w+\s+model", terminal.screen()))
        after = wait_for_ours(home, terminal.session_id, cache="warm", activity="idle")
        assert time.time() - chosen_at < FIVE_MINUTES
        assert after["expires_at"] == before["expires_at"]
        terminal.turn("hello")
        expect_agreement(home, api, terminal.session_id, answered=2)


def test_a_response_without_cache_tokens_leaves_nothing_cached(home: Home, api: StandIn) -> None:
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
        # The prompt, the tool result, and the message that the agent is done: it runs in the background.
        wait_for("the agent's request", lambda: any(not request.main for request in api.received))
        wait_for("the message that the agent is done", lambda: len(api.main_requests(session_id)) >= 3)
        expect_agreement(home, api, session_id, answered=3, activity="idle")
        assert list(home.status()) == [session_id]


def test_a_new_title_does_not_move_the_countdown(home: Home, api: StandIn) -> None:
    with Terminal(home) as terminal:
        terminal.turn("hello")
        expect_agreement(home, api, terminal.session_id, answered=1)
        before = wait_for_ours(home, terminal.session_id, source="transcript")  # not the Stop hook, which may be first

        terminal.type("/rename A good name")
        after = wait_for_ours(home, terminal.session_id, title="A good name", activity="idle")
        assert after["expires_at"] == before["expires_at"]
