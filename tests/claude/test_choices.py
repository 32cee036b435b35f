"""What `/model`, `/effort` and `/fast` print, and whether that is what the last response had."""

import pytest

from claude_session_status.claude.choices import Choice, choice_in, is_same_model

BOLD, PLAIN = "\x1b[1m", "\x1b[22m"
# (the last response's model, what /model prints)
SAME_MODEL = [
    ("claude-opus-4-6", f"{BOLD}Opus 4.6{PLAIN} with {BOLD}high{PLAIN} effort"),
    ("claude-opus-5-5", "opus (claude-opus-5-5)"),
    ("claude-opus-4-6", f"{BOLD}opus (claude-opus-4-6){PLAIN} with {BOLD}high{PLAIN} effort"),
    ("claude-sonnet-4-6", "Sonnet 4.6 · Billed as extra usage"),
    ("claude-sonnet-4-5-20250929", "sonnet (claude-sonnet-4-5-20250929)"),
    ("claude-sonnet-4-5-20250929", "sonnet (claude-sonnet-4-5)"),
    ("claude-sonnet-4-5-20250929", "Default (Sonnet 4.5 · Best for everyday tasks)"),
    ("claude-3-5-sonnet-20241022", "Sonnet 3.5"),
    ("claude-opus-4-20250514", "Opus 4"),
    ("us.anthropic.claude-opus-4-6-v1:0", "Opus 4.6"),
    ("us.anthropic.claude-opus-4-6-v1:0", "opus (claude-opus-4-6)"),
    ("claude-opus-4-6@20260101", "Opus 4.6 (default) and saved as your default for new sessions"),
    ("anthropic/claude-opus-4.6", "Opus 4.6"),
    ("glm-4.6", "opus (glm-4.6)"),
    ("glm-4.6", "glm-4.6"),
    ("claude-opus-4-6", "Opus"),
    ("claude-haiku-4-5", "`haiku`"),
    (
        "claude-opus-5-5[1m]",
        "Opus 5.5 (1M context) (default) and saved as your default · Fast mode ON · On credits",
    ),
    ("claude-opus-5-5[1m]", "opus (claude-opus-5-5[1m])"),
]
OTHER_MODEL = [
    ("claude-opus-4-6", "sonnet (claude-sonnet-4-6) with low effort"),
    ("claude-opus-4-6", "opus (claude-opus-4-5)"),
    ("claude-opus-4-6", "Opus 4.5"),
    ("claude-opus-4-6", "Opus 4"),
    ("claude-opus-4-6", "Default (Sonnet 4.5 · Best for everyday tasks)"),
    ("claude-opus-4-6", "Default (recommended)"),
    ("claude-opus-4-6", "opus (glm-4.6)"),
    ("claude-opus-5-5", "opus (claude-opus-5-5[1m])"),
    ("gpt-5-mini", "gpt-5"),
]


def _model_in(printed: str) -> str:
    choice = choice_in(f"<local-command-stdout>Set model to {printed}</local-command-stdout>")
    assert choice is not None
    assert choice.model is not None
    return choice.model


@pytest.mark.parametrize(("model", "printed"), SAME_MODEL)
def test_the_same_model_is_recognised(model: str, printed: str) -> None:
    assert is_same_model(_model_in(printed), model)


@pytest.mark.parametrize(("model", "printed"), OTHER_MODEL)
def test_another_model_is_recognised(model: str, printed: str) -> None:
    assert not is_same_model(_model_in(printed), model)


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("<local-command-stdout>Set model to Opus 5.5</local-command-stdout>", Choice("Opus 5.5")),
        ("<local-command-stdout>Set model to Opus 5.5", Choice("Opus 5.5")),
        (
            "<local-command-stdout>Set model to Opus 5 (1M context) (default) and saved as your default"
            " · Fast mode ON · Draws from usage credits</local-command-stdout>",
            Choice("Opus 5 (1M context) (default)", fast=True),
        ),
        (
            f"<local-command-stdout>Set model to {BOLD}opus{PLAIN} with {BOLD}High{PLAIN} effort",
            Choice("opus", effort="high"),
        ),
        (
            "<local-command-stdout>Set effort level to low (this session only): Quick</local-command-stdout>",
            Choice(effort="low", is_effort_only=True),
        ),
        ("<local-command-stdout>↯ Fast mode ON</local-command-stdout>", Choice(fast=True)),
        ("<local-command-stdout>Fast mode OFF</local-command-stdout>", Choice(fast=False)),
        (
            "<command-name>/model</command-name>\n<local-command-stdout>Set model to A</local-command-stdout>\n"
            "<local-command-stdout>Set model to B</local-command-stdout>",
            Choice("B"),
        ),
        ("<local-command-stdout>Kept model as Opus 5.5</local-command-stdout>", None),
        ("<local-command-stdout>Total cost: 3 USD. Set model to save</local-command-stdout>", None),
        ("<local-command-stdout></local-command-stdout>", None),
        ("<command-name>/model</command-name>", None),
        ("Set model to Opus 5.5", None),
        ("", None),
    ],
)
def test_the_choice_in_a_line(text: str, choice: Choice | None) -> None:
    assert choice_in(text) == choice


def test_output_without_tags_counts_only_in_a_line_that_is_output() -> None:
    assert choice_in("Set model to Opus 5.5", is_output=True) == Choice("Opus 5.5")
