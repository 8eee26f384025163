"""The final answer in a free-form reply is the right one."""

from __future__ import annotations

from dataclasses import dataclass

from llmops_plugins.backtest.dataset import Question
from llmops_plugins.backtest.scoring.scorer import gold_of
from llmops_plugins.verification.answers import extract_answer

__all__ = ["FinalAnswerScorer"]


@dataclass(frozen=True, kw_only=True)
class FinalAnswerScorer:
    """1 where :func:`~llmops_plugins.verification.answers.extract_answer` finds the same in both texts."""

    name: str = "answer"
    needs_gold: bool = True

    async def __call__(self, question: Question, text: str) -> float:
        """Compare the final answers."""
        right = extract_answer(gold_of(question))
        if right is None:
            raise ValueError("the gold answer holds no final answer to compare with")
        return float(extract_answer(text) == right)
