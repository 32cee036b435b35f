"""A loopback stand-in of the Messages API: the real Claude Code runs against it, offline and to a script.

The tests need a server that responds at once, costs nothing and reports exactly the cache usage that a case is about.
Markers in the prompt say what the response shall be:

    [slow 12]     the response starts at once and takes 12 seconds
    [late 12]     12 seconds pass before the first byte of the response
    [tool]        the response runs one harmless Bash command; [tools 3] three of them, one per round
    [run CMD]     the response runs CMD in Bash; Claude Code asks for permission unless CMD is harmless
    [call NAME]   the response calls the tool NAME without arguments
    [agent TEXT]  the response starts a subagent whose prompt is TEXT
    [error 500]   the server refuses each try of the request with that HTTP status
    [flaky 500]   the server refuses the first try with that HTTP status, and responds to the second
    [cut]         the response ends at its token limit, and is continued by the client's next request
    [readonly]    the usage shows a cache that was read and not written
    [nocache]     the usage shows no cache at all

The server records each request with the time of its arrival. By hand, in `tests`:
`python -m client.standin [PORT]`.
"""

import contextlib
import json
import re
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from client.prefix_cache import BYTES_A_TOKEN, CacheUse, PrefixCache

Json = dict[str, Any]

MARKER = re.compile(r"\[(slow|late|tools?|run|call|agent|error|flaky|cut|readonly|nocache)(?: ([^\[\]]*))?\]")
TOOL_CALL = re.compile(r"toolu_standin_(\d+)_")
STREAM_STEP_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Received:
    """One request. `at` is UTC epoch seconds of its arrival, `ttl` what its cache_control asked for ("5m", "1h")."""

    at: float
    model: str
    ttl: str | None
    session_id: str | None
    main: bool  # the conversation itself: neither a subagent's request nor one without tools, such as for a title
    markers: dict[str, str]
    body: Json = field(repr=False)


class StandIn:
    """The server, on a free port of the loopback. A context manager: leaving it stops the server."""

    def __init__(
        self,
        port: int = 0,
        *,
        verbose: bool = False,
        prefix_cache: PrefixCache | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """With a `prefix_cache` the usage follows from the requests' contents; without, from the conversation alone.

        `now` dates the requests, in UTC epoch seconds.
        """
        self.now = now
        self.received: list[Received] = []
        self.is_down = False  # each request is refused with status 500
        self._prefix_cache = prefix_cache
        self._verbose = verbose
        self._cached: dict[tuple[str | None, ...], int] = {}  # tokens of each conversation's newest prefix
        self._refused: set[tuple[str | None, int]] = set()
        self._cut: set[tuple[str | None, ...]] = set()
        self._agent_prompts: set[str] = set()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler_of(self))
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """What ANTHROPIC_BASE_URL should be."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def main_requests(self, session_id: str) -> list[Received]:
        """The requests of one session's own conversation, oldest first."""
        return [request for request in self.received if request.main and request.session_id == session_id]

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def serve_forever(self) -> None:
        """Serve until the server is stopped."""
        self._server.serve_forever(poll_interval=0.05)

    def answer(self, http: BaseHTTPRequestHandler, at: float, body: Json) -> None:
        """Record one request, and respond as the markers in its prompt say."""
        request = self._record(at, http.headers.get("X-Claude-Code-Session-Id"), body)
        if status := self._refusal(request):
            _send_json(
                http, status, {"type": "error", "error": {"type": "api_error", "message": "as the prompt asked"}}
            )
            return
        self._closing.wait(float(request.markers.get("late") or 0))
        message = self._message(request)
        if body.get("stream"):
            _send_events(http, self._events(message, float(request.markers.get("slow") or 0)))
        else:
            _send_json(http, 200, message)

    def _record(self, at: float, session_id: str | None, body: Json) -> Received:
        first = (body.get("messages") or [{}])[0]
        request = Received(
            at=at,
            model=str(body.get("model")),
            ttl=ttl_of(body),
            session_id=session_id,
            main=bool(body.get("tools")) and self._agent_prompts.isdisjoint(text.strip() for text in texts_of(first)),
            markers=markers_of(body),
            body=body,
        )
        with self._lock:
            self.received.append(request)
        if self._verbose:
            print(request, flush=True)
        return request

    def _refusal(self, request: Received) -> int | None:
        """The HTTP status to refuse this request with, or None. A flaky one is refused the first time only."""
        if self.is_down:
            return 500
        if "error" in request.markers:
            return int(request.markers["error"])
        attempt = (request.session_id, len(request.body["messages"]))
        if "flaky" in request.markers and attempt not in self._refused:
            self._refused.add(attempt)
            return int(request.markers["flaky"])
        return None

    def _message(self, request: Received) -> Json:
        block = self._block(request)
        return {
            "id": f"msg_{uuid.uuid4().hex}",
            "type": "message",
            "role": "assistant",
            "model": request.model,
            "content": [block],
            "stop_reason": self._stop_reason(request, block),
            "stop_sequence": None,
            "usage": self._usage(request),
        }

    def _stop_reason(self, request: Received, block: Json) -> str:
        attempt = (request.session_id, request.markers.get("cut"), "cut")
        if "cut" in request.markers and request.main and attempt not in self._cut:
            self._cut.add(attempt)
            return "max_tokens"
        return "tool_use" if block["type"] == "tool_use" else "end_turn"

    def _block(self, request: Received) -> Json:
        markers = request.markers
        if "agent" in markers:
            self._agent_prompts.add(markers["agent"].strip())
            task = {"description": "A small task", "prompt": markers["agent"], "subagent_type": "general-purpose"}
            return _tool_use("Agent", task, rounds_left=0)
        if "call" in markers:
            return _tool_use(markers["call"], {}, rounds_left=0)
        rounds = rounds_left_of(request.body)
        if not {"tool", "tools", "run"}.isdisjoint(markers):
            rounds = int(markers.get("tools") or 1)
        if rounds:
            command = {"command": markers.get("run") or "echo round", "description": "Run a command"}
            return _tool_use("Bash", command, rounds_left=rounds - 1)
        return {"type": "text", "text": "Done."}

    def _usage(self, request: Received) -> Json:
        """What the API would report: an earlier request's prefix is read from the cache, the rest is written."""
        if self._prefix_cache is not None:
            with self._lock:
                return _reported(self._prefix_cache.take(request.body, request.at))
        size = len(json.dumps(request.body)) // BYTES_A_TOKEN
        # A cleared or compacted conversation begins with another message; a subagent has a prefix of its own.
        conversation = (request.model, request.session_id, str(request.main), *texts_of(request.body["messages"][0]))
        read = write = 0
        if request.ttl and "nocache" not in request.markers:
            with self._lock:
                read = min(self._cached.get(conversation, 0), size)
                self._cached[conversation] = size
            write = size - read
        if "readonly" in request.markers:
            read, write = read + write, 0
        long = request.ttl == "1h"
        return _reported(CacheUse(read, 0 if long else write, write if long else 0, 0))

    def _events(self, message: Json, seconds: float) -> Iterator[Json]:
        """The message as a stream that takes `seconds`."""
        block = message["content"][0]
        yield {"type": "message_start", "message": {**message, "content": [], "stop_reason": None}}
        if block["type"] == "tool_use":
            yield {"type": "content_block_start", "index": 0, "content_block": {**block, "input": {}}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
            yield {"type": "content_block_delta", "index": 0, "delta": delta}
        else:
            yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
            end = time.monotonic() + seconds
            while (left := end - time.monotonic()) > 0 and not self._closing.wait(min(left, STREAM_STEP_SECONDS)):
                # Whole lines: the client shows none that is still growing.
                delta = {"type": "text_delta", "text": "Well,\n\n"}
                yield {"type": "content_block_delta", "index": 0, "delta": delta}
            delta = {"type": "text_delta", "text": block["text"]}
            yield {"type": "content_block_delta", "index": 0, "delta": delta}
        yield {"type": "content_block_stop", "index": 0}
        stop = {"stop_reason": message["stop_reason"], "stop_sequence": None}
        yield {"type": "message_delta", "delta": stop, "usage": message["usage"]}
        yield {"type": "message_stop"}


def _reported(use: CacheUse) -> Json:
    """The `usage` of a response."""
    return {
        "input_tokens": use.uncached + 12,
        "output_tokens": 5,
        "cache_read_input_tokens": use.read,
        "cache_creation_input_tokens": use.written,
        "cache_creation": {
            "ephemeral_5m_input_tokens": use.written_5m,
            "ephemeral_1h_input_tokens": use.written_1h,
        },
    }


def texts_of(message: Json) -> list[str]:
    """A message's texts, whichever of its two shapes its content has."""
    content = message.get("content")
    if isinstance(content, str):
        return [content]
    return [str(block.get("text")) for block in content or [] if block.get("type") == "text"]


def newest_messages(body: Json) -> list[Json]:
    """All messages after the last assistant message: the client may add its own around the user's prompt."""
    messages: list[Json] = body.get("messages") or []
    roles = [message.get("role") for message in messages]
    last = max((index for index, role in enumerate(roles) if role == "assistant"), default=-1)
    return messages[last + 1 :]


def markers_of(body: Json) -> dict[str, str]:
    """The markers of the newest prompt, name to argument.

    Earlier prompts that failed or were interrupted may precede it without a response between. Only the last text counts
    that is not a reminder of the client.
    """
    written = [
        text
        for message in newest_messages(body)
        if message.get("role") == "user"
        for text in texts_of(message)
        if not text.lstrip().startswith("<")
    ]
    return dict(MARKER.findall(written[-1])) if written else {}


def rounds_left_of(body: Json) -> int:
    """How many more tool rounds are due: the id of the tool call in this request contains the number."""
    for message in newest_messages(body):
        content = message.get("content")
        for block in content if isinstance(content, list) else []:
            if call := TOOL_CALL.match(str(block.get("tool_use_id"))):
                return int(call[1])
    return 0


def ttl_of(body: Json) -> str | None:
    """The longest time to live that a cache_control of the request asks for; None where there is none at all."""
    found = {str(control.get("ttl", "5m")) for control in _cache_controls([body.get("system"), body.get("messages")])}
    return max(found, key=("5m", "1h").index, default=None)


def _cache_controls(value: object) -> Iterator[Json]:
    if isinstance(value, dict):
        if isinstance(control := value.get("cache_control"), dict):
            yield control
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _cache_controls(inner)


def _tool_use(name: str, arguments: Json, *, rounds_left: int) -> Json:
    return {
        "type": "tool_use",
        "id": f"toolu_standin_{rounds_left}_{uuid.uuid4().hex}",
        "name": name,
        "input": arguments,
    }


def _send_json(http: BaseHTTPRequestHandler, status: int, value: Json) -> None:
    data = json.dumps(value).encode()
    http.send_response(status)
    http.send_header("Content-Type", "application/json")
    http.send_header("Content-Length", str(len(data)))
    http.end_headers()
    http.wfile.write(data)


def _send_events(http: BaseHTTPRequestHandler, events: Iterator[Json]) -> None:
    http.send_response(200)
    http.send_header("Content-Type", "text/event-stream")
    http.send_header("request-id", f"req_{uuid.uuid4().hex}")
    http.send_header("Connection", "close")  # the response has no length: closing the connection ends it
    http.end_headers()
    for event in events:
        http.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
        http.wfile.flush()


def _handler_of(standin: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            at = standin.now()
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path.partition("?")[0] != "/v1/messages":
                _send_json(self, 404, {"type": "error", "error": {"type": "not_found_error", "message": self.path}})
                return
            try:
                standin.answer(self, at, body)
            except ConnectionError:
                pass  # the user pressed Esc: the client closed the connection

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, the base class's name
            pass  # each request is recorded

    return Handler


if __name__ == "__main__":
    server = StandIn(int(sys.argv[1]) if len(sys.argv) > 1 else 8765, verbose=True)
    print(f"ANTHROPIC_BASE_URL={server.url}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()
