"""Remembers what was read out of texts, within a bound on their size, without keeping the texts."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["TextCache"]

T = TypeVar("T")

_EACH = 100
"""What remembering anything takes, in characters."""


class TextCache(Generic[T]):
    """A function of a text that remembers its latest results, by the texts' hashes.

    Args:
        read: The function; what it returns must be no larger than in proportion to the text.
        characters: Of the texts whose results are remembered, all together; each counts for a hundred more.
    """

    def __init__(self, read: Callable[[str], T], *, characters: int = 2_000_000) -> None:
        self._read = read
        self._most = characters
        self._lock = threading.Lock()
        self._found: OrderedDict[bytes, tuple[T, int]] = OrderedDict()
        self._characters = 0

    def __call__(self, text: str) -> T:
        """Return what is read out of a text."""
        key = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        with self._lock:
            known = self._found.get(key)
            if known is not None:
                self._found.move_to_end(key)
                return known[0]
        value = self._read(text)
        with self._lock:
            if key not in self._found:
                self._found[key] = value, len(text) + _EACH
                self._characters += len(text) + _EACH
            while self._characters > self._most:
                self._characters -= self._found.popitem(last=False)[1][1]
        return value

    def __len__(self) -> int:
        """Return how many results are remembered."""
        return len(self._found)
