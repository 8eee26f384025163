"""The answer means about the same as the right one."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from langchain_core.embeddings import Embeddings

from llmops_plugins.backtest.dataset import Question
from llmops_plugins.backtest.scoring.scorer import gold_of
from llmops_plugins.verification.similarity import cosine

__all__ = ["SimilarityScorer"]


@dataclass(frozen=True, kw_only=True)
class SimilarityScorer:
    """The cosine similarity of the answer to the right one; below 0 it counts as 0.

    Args:
        embeddings: Embeds both texts, in one call.
        name: As the user wrote it.
    """

    embeddings: Embeddings = field(repr=False)
    name: str = "similarity"
    needs_gold: bool = True

    async def __call__(self, question: Question, text: str) -> float:
        """Compare what the texts mean."""
        gold = gold_of(question)
        if not text.strip():
            return 0.0
        one, other = await self.embeddings.aembed_documents([gold, text])
        similarity = cosine(one, other)
        if math.isnan(similarity):
            raise ValueError("an embedding has no direction to compare")
        return min(1.0, max(0.0, similarity))
