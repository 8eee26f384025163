"""The answer's number is the right one."""

from __future__ import annotations

from dataclasses import dataclass

from llmops_plugins.backtest.dataset import Question
from llmops_plugins.backtest.scoring.scorer import gold_of
from llmops_plugins.verification.extractors import number_answer

__all__ = ["NumericScorer"]


@dataclass(frozen=True, kw_only=True)
class NumericScorer:
    """1 where the number that the answer ends in equals the right one."""

    name: str = "numeric"
    needs_gold: bool = True

    async def __call__(self, question: Question, text: str) -> float:
        """Compare the numbers."""
        right = number_answer(gold_of(question))
        if right is None:
            raise ValueError("the gold answer is no number")
        return float(number_answer(text) == right)
