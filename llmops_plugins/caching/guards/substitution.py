"""Refuses a question in which one word stands in the place of another."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher

from llmops_plugins.caching.guards.guard import swapped
from llmops_plugins.caching.guards.synonyms import are_synonyms
from llmops_plugins.caching.question_words import QuestionWords, question_words

__all__ = ["Substitution"]

_SPELLED_ALIKE = 0.75
_LONG, _SHORTEST = 5, 3
_SHARED_BEGINNING = 6
_ASKING_LISTED = """
explain describe tell say mean let give know need want im id ill ive whats hows calculate number many much
good time per each every all work help possible way come put go going see thank thanks hello hi hey currently
exactly actually quickly best signs stand difference different differ compare compared same ok okay there use
used using like typical happen happened exist real able access suitable two three needed
"""
_ASKING = frozenset(_ASKING_LISTED.split())
"""Words that phrase a question and do not say what it is about."""

_OPPOSITE_PREFIXES = ("un", "in", "im", "il", "ir", "dis", "non", "de", "mis", "anti")
_OPPOSITE_WORDS = frozenset({("on", "off"), ("for", "against"), ("like", "dislike"), ("with", "without")})
_OPPOSITE_BEGINNINGS = (("over", "under"), ("up", "down"), ("in", "out"), ("in", "ex"), ("pre", "post"))


@dataclass(frozen=True)
class Substitution:
    """Refuses questions that differ in one word that says what is meant, unless both words mean the same.

    Embeddings see the many words that are the same; whether the one that changed is a synonym, or another
    medicine, team or service, they do not. A listed synonym, an inflection or another spelling passes.
    """

    name: str = "substitution"

    def __call__(self, question: str, stored: str) -> str | None:
        """Return how the questions differ, or None."""
        new, old = question_words(question), question_words(stored)
        one_sided = set(new.words) - set(old.words), set(old.words) - set(new.words)
        for one in sorted(one_sided[0]):
            for other in sorted(one_sided[1]):
                if _opposite(one, other):
                    return swapped(one, other)
        only_new, only_old = _only_in(new, old), _only_in(old, new)
        if len(only_new) != 1 or len(only_old) != 1:
            return None
        (one,), (other,) = only_new, only_old
        return None if are_synonyms(one, other) or _alike(one, other) else swapped(one, other)


def _only_in(one: QuestionWords, other: QuestionWords) -> list[str]:
    """Return the words that say what is meant and that only one question has, as they are written."""
    only = one.content - other.content
    written = dict(zip(one.stems, one.words, strict=True))
    return [word for stem, word in written.items() if stem in only and word not in _ASKING and word.isalpha()]


def _opposite(one: str, other: str) -> bool:
    """Tell whether two words differ by a prefix that turns the meaning round."""
    if (one, other) in _OPPOSITE_WORDS or (other, one) in _OPPOSITE_WORDS:
        return True
    shorter, longer = sorted((one, other), key=len)
    prefix = longer.removesuffix(shorter)
    if len(shorter) >= _SHORTEST and prefix != longer and prefix in _OPPOSITE_PREFIXES:
        return True
    return any(
        _beyond(one, begins) == _beyond(other, instead) != ""
        for a, b in _OPPOSITE_BEGINNINGS
        for begins, instead in ((a, b), (b, a))
    )


def _beyond(word: str, beginning: str) -> str:
    return word.removeprefix(beginning) if word.startswith(beginning) else ""


def _alike(one: str, other: str) -> bool:
    """Tell whether two words are one in another form or spelling."""
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) < _LONG or longer.endswith(shorter) or longer[:3] != shorter[:3]:
        return False
    if longer.startswith(shorter[:_SHARED_BEGINNING]):
        return True
    first, second = sorted((one, other))  # since the ratio can depend on their order
    return SequenceMatcher(None, first, second, autojunk=False).ratio() >= _SPELLED_ALIKE
