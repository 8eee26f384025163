"""Names and numbers that have changed places in otherwise the same words: 3 pm in New York, in London."""

from __future__ import annotations

from collections.abc import Iterator

from llmops_plugins.caching.guards.mentions import names_of
from llmops_plugins.caching.guards.reading import Reading, vocabulary

__all__ = ["exchanged_roles"]

MOST_DIFFERENT = 1
ARTICLES = frozenset({"a", "an", "the"})
EITHER_WAY = vocabulary("and or vs versus nor between both than with")

Context = tuple[str, ...]


def exchanged_roles(new: Reading, stored: Reading) -> tuple[str, str] | None:
    """Return two names or numbers that stand where the other did, or None.

    Args:
        new: The new question.
        stored: The stored one.
    """
    if len(new.stems ^ stored.stems) > MOST_DIFFERENT:
        return None
    here, there = new.part(_roles_of), stored.part(_roles_of)
    shared = [key for key in here if key in there and here[key] != there[key]]
    for at, key in enumerate(shared):
        for other in shared[at + 1 :]:
            if here[key] == there[other] and here[other] == there[key]:
                return key, other
    return None


def _roles_of(reading: Reading) -> dict[str, Context]:
    """Return the two words before each name or number, articles aside; a pair joined by "and" is left out."""
    return dict(_roles(reading))


def _roles(reading: Reading) -> Iterator[tuple[str, Context]]:
    lower = reading.lower
    names = {at: one.key for one in reading.part(names_of).mentions for at in one.places}
    for at, word in enumerate(lower):
        key = names.get(at) or (word if word[0].isdigit() else None)
        if key is None or names.get(at - 1) == key:
            continue
        before = tuple(one for one in lower[max(0, at - 4) : at] if one not in ARTICLES)[-2:]
        if EITHER_WAY.isdisjoint(lower[max(0, at - 2) : at + 2]):
            yield key, before
