"""Units of several words: nautical miles, square metres, kilometres per hour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmops_plugins.caching.guards.number_tokens import Token
from llmops_plugins.caching.guards.unit_words import LONGEST_UNIT, UNIT_PHRASE_STARTS, UNIT_PHRASES, UNITS

__all__ = ["with_units_joined"]


def with_units_joined(tokens: Sequence[Token]) -> Iterator[Token]:
    """Yield the tokens, the words of a unit of several words as one, and m2 as a word.

    Args:
        tokens: The tokens of a question.
    """
    at = 0
    while at < len(tokens):
        token = tokens[at]
        size = _words_of_unit(tokens, at) if token.value in UNIT_PHRASE_STARTS else 1
        if size > 1:
            words = tokens[at : at + size]
            said, value = (
                " ".join(parts) for parts in zip(*((one.text, one.value) for one in words), strict=True)
            )
            yield Token("word", said, value, token.glued)
        elif token.kind == "literal" and token.value in UNITS:
            yield token._replace(kind="word")
        else:
            yield token
        at += size


def _words_of_unit(tokens: Sequence[Token], at: int) -> int:
    for size in range(min(LONGEST_UNIT, len(tokens) - at), 1, -1):
        words = tokens[at : at + size]
        if all(one.kind == "word" for one in words) and tuple(one.value for one in words) in UNIT_PHRASES:
            return size
    return 1
