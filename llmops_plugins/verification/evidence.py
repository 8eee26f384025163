"""What the replies to one request say about how right their answer is.

The answer tells more than the question: that models agree counts most, how they wrote it counts a little.
Calibration and the running cascade both read their evidence here, so a rule means the same in both.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = [
    "Evidence",
    "ReplyFacts",
    "evidence",
    "evidence_for",
    "evidence_names",
    "is_of_texts",
    "reply_facts",
]

_HEDGE = re.compile(
    r"\b(?:not (?:entirely )?sure|unsure|uncertain|unclear|perhaps|maybe|possibly|probably|might"
    r"|i think|i believe|i guess|it seems|appears to|cannot (?:be )?determined?|not enough information"
    r"|assum(?:e|ing))\b",
    re.IGNORECASE,
)
_MOST_HEDGES = 5

_OF_ANSWERS = ("all agree", "dissenters agree", "no answer")
_OF_TEXTS = ("prompt length", "reply length", "length spread", "hedging")


@dataclass(frozen=True)
class ReplyFacts:
    """What is read from one reply.

    Args:
        answer: Its final answer in comparable form; None where it has none, or the model failed.
        length: Natural logarithm of one plus its characters.
        hedges: Words of doubt in it, at most five.
    """

    answer: str | None
    length: float
    hedges: int


@dataclass(frozen=True)
class Evidence:
    """What several replies say together.

    Args:
        candidate: Index of the reply whose answer is proposed.
        values: One number for each of :func:`evidence_names`.
    """

    candidate: int
    values: tuple[float, ...]


def reply_facts(text: str, answer: str | None) -> ReplyFacts:
    """Read one reply.

    Args:
        text: All of it.
        answer: The final answer an extractor found in it.
    """
    hedges = sum(1 for _ in zip(range(_MOST_HEDGES), _HEDGE.finditer(text), strict=False))
    return ReplyFacts(answer=answer, length=math.log1p(len(text)), hedges=hedges)


def evidence_names(models: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the evidence that replies of these models give, in order.

    Args:
        models: The models asked so far, in the order asked.
    """
    if len(models) == 1:  # nothing to agree with
        return (_OF_ANSWERS[-1], _OF_TEXTS[0], _OF_TEXTS[1], _OF_TEXTS[3])
    return (*(f"agrees: {model}" for model in models), *_OF_ANSWERS, *_OF_TEXTS)


def is_of_texts(name: str) -> bool:
    """Tell whether a piece of evidence is read from how a text is written, not from what it answers."""
    return name in _OF_TEXTS


def evidence(replies: Sequence[ReplyFacts], ranks: Sequence[int], prompt_length: float) -> Evidence:
    """Propose an answer and weigh it.

    The candidate is the answer most models give; of answers given equally often, the most accurate model's.

    Args:
        replies: One for each model asked so far, in the order asked.
        ranks: Each of those models' place by accuracy; 0 is the most accurate.
        prompt_length: Natural logarithm of one plus the prompt's characters.

    Returns:
        The candidate, and the values named by :func:`evidence_names`.
    """
    votes = [_votes(reply.answer, replies) for reply in replies]
    candidate = min(range(len(replies)), key=lambda index: (-votes[index], ranks[index]))
    return Evidence(candidate, evidence_for(candidate, replies, prompt_length))


def evidence_for(candidate: int, replies: Sequence[ReplyFacts], prompt_length: float) -> tuple[float, ...]:
    """Weigh the answer of one reply, whether or not it is the one most models give.

    Args:
        candidate: Index of the reply.
        replies: One for each model asked so far, in the order asked.
        prompt_length: Natural logarithm of one plus the prompt's characters.

    Returns:
        The values named by :func:`evidence_names`.
    """
    chosen = replies[candidate]
    no_answer = float(chosen.answer is None)
    if len(replies) == 1:
        return (no_answer, prompt_length, chosen.length, float(chosen.hedges))
    agrees = [
        index == candidate or _equal(reply.answer, chosen.answer) for index, reply in enumerate(replies)
    ]
    others = [
        _votes(reply.answer, replies) for reply, agreeing in zip(replies, agrees, strict=True) if not agreeing
    ]
    lengths = [reply.length for reply in replies]
    return (
        *map(float, agrees),
        float(all(agrees)),
        float(max(others, default=0) > 1),
        no_answer,
        prompt_length,
        chosen.length,
        max(lengths) - min(lengths),
        float(chosen.hedges),
    )


def _equal(one: str | None, other: str | None) -> bool:
    return one is not None and one == other


def _votes(answer: str | None, replies: Sequence[ReplyFacts]) -> int:
    return sum(_equal(answer, reply.answer) for reply in replies)
