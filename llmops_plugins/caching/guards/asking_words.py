"""What a question asks for: a time, a place, a person, a quantity, a reason, a way, a definition."""

from __future__ import annotations

import re
from collections.abc import Sequence

from llmops_plugins.caching.guards.reading import Reading, Word, vocabulary

__all__ = ["COMPATIBLE", "asked_for"]

VERBS = vocabulary(
    "is are was were am do does did has have had can could will would shall should may might must to be "
    "isn't aren't doesn't don't didn't can't"
)
LEADING = vocabulary("tell me know wonder wondering see check explain say and or but so please on by to from")
AMOUNT = vocabulary("many much")
DURATIONS = vocabulary(
    "second seconds minute minutes hour hours day days week weeks month months year years time"
)
DIMENSIONS = vocabulary(
    "tall high deep wide big large thick far heavy fast old hot cold warm loud strong steep"
)
NOUNS = {
    "time": "when",
    "date": "when",
    "day": "when",
    "year": "when",
    "month": "when",
    "century": "when",
    "deadline": "when",
    "place": "where",
    "city": "where",
    "country": "where",
    "town": "where",
    "location": "where",
    "address": "where",
    "person": "who",
    "name": "who",
    "number": "quantity",
    "amount": "quantity",
    "share": "quantity",
    "percentage": "quantity",
    "proportion": "quantity",
    "price": "quantity",
    "cost": "quantity",
    "fee": "quantity",
    "rate": "quantity",
    "limit": "quantity",
    "reason": "why",
    "reasons": "why",
    "cause": "why",
    "causes": "why",
    "way": "how",
    "ways": "how",
    "steps": "how",
    "procedure": "how",
    "process": "how",
    "method": "how",
}
"""What "what", "which" or "what is the" before one of these asks for."""

ASKED_AFTER = VERBS | NOUNS.keys()
DEFINED = re.compile(r"(?:an? )?(?:[^\W\d_]+)(?: [^\W\d_]+)?")

COMPATIBLE = frozenset(
    frozenset(pair)
    for pair in (
        ("when", "duration"),
        ("when", "dimension"),
        ("when", "frequency"),
        ("when", "mechanism"),
        ("where", "how"),
        ("where", "who"),
        ("where", "mechanism"),
        ("duration", "dimension"),
        ("duration", "quantity"),
        ("frequency", "quantity"),
        ("quantity", "dimension"),
        ("mechanism", "how"),
        ("mechanism", "why"),
        ("mechanism", "definition"),
    )
)
"""Kinds that ask for the same in other words: how long until, and when."""


def asked_for(reading: Reading) -> frozenset[str]:
    """Return the kinds of answer that a question asks for; empty where it says none, or asks yes or no."""
    words, lower = reading.words, reading.lower
    found = {
        kind
        for at, word in enumerate(lower)
        if word in ASKING and (kind := ASKING[word](words, lower, at)) is not None
    }
    return frozenset(found)


def _follows(lower: Sequence[str], at: int) -> str:
    return lower[at + 1] if at + 1 < len(lower) else ""


def _opens(words: Sequence[Word], lower: Sequence[str], at: int) -> bool:
    """Whether the word opens a clause that asks, and does not join one to another."""
    return words[at].begins or "," in words[at].gap or lower[at - 1] in LEADING


def _is_joined(lower: Sequence[str], at: int) -> bool:
    """Whether another asking word follows: when and where."""
    return _follows(lower, at) in {"and", "or"} and _follows(lower, at + 1) in ASKING


def _when(words: Sequence[Word], lower: Sequence[str], at: int) -> str | None:
    asks = _follows(lower, at) in VERBS or _is_joined(lower, at)
    return lower[at] if asks and _opens(words, lower, at) else None


def _who(words: Sequence[Word], lower: Sequence[str], at: int) -> str | None:
    return "who" if _opens(words, lower, at) else None


def _why(words: Sequence[Word], lower: Sequence[str], at: int) -> str | None:
    return "why" if _opens(words, lower, at) or _follows(lower, at) in VERBS else None


def _how(words: Sequence[Word], lower: Sequence[str], at: int) -> str | None:
    following, second = _follows(lower, at), _follows(lower, at + 1)
    if _is_joined(lower, at):
        return "how"
    if following in AMOUNT:
        return "duration" if second in DURATIONS else "quantity"
    if following == "long":
        return "duration"
    if following in {"often", "frequently"}:
        return "frequency"
    if following in DIMENSIONS:
        return "dimension"
    if following == "come":
        return "why"
    if following in {"to", "can", "do", "should", "could", "would"}:
        asks_way = following == "to" or second in {"i", "you", "we", "one", "my"}
        return "how" if asks_way else "mechanism"
    return "mechanism" if following in VERBS else None


def _what(words: Sequence[Word], lower: Sequence[str], at: int) -> str | None:
    rest = [word for word in lower[at + 1 : at + 5] if word not in {"is", "was", "are", "were", "the", "'s"}]
    if not rest:
        return None
    asks = _opens(words, lower, at) or lower[at] == "what's" or _follows(lower, at) in ASKED_AFTER
    if not asks:
        return None
    if rest[0] in NOUNS:
        return NOUNS[rest[0]]
    if rest[0] == "causes" or rest[:2] == ["makes", "a"]:
        return "why"
    return "definition" if lower[at] != "which" and _defines(words, lower, at) else None


def _defines(words: Sequence[Word], lower: Sequence[str], at: int) -> bool:
    """Whether what is asked is what a word or two mean: what is X, what does X mean."""
    end = next((index for index in range(at + 1, len(words)) if words[index].begins), len(words))
    rest = lower[at + 1 : end]
    if rest[-1:] == ("mean",):
        return True
    subject = rest if lower[at] == "what's" else rest[1:]
    is_asked = lower[at] == "what's" or rest[:1] in (("is",), ("are",))
    return is_asked and "the" not in subject and DEFINED.fullmatch(" ".join(subject)) is not None


ASKING = {
    "when": _when,
    "where": _when,
    "who": _who,
    "whom": _who,
    "whose": _who,
    "why": _why,
    "how": _how,
    "what": _what,
    "what's": _what,
    "which": _what,
}
