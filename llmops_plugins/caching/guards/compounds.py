"""Words joined by hyphens that differ in one part: checkout-api and search-api, dairy-free and nut-free."""

from __future__ import annotations

import re

from llmops_plugins.caching.guards.number_words import NUMBER_WORDS, ORDINALS
from llmops_plugins.caching.guards.reading import Reading, read
from llmops_plugins.caching.guards.word_forms import mean_the_same

__all__ = ["exchanged_compounds"]

_COMPOUND = re.compile(r"(?<![\w-])[^\W\d_]{2,30}(?:-[^\W\d_]{2,30}){1,3}(?![\w-])")


def exchanged_compounds(question: str, stored: str) -> tuple[str, str] | None:
    """Return a compound of each question that the other has not and that differ in one part, or None.

    Args:
        question: The new question.
        stored: The stored one.
    """
    new, old = read(question).part(_compounds_of), read(stored).part(_compounds_of)
    for one in sorted(new - old):
        for other in sorted(old - new):
            if _differ_in_one_part(one.split("-"), other.split("-")):
                return one, other
    return None


def _compounds_of(reading: Reading) -> frozenset[str]:
    return frozenset(_COMPOUND.findall(reading.plain.casefold())) if "-" in reading.plain else frozenset()


def _differ_in_one_part(one: list[str], other: list[str]) -> bool:
    if len(one) != len(other):
        return False
    different = [pair for pair in zip(one, other, strict=True) if not mean_the_same(*pair)]
    return len(different) == 1 and not any(part in NUMBER_WORDS or part in ORDINALS for part in different[0])
