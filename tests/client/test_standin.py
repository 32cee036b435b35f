"""The stand-in responds as the markers in its prompts say. Needs no client."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from client.standin import StandIn

Json = dict[str, Any]


def prompt(text: str, *, ttl: str = "5m") -> Json:
    """A request as the client makes it for a prompt: a reminder of its own stands before the text."""
    content = [
        {"type": "text", "text": "<system-reminder>[error 500] is no marker here</system-reminder>"},
        {"type": "text", "text": text, "cache_control": {"type": "ephemeral", "ttl": ttl}},
    ]
    return {"model": "some-model", "tools": [{"name": "Bash"}], "messages": [{"role": "user", "content": content}]}


def continued(request: Json, answer: Json, content: object) -> Json:
    """The next request of the same conversation."""
    turns = [{"role": "assistant", "content": answer["content"]}, {"role": "user", "content": content}]
    return {**request, "messages": [*request["messages"], *turns]}


def post(api: StandIn, body: Json) -> bytes:
    request = urllib.request.Request(f"{api.url}/v1/messages?beta=true", json.dumps(body).encode())
    request.add_header("X-Claude-Code-Session-Id", "a-session")
    with urllib.request.urlopen(request, timeout=10) as response:
        answer: bytes = response.read()
    return answer


def ask(api: StandIn, body: Json) -> Json:
    answer: Json = json.loads(post(api, body))
    return answer


def status_of(api: StandIn, body: Json) -> int:
    try:
        post(api, body)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    return 200


@pytest.mark.parametrize(("ttl", "other"), [("5m", "1h"), ("1h", "5m")])
def test_a_first_request_writes_the_cache_that_it_asked_for(api: StandIn, ttl: str, other: str) -> None:
    usage = ask(api, prompt("hello", ttl=ttl))["usage"]

    assert usage["cache_creation"][f"ephemeral_{ttl}_input_tokens"] == usage["cache_creation_input_tokens"] > 0
    assert usage["cache_creation"][f"ephemeral_{other}_input_tokens"] == usage["cache_read_input_tokens"] == 0
    assert [(request.ttl, request.main) for request in api.main_requests("a-session")] == [(ttl, True)]


def test_the_next_request_reads_what_the_first_one_wrote(api: StandIn) -> None:
    first = prompt("hello")
    answer = ask(api, first)
    usage = ask(api, continued(first, answer, "and again"))["usage"]

    assert usage["cache_read_input_tokens"] == answer["usage"]["cache_creation_input_tokens"]
    assert usage["cache_creation_input_tokens"] > 0


def test_usage_can_be_read_only_or_without_a_cache(api: StandIn) -> None:
    read_only = ask(api, prompt("[readonly] hello"))["usage"]
    without = ask(api, prompt("[nocache] hello"))["usage"]

    assert read_only["cache_read_input_tokens"] > 0 == read_only["cache_creation_input_tokens"]
    assert without["cache_read_input_tokens"] == without["cache_creation_input_tokens"] == 0


def test_a_tool_loop_has_the_rounds_that_were_asked_for(api: StandIn) -> None:
    request = prompt("[tools 3] hello")
    stops = []
    for _ in range(4):
        answer = ask(api, request)
        stops.append(answer["stop_reason"])
        result = {"type": "tool_result", "tool_use_id": answer["content"][0].get("id"), "content": "round"}
        request = continued(request, answer, [result])

    assert stops == ["tool_use", "tool_use", "tool_use", "end_turn"]


def test_a_subagent_is_not_the_main_conversation(api: StandIn) -> None:
    ask(api, prompt("[agent look around] please"))
    ask(api, prompt("look around"))

    assert [request.main for request in api.received] == [True, False]


def test_an_error_comes_back_each_time_and_a_flaky_one_only_once(api: StandIn) -> None:
    assert [status_of(api, prompt("[error 503] hello")) for _ in range(2)] == [503, 503]
    assert [status_of(api, prompt("[flaky 500] hello")) for _ in range(2)] == [500, 200]


def test_only_the_newest_prompt_counts_when_an_earlier_one_failed(api: StandIn) -> None:
    request = prompt("[error 500] hello")
    request["messages"][0]["content"].append({"type": "text", "text": "hello once more"})

    assert status_of(api, request) == 200


def test_a_stream_has_the_events_of_the_real_one_in_their_order(api: StandIn) -> None:
    text = post(api, {**prompt("hello"), "stream": True}).decode()
    events = [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")]

    assert [event["type"] for event in events] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
