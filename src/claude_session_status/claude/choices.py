"""Reads what `/model`, `/effort` and `/fast` print, and compares it with what a response had.

Another model, effort or speed than the last response had means that the next message cannot use the cache. The client
prints names for people: `Opus 5.5 (default)`, `opus (claude-opus-5-5)`, `Sonnet 4.6 · Billed as extra usage`. The id in
brackets is preferred, remarks are cut. A name that matches nothing counts as another model: the cache is shown as cold,
which is the safer mistake.
"""

import re
from dataclasses import dataclass

_COLOURS = re.compile(r"\x1b\[[\d;]*[A-Za-z]")
_OUTPUT = re.compile(r"<local-command-stdout>(.*?)(?:</local-command-stdout>|\Z)", re.DOTALL)
_MODEL = re.compile(r"\s*Set model to (.+)")
_EFFORT = re.compile(r"\s*(?:Set effort level to|Effort level set to) (\w+)", re.IGNORECASE)
_WITH_EFFORT = re.compile(r"\bwith (\w+) effort\b", re.IGNORECASE)
_FAST = re.compile(r"\bFast mode (ON|OFF)\b", re.IGNORECASE)
# A remark follows a dot or a conjunction that is not in brackets.
_NAME = re.compile(r"(?:\([^()]*\)|(?!\s(?:and|for|with)\s)[^(·])*")

_BRACKETS = re.compile(r"\(([^()]*)\)")
_ID = re.compile(r"(?=.*[-.:/\d])(?!1m$)[\w.:/@-]+(?:\[\w+\])?", re.IGNORECASE)
_LONG_CONTEXT = re.compile(r"\b1m\b", re.IGNORECASE)
_TAG = re.compile(r"\[[^\]]*\]$")
_PROVIDER = re.compile(r"^(?:[a-z-]+\.)?anthropic[./]|^.*/")
_VERSION = re.compile(r"(?:-v\d+(?::\d+)?|[-@]\d{8}|-latest)+$")


@dataclass(frozen=True, slots=True)
class Choice:
    """What the user chose for the next messages; None where the output does not say."""

    model: str | None = None
    effort: str | None = None
    fast: bool | None = None
    is_effort_only: bool = False  # the user chose just the effort


def choice_in(text: str, *, is_output: bool = False) -> Choice | None:
    """The choice in the text of a transcript line; None when there is none. The last of several counts.

    `is_output`: the text may be a command's output without the tags around it.
    """
    plain = _COLOURS.sub("", text).replace("`", "")
    outputs = _OUTPUT.findall(plain) or ([plain] if is_output else [])
    for output in reversed(outputs):
        if effort := _EFFORT.match(output):
            return Choice(effort=effort[1].lower(), is_effort_only=True)
        fast = _FAST.search(output[:500])
        is_fast = fast[1].upper() == "ON" if fast else None
        if model := _MODEL.match(output):
            line = model[1]
            name = _match(_NAME, line).strip()
            effort = _WITH_EFFORT.search(line)
            return Choice(name, effort[1].lower() if effort else None, is_fast)
        if is_fast is not None and _match(_FAST, output.strip(" \t\n↯")):
            return Choice(fast=is_fast)
    return None


def _match(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.match(text)
    return found[0] if found else ""


def is_same_model(chosen: str, model: str) -> bool:
    """Whether `chosen`, as `/model` prints it, is the model with the id `model`, as a response names it."""
    if bool(_LONG_CONTEXT.search(chosen)) != bool(_LONG_CONTEXT.search(model)):
        return False  # another context size is another cache
    brackets = _BRACKETS.findall(chosen)
    for inside in brackets:
        if _ID.fullmatch(inside.strip()):
            return _plain_id(inside) == _plain_id(model)
    head = re.split(r"[(\[]", chosen)[0]
    if head.strip().lower() == "default" and brackets:
        head = brackets[0].split("·")[0]
    words, version = _parts(head)
    model_words, model_version = _parts(_plain_id(model))
    return words == model_words != [] and version in ([], model_version)


def with_context_size(model: str, chosen: str) -> str:
    """The id `model` with the context size that `chosen`, the choice before the response, names for it."""
    long = f"{model}[1m]"
    return long if not _LONG_CONTEXT.search(model) and is_same_model(chosen, long) else model


def _plain_id(model: str) -> str:
    """The id without what providers put around it: `us.anthropic.claude-opus-4-6-v1:0` is `claude-opus-4-6`."""
    return _VERSION.sub("", _PROVIDER.sub("", _TAG.sub("", model.strip().lower()))).replace(".", "-")


def _parts(name: str) -> tuple[list[str], list[int]]:
    """The words of a model's name, without the maker's, and its version."""
    words = sorted(word for word in re.findall(r"[^\W\d_]+", name.lower()) if word != "claude")
    version = [int(digits) for digits in re.findall(r"\d+", name) if len(digits) < 8]
    while version and version[-1] == 0:
        version.pop()
    return words, version
