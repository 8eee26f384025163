"""What a learned scorer reads from a question and its answers, when it is fitted and when it runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from llmops_plugins.verification.comparable import answer_or_none
from llmops_plugins.verification.evidence import evidence_for, evidence_names, reply_facts
from llmops_plugins.verification.similarity import cosine
from llmops_plugins.verification.text_features import FORMAT_NAMES, format_values

__all__ = ["embedding_values", "feature_names", "text_values"]

_SIMILAR_TO_QUESTION = "similarity to the question"
_LEAST_SIMILAR = "similarity to the least similar reply"


def feature_names(models: Sequence[str], *, embedded: bool) -> tuple[str, ...]:
    """Return the names of the features, in order: those of the texts, then those of their embeddings.

    Args:
        models: The models whose replies are read; the first one's is judged.
        embedded: Whether the texts are embedded.
    """
    of_embeddings = (_SIMILAR_TO_QUESTION, _LEAST_SIMILAR)[: min(len(models), 2)] if embedded else ()
    return (*evidence_names(models), *FORMAT_NAMES, *of_embeddings)


def text_values(
    question: str, answers: Sequence[str], extract: Callable[[str], str | None]
) -> tuple[float, ...]:
    """Return the features of the texts.

    Args:
        question: What was asked.
        answers: The replies' texts, one for each model; the first is judged.
        extract: Finds the final answer in a text; an exception in it means there is none.
    """
    facts = [reply_facts(answer, answer_or_none(extract, answer)) for answer in answers]
    return (*evidence_for(0, facts, math.log1p(len(question))), *format_values(answers[0]))


def embedding_values(vectors: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """Return the features of the embeddings; NaN where one has no direction.

    Args:
        vectors: The question's and then each answer's, all of one length.

    Raises:
        ValueError: If they differ in length.
    """
    question, judged, *others = vectors
    similarities = [cosine(judged, other) for other in others]
    # Not min alone: it passes over a NaN that does not come first.
    least = math.nan if any(map(math.isnan, similarities)) else min(similarities, default=None)
    to_question = cosine(question, judged)
    return (to_question,) if least is None else (to_question, least)
