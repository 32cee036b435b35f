"""No text of a user's can become AppleScript: a script is a constant, and texts go to `osascript` as arguments."""

import ast
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src/claude_session_status"
APPLESCRIPT = ("display notification", "tell application", "do script", "do shell script", "on run argv")


def holds_applescript(node: ast.AST) -> bool:
    texts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return any(word in text for text in texts for word in APPLESCRIPT)


def is_made_up(node: ast.AST) -> bool:
    """Whether an expression makes a text out of others."""
    if isinstance(node, ast.JoinedStr | ast.BinOp):
        return True
    called = node.func if isinstance(node, ast.Call) else None
    return isinstance(called, ast.Attribute) and called.attr in ("format", "replace", "join")


def test_every_script_is_a_constant() -> None:
    modules = {path: ast.parse(path.read_text("utf-8")) for path in SOURCE.rglob("*.py")}
    scripts = [path.stem for path, module in modules.items() if holds_applescript(module)]
    assert "through_osascript" in scripts
    made_up = [
        f"{path}:{node.lineno}"
        for path, module in modules.items()
        for node in ast.walk(module)
        if isinstance(node, ast.expr) and is_made_up(node) and holds_applescript(node)
    ]
    assert made_up == []


def test_a_script_made_of_texts_would_be_found() -> None:
    for source in (
        """f'display notification "{body}"'""",
        """'display notification "%s"' % body""",
        """'tell application "Terminal" to do script ' + command""",
        """'display notification "{}"'.format(body)""",
    ):
        expression = ast.parse(source, mode="eval").body
        assert is_made_up(expression)
        assert holds_applescript(expression)
