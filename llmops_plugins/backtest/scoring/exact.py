"""The whole answer is the right one."""

from __future__ import annotations

from dataclasses import dataclass

from llmops_plugins.backtest.dataset import Question
from llmops_plugins.backtest.scoring.scorer import gold_of
from llmops_plugins.verification.extractors import normalized_text

__all__ = ["ExactScorer"]


@dataclass(frozen=True, kw_only=True)
class ExactScorer:
    """1 where the answer equals the right one but for case, punctuation, articles and line breaks."""

    name: str = "exact"
    needs_gold: bool = True

    async def __call__(self, question: Question, text: str) -> float:
        """Compare the whole texts."""
        return float(_form(text) == _form(gold_of(question)))


def _form(text: str) -> str:
    # Of "?" nothing is left, and yet it is no "!".
    return normalized_text(text) or text.strip()
