"""Reads `sdk.txt`: which classes, selectors and numbers the macOS SDK has."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

TARGET = Path(__file__).with_name("sdk.txt")
# The scan has NSObject's additions; its own two methods stand in a header of Objective-C.
OF_EVERY_OBJECT = ("+alloc @ - -", "-init @ - -")


@dataclass(frozen=True)
class Method:
    """A method: its selector with + or -, the codes of its types, and the macOS versions it came and went with."""

    selector: str
    result: str
    arguments: tuple[str, ...]
    introduced: str | None
    deprecated: str | None

    @property
    def variadic(self) -> bool:
        """Whether it takes any number of arguments."""
        return self.arguments[-1:] == ("...",)


@dataclass
class Kind:
    """A class or a protocol with its own methods, by selector."""

    name: str
    above: str
    methods: dict[str, Method] = field(default_factory=dict)


@dataclass(frozen=True)
class Sdk:
    """What was extracted. `numbers`: constants; `others`: names that are no numbers."""

    kinds: Mapping[str, Kind]
    numbers: Mapping[str, int]
    others: Mapping[str, str]

    def method(self, kind: str, selector: str) -> Method | None:
        """The method that a class has or inherits; None where it has none."""
        name = kind
        while name:
            if found := self.kinds[name].methods.get(selector):
                return found
            name = self.kinds[name].above
        return None

    def having(self, selector: str) -> list[Method]:
        """The methods of this selector, without its sign, in all classes and protocols."""
        return [m for kind in self.kinds.values() for sign in "+-" if (m := kind.methods.get(sign + selector))]


@cache
def sdk() -> Sdk:
    """The extract."""
    kinds: dict[str, Kind] = {}
    numbers: dict[str, int] = {}
    others: dict[str, str] = {}
    for line in TARGET.read_text("utf-8").splitlines():
        match line.split():
            case [("class" | "protocol"), name, *above]:
                kind = kinds[name] = Kind(name, above[0] if above else "")
            case [selector, types, introduced, deprecated] if selector[0] in "+-":
                kind.methods[selector] = _method(selector, types, introduced, deprecated)
            case [("enum" | "pyobjc"), name, number]:
                numbers[name] = int(number)
            case [("extern" | "struct") as origin, name, *_]:
                others[name] = origin
    for line in OF_EVERY_OBJECT:
        selector, *rest = line.split()
        kinds["NSObject"].methods[selector] = _method(selector, *rest)
    return Sdk(kinds, numbers, others)


def _method(selector: str, types: str, introduced: str, deprecated: str) -> Method:
    result, *arguments = types.split(",")
    came, went = (None if version == "-" else version for version in (introduced, deprecated))
    return Method(selector, result, tuple(arguments), came, went)
