"""What every scorer is."""

from __future__ import annotations

from typing import Protocol

from llmops_plugins.backtest.dataset import Question

__all__ = ["Scorer", "gold_of"]


class Scorer(Protocol):
    """Says how right an answer is.

    Args:
        name: As the user wrote it; recorded beside every score, so that scores of two kinds never mix.
        needs_gold: Whether it compares with the right answer.
    """

    @property
    def name(self) -> str:
        """As the user wrote it."""

    @property
    def needs_gold(self) -> bool:
        """Whether it compares with the right answer."""

    async def __call__(self, question: Question, text: str) -> float:
        """Return a score from 0 to 1.

        Args:
            question: What was asked, with the right answer as ``gold`` where there is one.
            text: What the model said.

        Raises:
            Exception: If the answer cannot be scored; it then stays unscored, and is told.
        """


def gold_of(question: Question) -> str:
    """Return a question's right answer.

    Raises:
        ValueError: If it has none.
    """
    if question.gold is None:
        raise ValueError("there is no gold answer to compare with")
    return question.gold
