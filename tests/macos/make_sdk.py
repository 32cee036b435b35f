"""Makes `sdk.txt`: what the macOS SDK has of the classes and names that our icon and pystray's use.

    python tests/macos/make_sdk.py FOLDER

FOLDER is the unpacked source package of pyobjc-framework-Cocoa, which holds PyObjC's scan of the SDK's headers. pip
unpacks it also where it can't build it (`--no-clean` keeps the folder, below the temporary folder):

    python -m pip download --no-deps --no-clean --no-binary :all: pyobjc-framework-Cocoa

Run it again when the code uses another class of AppKit, which the tests then say.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from macos import names_used
from macos.sdk import TARGET

SCAN = "arm64-27.fwinfo"
FRAMEWORKS = ("AppKit", "Foundation")
CLASSES = (
    *("NSApplication", "NSAttributedString", "NSButton", "NSControl", "NSData", "NSDictionary", "NSEvent", "NSFont"),
    *("NSImage", "NSMenu", "NSMenuItem", "NSObject", "NSProcessInfo", "NSResponder", "NSStatusBar"),
    *("NSStatusBarButton", "NSStatusItem", "NSView"),
)
PROTOCOLS = ("NSApplicationDelegate",)
HEAD = """\
# What the macOS SDK has of the classes and names that are used here: made by make_sdk.py, not by hand.
#
# An extract of PyObjC's scan of the SDK's headers, from {package}, {sdk}.
# Copyright 2003-2025 Ronald Oussoren and the PyObjC authors, MIT licence: https://opensource.org/license/mit
#
# class NAME SUPERCLASS, or protocol NAME; below it its methods, with + those of the class:
#   SELECTOR RESULT,ARGUMENT,ARGUMENT INTRODUCED DEPRECATED, in Objective-C's type codes and macOS's versions
# enum NAME NUMBER; extern NAME TYPE; struct NAME; pyobjc NAME NUMBER: in no enum of the SDK, but in PyObjC's own list.

"""


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description="Extract what is used here from PyObjC's scan of the macOS SDK.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    scans = [_scan(folder / f"metadata/raw.{framework}" / SCAN) for framework in FRAMEWORKS]
    found = [scan["definitions"] for scan in scans]
    version = re.search(r"^Version: (.*)$", (folder / "PKG-INFO").read_text("utf-8"), re.MULTILINE)
    assert version is not None
    head = HEAD.format(package=f"pyobjc-framework-Cocoa {version[1]}", sdk=Path(scans[0]["sdk"]).name)
    by_hand = "".join((folder / f"Lib/{framework}/_metadata.py").read_text("utf-8") for framework in FRAMEWORKS)
    lines = [*_classes(found), *_names(found, by_hand)]
    TARGET.write_text(head + "\n".join(lines) + "\n", "utf-8")
    print(f"{TARGET}: {len(lines)} lines")


def _scan(path: Path) -> Any:
    return json.loads("".join(line for line in path.open(encoding="utf-8") if not line.startswith("//")))


def _classes(found: list[Any]) -> Iterator[str]:
    for kind, key, names in (("class", "classes", CLASSES), ("protocol", "formal_protocols", PROTOCOLS)):
        for name in names:
            parts = [definitions[key][name] for definitions in found if name in definitions[key]]
            above = next((part["super"] for part in parts if part.get("super")), "")
            yield f"{kind} {name} {above}".rstrip()
            yield from sorted({_method(method) for part in parts for method in part["methods"]})


def _method(method: Any) -> str:
    types = [_short(each["typestr"]) for each in (method["retval"], *method["args"])]
    if method.get("variadic"):
        types.append("...")
    words = ["+" if method["class_method"] else "-", method["selector"], " ", ",".join(types)]
    return "".join(words) + f" {method.get('introduced', '-')} {method.get('deprecated', '-')}"


def _short(typestr: str) -> str:
    """A structure by its name alone: `{CGSize=dd}` is `{CGSize}`."""
    return re.sub(r"=[^{}]*(?:\{[^{}]*\}[^{}]*)*\}", "}", typestr.removeprefix("r"))


def _names(found: list[Any], by_hand: str) -> Iterator[str]:
    for name in sorted(names_used.constants() - set(CLASSES)):
        for definitions in found:
            if name in definitions["enum"]:
                yield f"enum {name} {definitions['enum'][name]['value']}"
            elif name in definitions["externs"]:
                yield f"extern {name} {definitions['externs'][name]['typestr']}"
            elif name in definitions["structs"]:
                yield f"struct {name}"
            else:
                continue
            break
        else:
            if known := re.search(rf"[\"$]{name}(?:@(-?\d+))?[$\"]", by_hand):
                yield f"pyobjc {name} {known[1] or ''}".rstrip()
            else:
                print(f"{name}: neither in the SDK nor in PyObjC", file=sys.stderr)


if __name__ == "__main__":
    main()
