"""Frozen values that are declared as a dataclass is, but without code that is generated at each import.

`dataclass` writes, compiles and runs the methods of each class, which takes 0.5 to 2 ms a class, and 5 ms to import.
Status bars call `status` every few seconds, and it imports more than twenty such classes. So the values that it imports
are subclasses of `Value`, which share their methods. `dataclasses.replace` and `fields` take them for dataclasses.
"""

from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, dataclass_transform

__all__ = ["Value", "field_types", "replace"]

if TYPE_CHECKING:
    from dataclasses import replace
else:

    def replace(value, /, **changes):
        """Return a copy of a value with these fields changed, as `dataclasses.replace` does."""
        held = {**value.__dict__, **changes}
        if len(held) != len(value.__dict__):
            type(value)(**held)  # raises TypeError: a name is no field
        changed = object.__new__(type(value))
        object.__setattr__(changed, "__dict__", held)
        return changed


class _FieldsOfDataclass:
    """The fields in the form of the module `dataclasses`, made when that asks for them."""

    def __get__(self, _: object, owner: "type[Value]") -> Any:
        import dataclasses  # noqa: PLC0415 - the caller has imported it

        declared = [
            (name, kind, getattr(owner, name, dataclasses.MISSING)) for name, kind in field_types(owner).items()
        ]
        made = dataclasses.make_dataclass(owner.__name__, declared)
        owner.__dataclass_fields__ = {field.name: field for field in dataclasses.fields(made)}
        return owner.__dataclass_fields__


@dataclass_transform(frozen_default=True)
class Value:
    """A frozen value: equal to another of its class with equal fields, hashable, and matched by position."""

    __dataclass_fields__: ClassVar[Any] = _FieldsOfDataclass()
    __match_args__: ClassVar[tuple[str, ...]] = ()
    _defaults: ClassVar[dict[str, Any]] = {}
    _required: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls) -> None:
        names = tuple(field_types(cls))
        cls.__match_args__ = names  # type: ignore[misc]  # the type checker makes its own
        cls._required = frozenset(name for name in names if not hasattr(cls, name))
        cls._defaults = {name: getattr(cls, name, None) for name in names}

    def __init__(self, /, *positional: Any, **named: Any) -> None:
        given = {**dict(zip(self.__match_args__, positional, strict=False)), **named} if positional else named
        held = {**self._defaults, **given}  # always in the order of the fields
        has_all = given.keys() >= self._required
        if not has_all or len(given) < len(positional) + len(named) or len(held) > len(self._defaults):
            names = ", ".join(self.__match_args__)
            raise TypeError(f"{type(self).__name__}({names}) got {len(positional)} by position and {list(named)}")
        object.__setattr__(self, "__dict__", held)

    def __setattr__(self, name: str, _: Any) -> NoReturn:
        raise AttributeError(f"{name} of a {type(self).__name__} can't be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{name} of a {type(self).__name__} can't be deleted")

    def __eq__(self, other: object) -> bool:
        return self.__dict__ == other.__dict__ if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self.__dict__.values()))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items())
        return f"{type(self).__qualname__}({fields})"


def field_types(kind: type[Value]) -> dict[str, Any]:
    """Return the fields of a class of values, in order, with their types."""
    return kind.__annotations__
