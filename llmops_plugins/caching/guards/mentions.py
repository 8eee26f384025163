"""The names in a question: known ones in any case, others by their capitals or by how they are written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from llmops_plugins.caching.guards.calendar_words import MONTHS, WEEKDAYS
from llmops_plugins.caching.guards.common_words import AMBIGUOUS_NAMES, COMMON_WORDS
from llmops_plugins.caching.guards.kinds import KIND_OF
from llmops_plugins.caching.guards.places import COUNTRIES, PLACES
from llmops_plugins.caching.guards.products import CAPITALISED_PRODUCTS, PRODUCT_ALIASES, PRODUCTS
from llmops_plugins.caching.guards.reading import Reading, Word, vocabulary, without_possessive, words_in
from llmops_plugins.caching.guards.unit_words import UNITS

__all__ = ["MOST_INITIALS", "Mention", "NamesOf", "initials_of", "misspellings", "names_of"]

LONGEST_LITERAL = 300
LONGEST_PHRASE = 4
LONGEST_WORD = 40
MOST_INITIALS = 6
GOES_WITHOUT_SAYING = vocabulary("wifi css html http https earth sun moon")
SHORTEST_MISSPELT = 7
SKIPPED_IN_ACRONYMS = vocabulary("of and the for in at de")
PHRASES = {name: key for name, key in (PLACES | PRODUCT_ALIASES).items() if " " in name}
KIND_STARTS = {name.split()[0] for name in KIND_OF}
PHRASE_STARTS = {name.split()[0] for name in PHRASES}
LITERAL = re.compile(
    r"\S{1,200}@\S{1,200}\.\S{1,50}|[a-z]{2,8}://\S+|www\.\S+|--?[a-z][\w-]*|\w+(?:_\w+)+|[\w-]+(?:\.[\w-]+)*\.[a-z]\w{1,9}(?:/\S*)?"
    r"|[\w:.]+\(\)|[~.]?/[\w./-]+",
    re.IGNORECASE,
)
LITERAL_SIGN = re.compile(r"[@.:_/~(-]")
SENTENCES_JOINED = re.compile(r"[a-z]{3}\.[A-Z][a-z]+$")
QUOTED = re.compile(r'"([^"\n]{1,80})"|(?<!\w)\'([^\'\n]{1,80})\'(?!\w)')
AFTER_A_NAME = vocabulary("is was has had will does did can could would should vs versus and or")
OUTER = "\"'()[]{}<>,;:!?.…*#=|`"


class Mention(NamedTuple):
    """One name in a question.

    Args:
        said: It as written.
        key: What it is compared under.
        required: Whether the other question must have it; else it must only not be replaced by another.
        places: Indices of its words.
        telling: Whether it is a name for certain, if not a known one.
    """

    said: str
    key: str
    required: bool
    places: tuple[int, ...] = ()
    telling: bool = False


@dataclass(frozen=True, kw_only=True)
class NamesOf:
    """What the entity guard knows about one question.

    Args:
        mentions: Its names.
        words: Its words, case-folded.
        keys: Everything that a name of the other question may be found under.
        kinds: Its words that exclude others: kind to members.
    """

    mentions: tuple[Mention, ...]
    words: frozenset[str]
    keys: frozenset[str]
    kinds: dict[str, dict[str, str]]


def names_of(reading: Reading) -> NamesOf:
    """Return the names in a question."""
    words, lower = reading.words, reading.lower
    phrases = dict(_phrases(lower))
    keys = [_key(word) for word in lower]
    literals = tuple(_literals(reading.plain))
    mentions = (*literals, *_named(words, keys, phrases), *_quoted(reading.plain))
    known = {*lower, *keys, *phrases.values(), *(one.key for one in literals)}
    known.update(first + second for first, second in pairwise(lower))
    return NamesOf(
        mentions=mentions,
        words=frozenset(lower),
        keys=frozenset(known),
        kinds=_kinds(lower),
    )


def initials_of(reading: Reading) -> dict[str, tuple[int, ...]]:
    """Return initials of consecutive words, which an acronym may stand for, with the words' indices."""
    every = [(index, word[0]) for index, word in enumerate(reading.lower)]
    kept = [(index, letter) for index, letter in every if reading.lower[index] not in SKIPPED_IN_ACRONYMS]
    found: dict[str, tuple[int, ...]] = {}
    for letters in (every, kept):
        for at in range(len(letters)):
            for size in range(2, MOST_INITIALS + 1):
                window = letters[at : at + size]
                found["".join(letter for _, letter in window)] = tuple(index for index, _ in window)
    return found


def misspellings(word: str) -> Iterator[str]:
    """Yield a long unknown word and it without each letter; words that are one edit apart share one."""
    if SHORTEST_MISSPELT - 1 <= len(word) <= LONGEST_WORD and word not in PLACES and word not in PRODUCTS:
        yield word
        yield from (word[:at] + word[at + 1 :] for at in range(len(word)))


@lru_cache(maxsize=8192)
def _key(word: str) -> str:
    for form in (word, word[:-1] if word.endswith("s") and len(word) > 3 else word):
        if form in PLACES:
            return PLACES[form]
        if form in PRODUCT_ALIASES:
            return PRODUCT_ALIASES[form]
        if form in PRODUCTS:
            return form
    return _singular(word)


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _phrases(lower: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield index and key of every word of the known names that have several words."""
    at = 0
    while at < len(lower):
        for size in range(LONGEST_PHRASE, 1, -1):
            if lower[at] not in PHRASE_STARTS:
                break
            name = " ".join(lower[at : at + size])
            if name in PHRASES:
                yield from ((index, PHRASES[name]) for index in range(at, min(at + size, len(lower))))
                at += size - 1
                break
        at += 1


def _named(words: tuple[Word, ...], keys: list[str], phrases: dict[int, str]) -> Iterator[Mention]:
    shouted = _mostly(words, str.isupper)
    titled = shouted or _mostly(words, lambda text: text[0].isupper())
    for index, (word, key) in enumerate(zip(words, keys, strict=True)):
        text, lower = without_possessive(word.text), without_possessive(word.lower)
        capital = text[0].isupper()
        if index in phrases:
            yield _known(phrases[index], phrases[index], index)
        elif _is_known(text, lower, key, capital, shouted):
            yield _known(text, key, index)
        elif (
            lower in COMMON_WORDS
            or lower in UNITS
            or lower in MONTHS
            or lower in WEEKDAYS
            or any(map(str.isdigit, text))
            or (word.begins and not _begins_with_name(words, index))
        ):
            continue
        elif capital or any(map(str.isupper, text[1:])):
            yield Mention(text, key, False, (index,), not titled and not word.begins)
        elif lower in AMBIGUOUS_NAMES and (lower in PLACES or lower in PRODUCTS):
            yield Mention(text, key, False, (index,))


def _known(said: str, key: str, index: int) -> Mention:
    """Return a known name; a country or language may go without saying where the wording differs."""
    wide = key in COUNTRIES or key in GOES_WITHOUT_SAYING
    return Mention(said, key, not wide, (index,), wide)


def _begins_with_name(words: tuple[Word, ...], index: int) -> bool:
    """Whether the word that begins a sentence is a name rather than a verb or noun with its capital."""
    text = words[index].text
    if len(text) == 1 or index + 1 == len(words):
        return False
    after = words[index + 1]
    named = after.lower in AFTER_A_NAME or after.gap[:1] in (":", ",") or after.text[0].isupper()
    return named or text.endswith("'s") or any(map(str.isupper, text[1:]))


def _is_known(text: str, lower: str, key: str, capital: bool, shouted: bool) -> bool:
    if lower in {"us", "la", "sf", "eu", "it"}:
        return text.isupper() and not shouted and lower in PLACES
    if lower in AMBIGUOUS_NAMES and not capital:
        return False
    if lower in CAPITALISED_PRODUCTS:
        return capital
    return lower in PLACES or lower in PRODUCTS or key in PRODUCTS or key in PLACES


def _mostly(words: tuple[Word, ...], test: Callable[[str], bool]) -> bool:
    """Whether most longer words that begin no sentence pass ``test``, so that a capital says nothing."""
    longer = [
        word.text for word in words if len(word.text) > 3 and not word.begins and word.text[0].isalpha()
    ]
    return len(longer) > 2 and sum(map(test, longer)) > 0.7 * len(longer)


def _literals(plain: str) -> Iterator[Mention]:
    for chunk in plain.split():
        inner = chunk.strip(OUTER)
        may_be = len(inner) < LONGEST_LITERAL and LITERAL_SIGN.search(inner) and not inner[0].isdigit()
        if may_be and LITERAL.fullmatch(inner) and not SENTENCES_JOINED.search(inner):
            yield Mention(inner, _literal_key(inner), True)


def _literal_key(literal: str) -> str:
    """Return an address or a flag as people shorten it: without www., .com or dashes."""
    key = literal.casefold().rstrip("/").removeprefix("https://").removeprefix("http://").removeprefix("www.")
    key = key.lstrip("-").removesuffix(".com")
    return key.replace(".", "") if key[1:2] == "." else key


def _quoted(plain: str) -> Iterator[Mention]:
    for found in QUOTED.finditer(plain):
        for word in words_in(found[1] or found[2]):
            lower = without_possessive(word.lower)
            if len(lower) > 1 and lower not in COMMON_WORDS and not any(map(str.isdigit, lower)):
                yield Mention(without_possessive(word.text), _key(lower), False, (), True)


def _kinds(lower: Sequence[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for at, word in enumerate(lower):
        if word not in KIND_STARTS:
            continue
        for name in (word, " ".join(lower[at : at + 2])) if at + 1 < len(lower) else (word,):
            for kind, member in KIND_OF.get(name, ()):
                found.setdefault(kind, {})[member] = name
    return found
