"""Refuses where the questions are about different people, places, products, names or kinds of thing."""

from __future__ import annotations

from dataclasses import dataclass

from llmops_plugins.caching.guards.guard import one_sided, swapped
from llmops_plugins.caching.guards.implied_names import IMPLIED_BY
from llmops_plugins.caching.guards.mentions import (
    MOST_INITIALS,
    Mention,
    NamesOf,
    initials_of,
    misspellings,
    names_of,
)
from llmops_plugins.caching.guards.reading import Reading, differ_in_little, read, stem

__all__ = ["NamedEntities"]

OTHER_WORDS = 1  # that may differ, where a name in one question only is still what sets them apart
NOWHERE: frozenset[str] = frozenset()


@dataclass(frozen=True)
class NamedEntities:
    """Refuses where one question has a name that the other has not.

    A name that is known, or is written as code or as an address, must be in both, unless other words imply it
    (the US beside Texas); so must a country or language, and a name that is quoted or capitalised inside a
    sentence, where little else differs. One that may be another word too must only
    not stand where the other question has another name; so must words that exclude each other, like credit
    and debit.
    """

    name: str = "entities"

    def __call__(self, question: str, stored: str) -> str | None:
        """Return the name that only one of the questions has, or None."""
        here, there = read(question), read(stored)
        new, old = here.part(names_of), there.part(names_of)
        only_new, only_old = _missing(here, there), _missing(there, here)
        both = bool(only_new and only_old)
        for found, in_new in ((only_new, True), (only_old, False)):
            for mention in found:
                if mention.required or (mention.telling and _tells_apart(mention, here, there, both)):
                    return one_sided(mention.said, in_new=in_new)
        if only_new and only_old:
            return swapped(only_new[0].said, only_old[0].said)
        return _other_kind(new, old)


def _tells_apart(mention: Mention, new: Reading, stored: Reading, both: bool) -> bool:
    """Whether little else differs than a name: next to nothing where no other name has taken its place."""
    if both:
        return differ_in_little(new, stored)
    name = {stem(word) for word in mention.said.casefold().split()}
    return len((new.stems ^ stored.stems) - name) <= OTHER_WORDS


def _missing(reading: Reading, others: Reading) -> list[Mention]:
    """Return the names that the other question has not, less those that its other words imply."""
    some, other = reading.part(names_of), others.part(names_of)
    if not some.mentions:
        return []
    spelled_out = _spelled_out(reading, others)
    found: list[Mention] = []
    known: set[int] = set()
    first_names: set[int] = set()
    for mention in some.mentions:
        if _is_in(mention, others) or spelled_out.issuperset(mention.places or (-1,)):
            known.update(mention.places)
            if mention.telling:
                first_names.update(mention.places)
        elif IMPLIED_BY.get(mention.key, NOWHERE).isdisjoint(other.words):
            found.append(mention)
    return _without_misspelt([_rest(one, known, first_names) for one in found], other)


def _rest(mention: Mention, known: set[int], first_names: set[int]) -> Mention:
    """Return a name, no longer required where the other question has another word of it: Hillary Clinton."""
    if any(at + 1 in known for at in mention.places):
        return mention._replace(required=False)
    if not mention.required and any(at - 1 in first_names for at in mention.places):
        return mention._replace(telling=False)
    return mention


def _is_in(mention: Mention, others: Reading) -> bool:
    word, keys = mention.said.casefold(), others.part(names_of).keys
    if mention.key in keys or word in keys or (mention.telling and stem(word) in others.stems):
        return True
    return _is_acronym(mention) and word in others.part(initials_of)


def _is_acronym(mention: Mention) -> bool:
    return 1 < len(mention.said) <= MOST_INITIALS and mention.said.isupper()


def _without_misspelt(missing: list[Mention], other: NamesOf) -> list[Mention]:
    """Return the names that no word of ``other`` is one letter away from."""
    if not missing:
        return []
    close = {variant for word in other.words for variant in misspellings(word)}
    return [one for one in missing if close.isdisjoint(misspellings(one.said.casefold()))]


def _spelled_out(reading: Reading, others: Reading) -> set[int]:
    """Return the places of words that an acronym in the other question stands for."""
    mentions = others.part(names_of).mentions
    acronyms = {one.said.casefold() for one in mentions if _is_acronym(one)}
    if not acronyms:
        return set()
    initials = reading.part(initials_of)
    return {at for letters in acronyms & initials.keys() for at in initials[letters]}


def _other_kind(new: NamesOf, stored: NamesOf) -> str | None:
    for kind in new.kinds.keys() & stored.kinds.keys():
        here, there = new.kinds[kind], stored.kinds[kind]
        only_here = [here[member] for member in here if member not in there]
        only_there = [there[member] for member in there if member not in here]
        if only_here and only_there:
            return swapped(only_here[0], only_there[0])
    return None
