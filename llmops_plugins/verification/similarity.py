"""Models whose answers mean about the same are probably right."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from operator import mul
from typing import TYPE_CHECKING, Any, ClassVar

from langchain_core.embeddings import Embeddings

from llmops_plugins.effects import NEVER_SWALLOWED, Embed
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.verification.settings import check_share
from llmops_plugins.verification.verdict import PriceRank, Verdict, answer_message

if TYPE_CHECKING:
    from langchain.agents.middleware.types import ModelRequest, ModelResponse

    from llmops_plugins.flow import Effect

__all__ = ["SimilarAnswers", "cosine"]


class SimilarAnswers:
    """Accept an answer that every model asked gives in about the same words, by embedding similarity.

    For prose that has no final answer to compare. Embeddings see the topic better than a negation or a
    number: where those decide, compare with :class:`~llmops_plugins.Agreement`. The score is the lowest
    cosine similarity of another reply to the first; what is high depends on the embedding, so measure it.

    Args:
        embeddings: Any LangChain embeddings; one call embeds all replies.
        minimum_similarity: The cosine similarity, above 0 and at most 1, that every other reply must have to
            the first.

    Raises:
        ConfigurationError: If a setting is wrong.
    """

    minimum_replies: ClassVar[int] = 2
    price: ClassVar[PriceRank] = PriceRank.EMBEDDING

    def __init__(self, embeddings: Embeddings, *, minimum_similarity: float = 0.9) -> None:
        if not isinstance(embeddings, Embeddings):
            problem = f"must be LangChain embeddings, such as init_embeddings(...), got {embeddings!r:.40}"
            raise ConfigurationError("embeddings", problem)
        check_share("minimum_similarity", minimum_similarity)
        self._embeddings = embeddings
        self._minimum = minimum_similarity

    def __call__(
        self, request: ModelRequest[Any], replies: Sequence[ModelResponse[Any]]
    ) -> Generator[Effect, Any, Verdict]:
        """Compare the replies' texts; abstain where there are no two, or no embeddings of them."""
        messages = [answer_message(reply) for reply in replies]
        if len(messages) < self.minimum_replies:
            return Verdict(outcome="abstain", reason="similarity needs two replies or more and had one")
        if any(one is not None and (one.tool_calls or one.invalid_tool_calls) for one in messages):
            return Verdict(outcome="abstain", reason="a reply calls tools: there is no text to compare")
        texts = [message.text.strip() if message is not None else "" for message in messages]
        if "" in texts:
            return Verdict(outcome="reject", reason=f"reply {texts.index('') + 1} holds no text to compare")
        try:
            vectors: Sequence[Sequence[float]] = yield Embed(self._embeddings, texts)
            similarity = min(cosine(vectors[0], vector) for vector in vectors[1:])
        except NEVER_SWALLOWED:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a provider raises, there is nothing to compare with
            return Verdict(outcome="abstain", reason=f"{type(error).__name__} from the embeddings")
        if math.isnan(similarity):
            return Verdict(outcome="abstain", reason="an embedding has no direction to compare")
        accepted = similarity >= self._minimum
        return Verdict(
            outcome="accept" if accepted else "reject",
            reason=f"the lowest similarity is {similarity:.3f}, {self._minimum:g} is needed",
            score=min(1.0, max(0.0, similarity)),
        )


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the cosine of two vectors, NaN where one has no direction.

    For a few of them importing numpy would cost more than it saves.

    Args:
        one: A vector.
        other: Another of the same length.

    Raises:
        ValueError: If they differ in length.
    """
    if len(one) != len(other):
        raise ValueError("the embeddings differ in length")
    lengths = math.hypot(*one) * math.hypot(*other)
    # Rounding must not put equal texts below a minimum of 1.
    return round(sum(map(mul, one, other)) / lengths, 9) if lengths else math.nan
