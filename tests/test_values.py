"""Values: declared, used and compared as frozen dataclasses are."""

import copy
import dataclasses
import pickle
from typing import Any

import pytest

from claude_session_status.values import Value, field_types, replace


class Cup(Value):
    """A value with a required field and two with defaults."""

    size: int
    color: str = "white"
    chips: tuple[str, ...] = ()

    @property
    def is_large(self) -> bool:
        return self.size > 3


class Mug(Value):
    """Another class with the same fields."""

    size: int
    color: str = "white"
    chips: tuple[str, ...] = ()


AS_DATACLASS = dataclasses.make_dataclass(
    "Cup", [("size", int), ("color", str, "white"), ("chips", tuple[str, ...], ())], frozen=True
)

CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((3,), {}),
    ((3, "blue"), {}),
    ((3,), {"chips": ("rim",)}),
    ((), {"chips": ("rim",), "size": 3}),
    ((3, "blue", (), 4), {}),
    ((), {}),
    ((), {"color": "blue"}),
    ((3,), {"size": 3}),
    ((3,), {"weight": 3}),
]


@pytest.mark.parametrize(("positional", "named"), CALLS)
def test_it_is_made_from_the_same_arguments_as_a_dataclass(positional: tuple[Any, ...], named: dict[str, Any]) -> None:
    try:
        expected = AS_DATACLASS(*positional, **named)
    except TypeError:
        with pytest.raises(TypeError, match=r"^Cup\(size, color, chips\) got \d by position and \["):
            Cup(*positional, **named)
        return
    made = Cup(*positional, **named)
    assert (made.size, made.color, made.chips) == dataclasses.astuple(expected)
    assert repr(made) == repr(expected)


def test_it_can_not_be_changed() -> None:
    cup = Cup(3)
    for name in ("size", "weight"):
        with pytest.raises(AttributeError, match=name):
            setattr(cup, name, 4)
        with pytest.raises(AttributeError, match=name):
            delattr(cup, name)
    assert cup == Cup(3)


def test_it_equals_another_of_its_class_with_equal_fields() -> None:
    assert Cup(3) == Cup(chips=(), size=3)
    assert hash(Cup(3)) == hash(Cup(chips=(), size=3))
    assert Cup(3) != Cup(4)
    assert Cup(3) != Mug(3)
    assert Cup(3) != (3, "white", ())


def test_a_copy_has_some_fields_changed() -> None:
    cup = Cup(3, chips=("rim",))
    assert replace(cup, color="blue") == dataclasses.replace(cup, color="blue") == Cup(3, "blue", ("rim",))
    assert cup.color == "white"
    for replacing in (replace, dataclasses.replace):
        with pytest.raises(TypeError):
            replacing(cup, weight=3)


def test_it_is_matched_by_position() -> None:
    match Cup(3, "blue"):
        case Cup(size, color):
            assert (size, color) == (3, "blue")


def test_it_is_copied_and_sent_to_another_process_whole() -> None:
    cup = Cup(3, chips=("rim",))
    assert copy.deepcopy(cup) == copy.copy(cup) == pickle.loads(pickle.dumps(cup)) == cup


def test_its_fields_are_known_with_their_types() -> None:
    assert field_types(Cup) == {"size": int, "color": str, "chips": tuple[str, ...]}
    found = [(field.name, field.type, field.default) for field in dataclasses.fields(Cup)]
    assert found == [("size", int, dataclasses.MISSING), ("color", str, "white"), ("chips", tuple[str, ...], ())]
    assert dataclasses.asdict(Cup(3)) == {"size": 3, "color": "white", "chips": ()}


def test_methods_work_as_in_any_class() -> None:
    assert [Cup(size).is_large for size in (3, 4)] == [False, True]
