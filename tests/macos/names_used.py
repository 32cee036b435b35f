"""Which names and selectors of AppKit our icon and pystray's use: read from their source, which runs on a Mac only."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import util
from pathlib import Path

FRAMEWORKS = ("AppKit", "Foundation")


def _source(module: str) -> Path:
    """A module's file. Importing it would need a Mac."""
    spec = util.find_spec(module.rpartition(".")[0])
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / f"{module.rpartition('.')[2]}.py"


OURS = _source("claude_session_status.desktop.macos")
PYSTRAYS = _source("pystray._darwin")


@dataclass(frozen=True)
class Selector:
    """A call of AppKit: the selector as PyObjC spells it, and how many arguments it is given."""

    name: str
    arguments: int
    line: int

    @property
    def in_objective_c(self) -> str:
        """`setMenu_` is `setMenu:`."""
        return self.name.replace("_", ":")


def constants() -> set[str]:
    """Every name that is read from a framework, and our own numbers that are named after one."""
    return names_in(OURS) | names_in(PYSTRAYS) | set(numbers_in(OURS))


def names_in(path: Path) -> set[str]:
    """The names that a file reads from the frameworks, classes among them."""
    return {
        node.attr
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in FRAMEWORKS
    }


def numbers_in(path: Path) -> dict[str, int]:
    """The numbers that a file keeps under AppKit's names."""
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id[:2] == "NS"
    }


def calls_in(path: Path) -> Iterator[Selector]:
    """The calls of methods that end in an underscore, as PyObjC spells those with arguments."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute):
            name = node.func.attr
        elif isinstance(node.func, ast.Call) and getattr(node.func.func, "id", "") == "getattr":
            name = ast.literal_eval(node.func.args[1])
        else:
            continue
        if name.endswith("_") and not name.startswith("_"):
            yield Selector(name, len(node.args), node.lineno)


def methods_in(path: Path) -> Iterator[Selector]:
    """The methods that a file defines for AppKit to call."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name.endswith("_") and not node.name.startswith("_"):
            yield Selector(node.name, len(node.args.args) - 1, node.lineno)
