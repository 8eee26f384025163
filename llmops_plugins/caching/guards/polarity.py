"""What a question negates, what it implies the absence of, and its words that have an opposite."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from llmops_plugins.caching.guards.opposites import (
    IMPLIED_NEGATIVES,
    NEGATIVE_WORDS,
    OPPOSITES,
    PARTICLE_VERBS,
    PARTICLES,
    Pair,
)
from llmops_plugins.caching.guards.reading import EMPTY_WORDS, Reading, base_form, stem, vocabulary, words_in

__all__ = ["Negative", "Polarity", "polarity_of"]

FARTHEST_PARTICLE = 5
PHRASES = frozenset(word for word in OPPOSITES if "_" in word)
IMPLIED_STARTS = {word.split("_")[0] for word in IMPLIED_NEGATIVES if "_" in word}
PHRASE_STARTS = {word.split("_")[0] for word in PHRASES}
CANCELLED_WITHIN = 2
SCOPE_WITHIN = 5
WISHES = vocabulary("want wants wanted need needs needed")
BEFORE_A_WISH = vocabulary("i'd we'd would he'd she'd they'd you'd id look looks feel feels sound sounds is")
_NO_NEGATION = (
    r"not only",
    r"why not",
    r"(?:or|if|and) (?:why )?not",
    r"not? (?:more|less|fewer|later|earlier) than",
    r"yes (?:or|and|/) ?no",
    r"or no",
    r"no[.]? ?#?(?=\d)",
    r"no (?:matter|doubt|problem|worries|idea)",
    r"not sure",
    r"(?:don't|do not|didn't|did not|doesn't) (?:know|understand|get|see) "
    r"(?:how|what|why|where|if|which|when|who)",
    r"can't (?:wait|help)",
    r"without (?:fail|doubt)",
    r"if nothing else",
    r"nothing but",
)
_TAG = (
    r", ?(?:is|are|do|does|did|was|were|ca|could|should|would|wo|has|have|had)n't "
    r"(?:it|they|you|we|he|she|i)\b(?= {0,9}(?:$|[?.!]))"
)
NOT_NEGATIVE = re.compile(
    "|".join([_TAG, *(rf"\b{idiom}\b" for idiom in _NO_NEGATION)]).replace(r"(?=\d)\b", r"(?=\d)")
)
NON = re.compile(r"\bnon[- ](?=\w)")
EXCEPT = re.compile(
    r"(?<!another )(?<!set )(?<!sets )\b"
    r"(?:other than|apart from|aside from|with the exception of|free of|no longer)\b"
)
MAY_NEGATE = re.compile(r"\bno|n't|can't|without|other than|apart|aside|exception|free of")
NEITHER = re.compile(r"\bcan not\b")


class Negative(NamedTuple):
    """A word that negates.

    Args:
        said: The word.
        scope: Stem of the first word that it may negate, or nothing.
    """

    said: str
    scope: str


@dataclass(frozen=True, kw_only=True)
class Polarity:
    """The negations of one question, and what may take the place of one.

    Args:
        negatives: Its negations, less those that undo one another.
        implied: Its words that imply a negation: missing, fails, forgot.
        sides: Its words that have an opposite, by pair, each side counted.
    """

    negatives: tuple[Negative, ...]
    implied: frozenset[str]
    sides: dict[Pair, tuple[Counter[str], Counter[str]]]


def polarity_of(reading: Reading) -> Polarity:
    """Return the polarity of a question."""
    words = _plain_words(reading)
    sides: dict[Pair, tuple[Counter[str], Counter[str]]] = {}
    for word in _with_particles(words):
        for pair, side in _pairs_of(word):
            sides.setdefault(pair, (Counter(), Counter()))[side][word] += 1
    return Polarity(negatives=tuple(_uncancelled(words)), implied=frozenset(_implied(words)), sides=sides)


def _plain_words(reading: Reading) -> Sequence[str]:
    """Return the case-folded words, idioms that only seem to negate left out."""
    plain = reading.plain.casefold()
    if not MAY_NEGATE.search(plain):
        return [word.lower for word in reading.words]
    plain = EXCEPT.sub("except ", plain)
    plain = NON.sub("not ", NOT_NEGATIVE.sub(" ", NEITHER.sub("cannot", plain)))
    return [word.lower for word in words_in(plain)]


@lru_cache(maxsize=8192)
def _pairs_of(word: str) -> tuple[tuple[Pair, int], ...]:
    form = base_form(word, OPPOSITES)
    return OPPOSITES[form] if form else ()


@lru_cache(maxsize=8192)
def _implied_by(word: str) -> str | None:
    form = base_form(word, IMPLIED_NEGATIVES)
    return form if form or not word.endswith("less") else word


def _implied(words: Sequence[str]) -> Iterator[str]:
    for at, word in enumerate(words):
        if form := _implied_by(word):
            yield form
        elif word in IMPLIED_STARTS and (phrase := "_".join(words[at : at + 2])) in IMPLIED_NEGATIVES:
            yield phrase


def _uncancelled(words: Sequence[str]) -> list[Negative]:
    """Return the negations, less those that undo one another: not impossible."""
    found: list[int] = []
    for at, word in enumerate(words):
        if word in NEGATIVE_WORDS or word.endswith("n't"):
            if found and at - found[-1] <= CANCELLED_WITHIN:
                found.pop()
            else:
                found.append(at)
    return [Negative(words[at], _scope(words[at + 1 : at + 1 + SCOPE_WITHIN])) for at in found]


def _scope(following: Sequence[str]) -> str:
    return next((stem(word) for word in following if word in WISHES or word not in EMPTY_WORDS), "")


def _with_particles(words: Sequence[str]) -> Iterator[str]:
    """Yield the words and known phrases, verbs with a particle as one: "turn it off" is "turn_off"."""
    for at, word in enumerate(words):
        if word == "like" and at and words[at - 1] in BEFORE_A_WISH:
            continue
        if word in PARTICLE_VERBS:
            after = words[at + 1 : at + 2 + FARTHEST_PARTICLE]
            particle = next((PARTICLES[one] for one in after if one in PARTICLES), None)
            if particle:
                yield f"{_verb(word)}_{particle}"
                continue
        if word not in PHRASE_STARTS:
            yield word
            continue
        yield from (
            phrase
            for phrase in ("_".join(words[at : at + 2]), "_".join(words[at : at + 3]))
            if phrase in PHRASES
        )
        yield word


def _verb(word: str) -> str:
    verb = base_form(word, {"turn", "switch", "log", "sign", "check", "opt", "go"}) or word
    return "turn" if verb in {"switch", "power", "put"} else verb
