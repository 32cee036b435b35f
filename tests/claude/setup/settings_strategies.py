"""Made-up settings files: any JSON object, with any spacing, and `hooks` in any form."""

import json

from hypothesis import strategies as st

from claude_session_status.claude.setup.hook_entries import HOOKS

spaces = st.sampled_from(["", "", " ", "\n", "\n  ", "\n    ", "\n\t", "\r\n  ", " \t ", "\r"])
strings = st.builds(json.dumps, st.text(max_size=8), ensure_ascii=st.booleans())
numbers = st.from_regex(r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,4})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
scalars = strings | numbers | st.sampled_from(["true", "false", "null"])


def arrays(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    spaced = st.builds(lambda a, item, b: a + item + b, spaces, items, spaces)
    filled = st.lists(spaced, min_size=1, max_size=3).map(",".join)
    return (filled | spaces).map(lambda inside: f"[{inside}]")


def objects(keys: st.SearchStrategy[str], values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    member = st.builds(
        lambda a, key, b, c, value, d: a + key + b + ":" + c + value + d, spaces, keys, spaces, spaces, values, spaces
    )
    filled = st.lists(member, min_size=1, max_size=4).map(",".join)
    return (filled | spaces).map(lambda inside: f"{{{inside}}}")


values = st.recursive(scalars, lambda inner: arrays(inner) | objects(strings, inner), max_leaves=6)
commands = st.sampled_from(['"true"', '"echo claude-session-status mark-turn"', '"/x/notify --mark-turn"'])
entries = objects(st.sampled_from(['"type"', '"command"', '"timeout"']), commands | scalars)
groups = objects(st.sampled_from(['"hooks"', '"h\\u006foks"']), arrays(entries | values)) | entries | values
event_names = st.sampled_from([json.dumps(hook.event) for hook in HOOKS] + ['"PreToolUse"', '"St\\u006fp"'])
hooks_values = objects(event_names, arrays(groups))

other_keys = strings.filter(lambda key: json.loads(key) != "hooks")


@st.composite
def settings(draw: st.DrawFn) -> str:
    """An object that has `hooks` any number of times, in between other keys."""
    members = draw(st.lists(st.tuples(st.just('"hooks"'), hooks_values) | st.tuples(other_keys, values), max_size=4))
    inside = ",".join(
        draw(spaces) + key + draw(spaces) + ":" + draw(spaces) + value + draw(spaces) for key, value in members
    )
    return draw(spaces) + "{" + (inside or draw(spaces)) + "}" + draw(spaces)
