"""What the macOS icon uses is in the macOS SDK: names, numbers, selectors, and how many arguments each has."""

from pathlib import Path
from typing import Any

import pytest

from macos import fake_appkit, names_used
from macos.sdk import Method, sdk

OLDEST_MACOS = (12, 0)  # LSMinimumSystemVersion of the app
FILES = [names_used.OURS, names_used.PYSTRAYS]


def ids(path: Path) -> str:
    return path.stem


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.lstrip("-").isdigit())


def fits(method: Method, arguments: int) -> bool:
    """Whether a method that takes so many arguments is there in every macOS that we name."""
    if not method.variadic and len(method.arguments) != arguments:
        return False
    return method.introduced is None or version(method.introduced) <= OLDEST_MACOS


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_every_name_is_in_the_sdk_or_kept_by_pyobjc(path: Path) -> None:
    known = {*sdk().kinds, *sdk().numbers, *sdk().others}
    assert names_used.names_in(path) - known == set(), "run make_sdk.py, which says what there is none of"


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_every_selector_is_in_the_sdk_with_as_many_arguments(path: Path) -> None:
    calls = [call for call in names_used.calls_in(path) if call.name != "setup_"]
    assert len(calls) > 15
    for call in calls:
        assert any(fits(method, call.arguments) for method in sdk().having(call.in_objective_c)), call


def test_what_appkit_calls_in_our_code_is_in_one_of_its_protocols() -> None:
    methods = list(names_used.methods_in(names_used.OURS))
    assert [method.name for method in methods] == ["applicationWillTerminate_"]
    for method in methods:
        assert any(fits(known, method.arguments) for known in sdk().having(method.in_objective_c)), method


def test_our_numbers_are_apples() -> None:
    ours = names_used.numbers_in(names_used.OURS)
    assert len(ours) == 5
    assert ours == {name: sdk().numbers[name] for name in ours}


def test_our_code_uses_no_selector_that_apple_has_withdrawn() -> None:
    for call in names_used.calls_in(names_used.OURS):
        assert any(method.deprecated is None for method in sdk().having(call.in_objective_c)), call


def test_nothing_of_the_stand_in_goes_beyond_the_sdk() -> None:
    for kind in (*fake_appkit.IN_APPKIT, *fake_appkit.IN_FOUNDATION):
        assert kind.__name__ in sdk().kinds


# ---- the stand-in follows the SDK -------------------------------------------


def test_a_class_with_a_selector_that_macos_does_not_have_can_not_be_defined() -> None:
    with pytest.raises(TypeError, match=r"macOS has no NSMenu -setTitel:"):
        type("NSMenu", (fake_appkit.NSObject,), {"setTitel_": lambda self, title: None})


def test_a_delegate_with_a_selector_that_appkit_never_calls_can_not_be_defined() -> None:
    with pytest.raises(TypeError, match="AppKit calls no applicationWillEnd:"):
        type("OurDelegate", (fake_appkit.NSObject,), {"applicationWillEnd_": lambda self, note: None})
    with pytest.raises(TypeError, match="applicationWillTerminate: takes 1 arguments"):
        type("OurDelegate", (fake_appkit.NSObject,), {"applicationWillTerminate_": lambda self: None})


@pytest.mark.parametrize(
    ("selector", "arguments", "message"),
    [
        ("setTitel_", ("x",), "macOS has none"),
        ("insertItem_atIndex_", ("x", 0), "the stand-in lacks it"),
        ("itemAtIndex_", (), "needs 1 arguments, got 0"),
        ("itemAtIndex_", (0, 1), "needs 1 arguments, got 2"),
        ("itemAtIndex_", ("0",), "is not of the type q"),
        ("addItem_", (7,), "is not of the type @"),
        ("setAutoenablesItems_", (None,), "is not of the type Z"),
    ],
)
def test_a_wrong_call_fails_here_as_on_a_mac(selector: str, arguments: tuple[Any, ...], message: str) -> None:
    menu: Any = fake_appkit.NSMenu().initWithTitle_("x")
    with pytest.raises((TypeError, AttributeError), match=message):
        getattr(menu, selector)(*arguments)
