"""The scorer of answers that a replay gives and no record holds."""

from __future__ import annotations

from collections.abc import Sequence

from llmops_plugins.backtest.dataset import chat_messages
from llmops_plugins.backtest.scoring.parsing import judge_of, parse_scorer
from llmops_plugins.backtest.scoring.scorer import Scorer
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.models.build import build_chat_model

__all__ = ["unrecorded_scorer"]


def unrecorded_scorer(text: str) -> Scorer:
    """Return the scorer that a text names; a judge is really asked, at its cost.

    Args:
        text: As :func:`~llmops_plugins.backtest.scoring.parsing.parse_scorer` reads it, but not
            ``similarity``.

    Raises:
        ConfigurationError: If it names none.
    """
    if text == "similarity":
        raise ConfigurationError("score", "of a replay cannot be similarity, choose for example judge:MODEL")
    judge = judge_of(text)
    if not judge:
        return parse_scorer(text)
    model = build_chat_model("score", judge)

    async def ask(messages: Sequence[tuple[str, str]]) -> str:
        # A replay has an event loop of its own, which a provider's async client, kept for the next, outlives.
        return model.invoke(chat_messages(messages)).text

    return parse_scorer(text, judge=ask)
