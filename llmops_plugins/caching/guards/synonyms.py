"""Words that may stand for each other in a question without changing what is asked."""

from __future__ import annotations

from llmops_plugins.caching.guards.synonym_groups import GROUPS

__all__ = ["are_synonyms"]


def _grouped() -> dict[str, set[int]]:
    places: dict[str, set[int]] = {}
    for place, line in enumerate(GROUPS.split("|")):
        for word in line.split():
            places.setdefault(word, set()).add(place)
    return places


_PLACES = _grouped()


def are_synonyms(one: str, other: str) -> bool:
    """Tell whether two words, in lower case, are listed together, also in the plural and other inflections.

    Args:
        one: A word.
        other: Another.
    """
    return any(_PLACES.get(a, set()) & _PLACES.get(b, set()) for a in _lemmas(one) for b in _lemmas(other))


def _lemmas(word: str) -> list[str]:
    """Return the word and what it may be an inflection of."""
    found = [word]
    for ending, instead in (
        ("s", ""), ("es", ""), ("ies", "y"), ("ed", ""), ("ed", "e"), ("ied", "y"),
        ("ing", ""), ("ing", "e"), ("ly", ""),
    ):  # fmt: skip
        if word.endswith(ending) and len(word) > len(ending) + 2:
            stem = word.removesuffix(ending)
            found += [stem + instead, stem[:-1] if stem[-2:-1] == stem[-1:] else stem + instead]
    return found
