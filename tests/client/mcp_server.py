"""An MCP server whose tool asks the user a question, as Claude Code starts servers: JSON lines on stdin and stdout.

Run as a program by the client; the tests name it in `--mcp-config`.
"""

import json
import sys
from typing import Any

Json = dict[str, Any]

SERVER, TOOL = "survey", "ask"
CALLED = f"mcp__{SERVER}__{TOOL}"  # the client's name for the tool
QUESTION = "Which colour do you like?"
_PROTOCOL = "2025-06-18"
_FORM = {"type": "object", "properties": {"colour": {"type": "string"}}, "required": ["colour"]}


def config() -> str:
    """What the client's `--mcp-config` takes."""
    return json.dumps({"mcpServers": {SERVER: {"command": sys.executable, "args": [__file__]}}})


def _send(**message: Any) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def _receive() -> Json | None:
    line = sys.stdin.readline()
    return dict(json.loads(line)) if line else None


def _ask() -> str:
    """Ask the user; return what the client reports of it: accept, decline or cancel."""
    _send(id="question", method="elicitation/create", params={"message": QUESTION, "requestedSchema": _FORM})
    while (message := _receive()) is not None:
        if message.get("id") == "question":
            return str(message.get("result", {}).get("action"))
    return "none"


def _result_of(message: Json) -> Json:
    match message["method"]:
        case "initialize":
            info = {"name": SERVER, "version": "1"}
            return {"protocolVersion": _PROTOCOL, "capabilities": {"tools": {}}, "serverInfo": info}
        case "tools/list":
            schema = {"type": "object", "properties": {}}
            return {"tools": [{"name": TOOL, "description": "Asks the user.", "inputSchema": schema}]}
        case "tools/call":
            return {"content": [{"type": "text", "text": f"The user's reply: {_ask()}"}]}
        case _:
            return {}


def main() -> None:
    """Serve until the client closes standard input."""
    while (message := _receive()) is not None:
        if "method" in message and "id" in message:
            _send(id=message["id"], result=_result_of(message))


if __name__ == "__main__":
    main()
