"""What small words and signs turn round where all others are the same."""

from __future__ import annotations

import re
from collections import Counter

from llmops_plugins.caching.question_words import QuestionWords

__all__ = ["exchanged_small_words"]

_EXCHANGED = (
    ("from", "to"), ("from", "for"), ("in", "out"), ("can", "must"), ("may", "must"), ("should", "must"),
    ("by", "to"), ("over", "under"), ("without", "with"), ("who", "whom"), ("my", "your"), ("me", "you"),
)  # fmt: skip
_SMALL = frozenset({"out", "not", "but", "again"})
_SIGNS = re.compile(r"[+*/^<>=%]")


def exchanged_small_words(
    question: str, stored: str, new: QuestionWords, old: QuestionWords
) -> tuple[str, str] | None:
    """Return the small words or signs that differ between questions of the same content, or None.

    Args:
        question: The new question.
        stored: The stored one.
        new: The new question's words.
        old: The stored one's.
    """
    if new.content - _SMALL != old.content - _SMALL:
        return None
    # Counted, since a question may hold "to" twice and the other once.
    here, there = Counter(new.words) - Counter(old.words), Counter(old.words) - Counter(new.words)
    for one, other in _EXCHANGED:
        if one in here and other in there:
            return one, other
        if other in here and one in there:
            return other, one
    if new.negated != old.negated:
        return ("not", "no not") if new.negated else ("no not", "not")
    signs = sorted(_SIGNS.findall(question)), sorted(_SIGNS.findall(stored))
    if new.numbers == old.numbers != frozenset() and signs[0] != signs[1] and all(signs):
        return "".join(signs[0]), "".join(signs[1])
    return None
