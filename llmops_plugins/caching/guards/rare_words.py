"""Rare words of each question's own: one stands in the place of the other, whatever the wording."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from llmops_plugins.caching.guards.asking_words import NOUNS
from llmops_plugins.caching.guards.calendar_words import MONTHS, WEEKDAYS
from llmops_plugins.caching.guards.common_words import COMMON_WORDS
from llmops_plugins.caching.guards.everyday_words import EVERYDAY_WORDS
from llmops_plugins.caching.guards.number_words import NUMBER_WORDS, ORDINALS
from llmops_plugins.caching.guards.reading import EMPTY_WORDS, stem
from llmops_plugins.caching.guards.unit_words import UNITS
from llmops_plugins.caching.guards.word_forms import mean_the_same
from llmops_plugins.caching.guards.working_words import WORKING_WORDS

__all__ = ["exchanged_rare_words"]

_SHORTEST = 4
_MOST_OTHERS = 2
_KNOWN = frozenset().union(
    COMMON_WORDS,
    EMPTY_WORDS,
    EVERYDAY_WORDS,
    WORKING_WORDS,
    NUMBER_WORDS,
    ORDINALS,
    MONTHS,
    WEEKDAYS,
    NOUNS,
    UNITS,
)
_KNOWN_STEMS = frozenset(map(stem, _KNOWN))


def exchanged_rare_words(
    new: Sequence[str], stored: Sequence[str], only_new: Sequence[str], only_stored: Sequence[str]
) -> tuple[str, str] | None:
    """Return a rare word of each question that nothing in the other stands for, or None.

    Args:
        new: Words of the new question, in lower case.
        stored: Words of the stored one.
        only_new: Those of the new question that say what is meant and the other has not.
        only_stored: The same of the stored one.
    """
    if min(len(only_new), len(only_stored)) == 0 or max(len(only_new), len(only_stored)) > _MOST_OTHERS:
        return None
    here = next(_without_like(filter(_is_rare, only_new), stored), None)
    if here is None:
        return None
    there = next(_without_like(filter(_is_rare, only_stored), new), None)
    return None if there is None else (here, there)


@lru_cache(maxsize=8192)
def _is_rare(word: str) -> bool:
    word = word.removesuffix("'s")
    return len(word) >= _SHORTEST and word.isalpha() and word not in _KNOWN and stem(word) not in _KNOWN_STEMS


def _without_like(words: Iterable[str], others: Sequence[str]) -> Iterator[str]:
    return (word for word in words if not any(mean_the_same(word.removesuffix("'s"), one) for one in others))
