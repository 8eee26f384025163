"""Refuses a question in which one word stands in the place of another."""

from __future__ import annotations

from dataclasses import dataclass

from llmops_plugins.caching.guards.compounds import exchanged_compounds
from llmops_plugins.caching.guards.guard import swapped
from llmops_plugins.caching.guards.rare_words import exchanged_rare_words
from llmops_plugins.caching.guards.small_words import exchanged_small_words
from llmops_plugins.caching.guards.synonyms import are_synonyms
from llmops_plugins.caching.guards.word_forms import mean_the_same
from llmops_plugins.caching.question_words import QuestionWords, question_words

__all__ = ["Substitution"]

_SHORTEST = 3
_NEARLY_ALL = 1
_ASKING_LISTED = """
explain describe tell say mean let give know need want im id ill ive whats hows calculate number many much
good time per each every all work help possible way come put go going see thank thanks hello hi hey currently
exactly actually quickly best signs stand difference different differ compare compared same ok okay there use
used using like typical happen happened exist real able access suitable two three needed
whether because something anything no for
"""
_ASKING = frozenset(_ASKING_LISTED.split())
"""Words that phrase a question and do not say what it is about."""

_OPPOSITE_PREFIXES = ("un", "in", "im", "il", "ir", "dis", "non", "de", "mis", "anti")
_OPPOSITE_WORDS = frozenset({("on", "off"), ("for", "against"), ("like", "dislike")})
_OPPOSITE_BEGINNINGS = (
    ("over", "under"), ("up", "down"), ("in", "out"), ("in", "ex"), ("pre", "post"), ("hyper", "hypo"),
    ("inter", "intra"),
)  # fmt: skip
_OPPOSITE_ENDINGS = (("er", "ee"), ("or", "ee"))


@dataclass(frozen=True)
class Substitution:
    """Refuses questions that differ in a word that says what is meant, unless both words mean the same.

    Embeddings see the many words that are the same; whether the one that changed is a synonym, or another
    medicine, team or service, they do not. A listed synonym, an inflection or another spelling passes. In
    questions that are worded differently it must be a rare word in either.
    """

    name: str = "substitution"

    def __call__(self, question: str, stored: str) -> str | None:
        """Return how the questions differ, or None."""
        new, old = question_words(question), question_words(stored)
        only_new, only_old = _only_in(new, old), _only_in(old, new)
        turned = _turned(new, old, max(len(only_new), len(only_old)) <= _NEARLY_ALL)
        turned = turned or exchanged_small_words(question, stored, new, old)
        if turned is not None:
            return swapped(*turned)
        if len(only_new) == len(only_old) == 1 and not mean_the_same(only_new[0], only_old[0]):
            return swapped(only_new[0], only_old[0])
        rare = exchanged_compounds(question, stored) or exchanged_rare_words(
            new.words, old.words, only_new, only_old
        )
        return swapped(*rare) if rare else None


def _turned(new: QuestionWords, old: QuestionWords, alike: bool) -> tuple[str, str] | None:
    """Return words of the two questions of which one is the other turned round, or None."""
    if new.negated != old.negated:
        return None
    here, there = _unknown_words(new, old), _unknown_words(old, new)
    pairs = ((one, other) for one in here for other in there)
    return next((pair for pair in pairs if _opposite(*pair, alike=alike)), None)


def _only_in(one: QuestionWords, other: QuestionWords) -> list[str]:
    """Return the words that say what is meant and that only one question has, as they are written."""
    only = one.content - other.content
    written = dict(zip(one.stems, one.words, strict=True))
    return [word for stem, word in written.items() if stem in only and word not in _ASKING and word.isalpha()]


def _unknown_words(one: QuestionWords, other: QuestionWords) -> list[str]:
    """Return the words of a question that the other does not have in any form."""
    return sorted({word for word, stem in zip(one.words, one.stems, strict=True) if stem not in other.bag})


def _opposite(one: str, other: str, *, alike: bool) -> bool:
    """Tell whether two words differ by a beginning or an ending that turns the meaning round."""
    if alike and ((one, other) in _OPPOSITE_WORDS or (other, one) in _OPPOSITE_WORDS):
        return True
    if one[-_SHORTEST:] != other[-_SHORTEST:] and one[:_SHORTEST] != other[:_SHORTEST]:
        return False
    shorter, longer = sorted((one, other), key=len)
    prefix = longer.removesuffix(shorter)
    if len(shorter) >= _SHORTEST and prefix != longer and prefix in _OPPOSITE_PREFIXES:
        return not are_synonyms(one, other)
    both_ways = ((one, other), (other, one))
    return any(
        _beyond(first, beginning) == _beyond(second, instead) != ""
        for first, second in both_ways
        for beginning, instead in _OPPOSITE_BEGINNINGS
    ) or any(
        _before(first, ending) == _before(second, instead) != ""
        for first, second in both_ways
        for ending, instead in _OPPOSITE_ENDINGS
    )


def _beyond(word: str, beginning: str) -> str:
    return word.removeprefix(beginning) if word.startswith(beginning) else ""


def _before(word: str, ending: str) -> str:
    return word.removesuffix(ending) if word.endswith(ending) else ""
