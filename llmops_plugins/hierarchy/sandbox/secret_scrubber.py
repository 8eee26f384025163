"""Finds secrets in text, also encoded, reversed, in pieces or spread out, and puts placeholders there."""

from __future__ import annotations

import base64
import html
import json
import math
import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote

__all__ = ["FEWEST_CHARACTERS", "SecretScrubber", "letters_and_digits"]

FEWEST_CHARACTERS = 6
"""Letters and digits a secret needs: shorter ones are in any text by chance."""
_LONGEST_PIECE = 20
_APART = r"[\W_]+"


class SecretScrubber:
    """Replaces secrets in text by their placeholders.

    Text is compared by its letters and digits alone, without case, so that spaces, line ends, quotes and
    separators between the characters hide nothing. Found are the secret as it is, reversed, in base64 (also
    URL-safe, and inside a longer text), base32, hexadecimal, percent-encoded once or twice, escaped for JSON
    and HTML, and as decimal character codes; and of each every piece that holds half of the secret, or 20
    characters of it.

    Not found are shorter pieces, hashes, compressed or encrypted forms, other alphabets (rot13, base85,
    Morse), and what a host function works out from a secret: one that slices or compares its secret as the
    code bids gives it away piece by piece. Since what is replaced can be told from what is not, a secret
    that can be guessed can be found by trying: use random ones of 20 characters and more.

    Args:
        secrets: Values by name, each with at least six letters or digits.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._pieces: dict[int, dict[str, str]] = {}
        for name, value in secrets.items():
            for form, size in _forms(value):
                pieces = self._pieces.setdefault(size, {})
                for start in range(len(form) - size + 1):
                    pieces.setdefault(form[start : start + size], name)
        placeholders = (re.escape("{{" + name + "}}") for name in secrets)
        self._apart = re.compile("|".join([*placeholders, _APART]))

    def finds(self, text: str) -> bool:
        """Tell whether a secret is in a text; placeholders are none."""
        return (
            bool(self._pieces) and next(self._found(self._apart.sub("", text).casefold()), None) is not None
        )

    def __call__(self, text: str) -> str:
        """Return the text with every secret replaced by its placeholder, ``{{NAME}}``."""
        if not self.finds(text):
            return text
        plain, places = self._spread(text)
        names: dict[int, str] = {}
        for start, size, name in self._found(plain):
            for index in range(start, start + size):
                names.setdefault(index, name)
        return _masked(text, _stretches(names, places))

    def _found(self, plain: str) -> Iterator[tuple[int, int, str]]:
        """Yield where pieces begin, their length and whose they are."""
        for size, pieces in self._pieces.items():
            for start in range(len(plain) - size + 1):
                name = pieces.get(plain[start : start + size])
                if name is not None:
                    yield start, size, name

    def _spread(self, text: str) -> tuple[str, list[int]]:
        """Return the letters and digits, and where in the text each is."""
        characters: list[str] = []
        places: list[int] = []
        end = 0
        for start, following in [*(one.span() for one in self._apart.finditer(text)), (len(text), 0)]:
            for place in range(end, start):
                folded = text[place].casefold()
                characters.append(folded)
                places.extend([place] * len(folded))
            end = following
        return "".join(characters), places


def letters_and_digits(text: str) -> str:
    """Return what texts are compared by: letters and digits without case."""
    return re.sub(_APART, "", text).casefold()


def _forms(value: str) -> Iterator[tuple[str, int]]:
    """Yield how a secret may look, and how long a piece of that gives it away."""
    length = len(letters_and_digits(value))
    share = min(max(length // 2, FEWEST_CHARACTERS), _LONGEST_PIECE) / length
    seen = set()
    for written in _written(value):
        form = letters_and_digits(written)
        size = max(math.ceil(len(form) * share), FEWEST_CHARACTERS)
        if form not in seen and len(form) >= size:
            seen.add(form)
            yield form, size


def _written(value: str) -> Iterator[str]:
    data = value.encode("utf-8", "surrogatepass")
    once = quote(data, safe="")
    yield from (value, value[::-1], data.hex(), once, quote(once, safe=""))
    yield from (json.dumps(value)[1:-1], html.escape(value), "".join(str(ord(one)) for one in value))
    for before in range(3):  # which six bits a letter holds depends on what stands before
        yield _inside(base64.b64encode(bytes(before) + data), before, bits=6)
    for before in range(5):
        yield _inside(base64.b32encode(bytes(before) + data), before, bits=5)


def _inside(encoded: bytes, before: int, *, bits: int) -> str:
    """Return those characters of an encoding that depend on the secret alone."""
    text = encoded.decode().rstrip("=")
    spare = 1 if encoded.endswith(b"=") else 0
    return text[math.ceil(before * 8 / bits) : len(text) - spare]


def _stretches(names: Mapping[int, str], places: list[int]) -> Iterator[tuple[int, int, str]]:
    """Yield where the secrets begin and end in the text, and their names."""
    start: int | None = None
    for index in sorted(names):
        start = index if start is None else start
        if names.get(index + 1) != names[index]:
            yield places[start], places[index] + 1, names[index]
            start = None


def _masked(text: str, stretches: Iterator[tuple[int, int, str]]) -> str:
    parts: list[str] = []
    end = 0
    for start, stop, name in stretches:
        parts += [text[end : max(start, end)], "{{" + name + "}}"]
        end = max(stop, end)
    return "".join([*parts, text[end:]])
