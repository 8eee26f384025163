"""Tells whether two answers say the same: what the semantic tier checks its hits with by default."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, ClassVar

from langchain_core.embeddings import Embeddings

from llmops_plugins.caching.guards.entities import NamedEntities
from llmops_plugins.caching.guards.guard import Guard
from llmops_plugins.caching.guards.negation import Negation
from llmops_plugins.caching.guards.numbers import NumbersAndUnits
from llmops_plugins.caching.neighbourhood import normalized_answer
from llmops_plugins.effects import Effect, Request, Response
from llmops_plugins.verification.similarity import SimilarAnswers
from llmops_plugins.verification.verdict import PriceRank, Verdict, answer_message

__all__ = ["SameAnswer"]

_SIMILAR = 0.7
_LONGEST = 500
"""Characters of an answer that guards are asked about: a longer one may well say more than another."""

_GUARDS: tuple[Guard, ...] = (NumbersAndUnits(), NamedEntities(), Negation())


class SameAnswer:
    """Accept two answers that are equal, or similar and without another number, name or negation.

    Embeddings alone see neither: "Yes, you can" and "No, you cannot" are neighbours. Guards that find a
    difference between short answers reject; between long ones only their embeddings are compared, for which
    a ``PairwiseJudge`` is better.

    Args:
        embeddings: The tier's own.
    """

    minimum_replies: ClassVar[int] = 2
    price: ClassVar[PriceRank] = PriceRank.EMBEDDING

    def __init__(self, embeddings: Embeddings) -> None:
        self._similar = SimilarAnswers(embeddings, minimum_similarity=_SIMILAR)

    def __call__(self, request: Request, replies: Sequence[Response]) -> Generator[Effect, Any, Verdict]:
        """Compare the first two replies."""
        messages = [answer_message(reply) for reply in replies[:2]]
        one, other = (message.text if message is not None else "" for message in messages)
        if one and normalized_answer(one) == normalized_answer(other):
            return Verdict(outcome="accept", reason="the answers are equal", score=1.0)
        if max(len(one), len(other)) <= _LONGEST:
            for guard in _GUARDS:
                if guard(one, other) is not None:
                    return Verdict(
                        outcome="reject", reason=f"{guard.name} differ between the answers", score=0.0
                    )
        verdict: Verdict = yield from self._similar(request, replies)
        return verdict
