"""Shapes of settings.json as people have them: what an install must keep, and an uninstall give back to the byte.

Shared with the test that gives each installed result to the real client, so all values are ones that it accepts, and
other people's commands do nothing.
"""

from dataclasses import dataclass

THEIRS = '{"type": "command", "command": "true"}'


@dataclass(frozen=True, slots=True)
class Shape:
    """One file. `stripped` is what an uninstall leaves of it, where the file itself has hooks of ours in it."""

    name: str
    content: bytes | None  # None: there is no file
    stripped: bytes | None = None
    mode: int = 0o644
    linked: bool = False

    @property
    def had_ours(self) -> bool:
        return self.stripped is not None

    @property
    def undone(self) -> bytes | None:
        """The file after an install and an uninstall."""
        return self.content if self.stripped is None else self.stripped


def _text(name: str, text: str, *, mode: int = 0o644, linked: bool = False) -> Shape:
    return Shape(name, text.encode(), mode=mode, linked=linked)


def _ours(name: str, text: str, stripped: str) -> Shape:
    return Shape(name, text.encode(), stripped.encode())


PLAIN = """{
  "model": "opus",
  "permissions": {
    "allow": ["Bash(ls:*)"]
  }
}
"""

OTHERS = """{
  "hooks": {
    "Stop": [
      {
        "hooks": [
          {"type": "command", "command": "true"}
        ]
      }
    ],
    "SessionStart": [
      {
        "matcher": "startup",
        "hooks": [{"type": "command", "command": "true", "timeout": 5}]
      }
    ],
    "PreToolUse": [
      {"matcher": "Bash", "hooks": [{"type": "command", "command": "true"}]}
    ]
  },
  "model": "opus"
}
"""

UNTOUCHED = (
    Shape("absent", None),
    _text("empty", ""),
    _text("a newline only", "\n"),
    _text("an empty object", "{}"),
    _text("an empty object and a newline", "{}\n"),
    _text("an empty object over two lines", "{\n}\n"),
    _text("an empty object with a space", "{ }"),
    _text("plain, two spaces", PLAIN),
    _text("four spaces", PLAIN.replace("  ", "    ")),
    _text("tabs", PLAIN.replace("  ", "\t")),
    _text("no indentation", PLAIN.replace("  ", "")),
    _text("CRLF", PLAIN.replace("\n", "\r\n")),
    _text("CRLF and nothing in it", "{\r\n}\r\n"),
    _text("no final newline", PLAIN.rstrip("\n")),
    _text("many final newlines", PLAIN + "\n\n"),
    _text("one line", '{"model": "opus", "permissions": {"allow": []}}\n'),
    _text("one line without spaces", '{"model":"opus","permissions":{"allow":[]}}'),
    _text("one line with hooks", f'{{"hooks": {{"Stop": [{{"hooks": [{THEIRS}]}}]}}, "model": "opus"}}'),
    _text("first key on the brace's line", '{ "model": "opus",\n  "cleanupPeriodDays": 30\n}\n'),
    _text("spaces in odd places", '\n\n {"model" :\t"opus" ,\n\n   "env"\n:\n{ } } \n'),
    _text("commas in front", '{\n    "model": "opus"\n  , "cleanupPeriodDays": 30\n}\n'),
    _text("unicode", '{\n  "env": {"GREETING": "Привет, 世界 🌍", "ESCAPED": "\\u041f\\u0440\\ud83c\\udf0d\\/"}\n}\n'),
    _text("line separators inside strings", '{\n  "env": {"A": "one\u2028two\u2029\u0085three"}\n}\n'),
    _text(
        "numbers", '{\n  "custom": [1e3, 1E+3, -0, 0.10, 12345678901234567890, 1.0000000000000000000001, 1e400]\n}\n'
    ),
    _text("a number of 5000 digits", f'{{\n  "custom": {"7" * 5000}\n}}\n'),
    _text("a key given twice", '{\n  "model": "sonnet",\n  "model": "opus"\n}\n'),
    _text(
        "hooks given twice",
        f'{{\n  "hooks": {{"Stop": []}},\n  "hooks": {{\n    "Stop": [{{"hooks": [{THEIRS}]}}]\n  }}\n}}\n',
    ),
    _text("hooks given twice, the last empty", '{\n  "hooks": {"PreCompact": []},\n  "hooks": {}\n}\n'),
    _text("an event given twice", f'{{"hooks": {{"Stop": [{{"hooks": [{THEIRS}]}}], "Stop": []}}}}'),
    _text("a key written with an escape", '{\n  "\\u0068ooks": {\n    "St\\u006fp": []\n  }\n}\n'),
    _text("other people's hooks", OTHERS),
    _text("other people's hooks, tabs and CRLF", OTHERS.replace("  ", "\t").replace("\n", "\r\n")),
    _text("hooks but empty", '{\n  "hooks": {},\n  "model": "opus"\n}\n'),
    _text("hooks but empty, over lines", '{\n  "model": "opus",\n  "hooks": {\n\n  }\n}\n'),
    _text("only an empty hooks", '{"hooks":{}}'),
    _text(
        "events but empty", '{\n  "hooks": {\n    "Stop": [],\n    "SessionEnd": [ ],\n    "PostToolUse": []\n  }\n}\n'
    ),
    _text("an event but empty, over lines", '{\n\t"hooks": {\n\t\t"Notification": [\n\t\t]\n\t}\n}'),
    _text("a notification of another kind", OTHERS.replace("SessionStart", "Notification").replace("startup", "idle")),
    _text("hooks elsewhere", '{\n  "custom": {"hooks": {"Stop": [{"hooks": []}]}},\n  "model": "opus"\n}\n'),
    _text(
        "text that looks like ours",
        '{\n  "env": {\n    "A": "\\"hooks\\": {\\"Stop\\": [",\n    "B": "claude-session-status mark-turn",\n'
        '    "claude-session-status mark-end": "}]}"\n  },\n  "model": "opus"\n}\n',
    ),
    _text(
        "commands that do more than ours",
        '{\n  "hooks": {\n    "Stop": [\n      {"hooks": [{"type": "command", "command": "true || '
        'claude-session-status mark-turn"}]},\n      {"hooks": [{"type": "command", "command": "true '
        'claude-session-status mark-turn"}]}\n    ]\n  }\n}\n',
    ),
    _text("a byte order mark", "\ufeff" + PLAIN),
    _text("mode 0600", PLAIN, mode=0o600),
    _text("a link to dotfiles", PLAIN, linked=True),
    _text("a link to dotfiles, mode 0640, tabs", OTHERS.replace("  ", "\t"), mode=0o640, linked=True),
)

WITH_OURS = (
    _ours(
        "made by the original on a fresh machine",
        """{
  "hooks": {
    "SessionStart": [
      {
        "type": "command",
        "command": "claude-session-status mark-start"
      }
    ],
    "Stop": [
      {
        "type": "command",
        "command": "claude-session-status mark-turn"
      }
    ],
    "SessionEnd": [
      {
        "type": "command",
        "command": "claude-session-status mark-end",
        "async": true
      }
    ],
    "PostToolUse": [
      {
        "hooks": [
          {
            "type": "command",
            "command": "claude-session-status mark-turn",
            "async": true
          }
        ]
      }
    ]
  }
}
""",
        "{}\n",
    ),
    _ours(
        "put by the original into other people's groups",
        """{
  "model": "opus",
  "hooks": {
    "SessionStart": [
      {
        "matcher": "startup",
        "hooks": [
          {"type": "command", "command": "true"},
          {"type": "command", "command": "claude-session-status mark-start"}
        ]
      }
    ],
    "PostToolUse": [
      {
        "hooks": [
          {"type": "command", "command": "claude-session-status mark-turn", "async": true},
          {"type": "command", "command": "true"}
        ]
      }
    ]
  }
}
""",
        """{
  "model": "opus",
  "hooks": {
    "SessionStart": [
      {
        "matcher": "startup",
        "hooks": [
          {"type": "command", "command": "true"}
        ]
      }
    ],
    "PostToolUse": [
      {
        "hooks": [
          {"type": "command", "command": "true"}
        ]
      }
    ]
  }
}
""",
    ),
    _ours(
        "by a path, flat beside other people's group",
        '{"hooks": {"Stop": [{"type": "command", "command": "/usr/local/bin/claude-session-status mark-turn"}, '
        f'{{"hooks": [{THEIRS}]}}]}}}}\n',
        f'{{"hooks": {{"Stop": [{{"hooks": [{THEIRS}]}}]}}}}\n',
    ),
    _ours(
        "twice, one of them in its own group",
        '{\n\t"hooks": {\n\t\t"Stop": [\n\t\t\t{"hooks": [{"type": "command", "command": "claude-session-status '
        'mark-turn"}]},\n\t\t\t{"type": "command", "command": "claude-session-status mark-turn"}\n\t\t]\n\t},\n'
        '\t"model": "opus"\n}\n',
        '{\n\t"model": "opus"\n}\n',
    ),
    _ours(
        "under a key that is given again",
        '{"hooks": {"Stop": [{"type": "command", "command": "claude-session-status mark-turn"}]}, "hooks": {}}',
        '{"hooks": {}}',
    ),
)

CORPUS = UNTOUCHED + WITH_OURS
