"""Simulated embeddings, so that the demo's cache can search by meaning on a machine without a model."""

from __future__ import annotations

import hashlib
import re
from collections import Counter

from langchain_core.embeddings import Embeddings

__all__ = ["DIMENSIONS", "SimulatedEmbeddings"]

DIMENSIONS = 512

_NUMBER = "<number>"
_LIGHT = 0.35
_SMALL_TALK = """
    a able about am an and any are as at be been can could did do does for from had has have hello hey hi how
    i if in is it its kind may me my of on or our please possible so some tell thank thanks that the their
    them there they this to up us was we were what when which who will with would you your
"""
_LIGHT_WORDS = frozenset(_SMALL_TALK.split())
_ENDINGS = ("ing", "led", "ed", "es", "s", "e")


class SimulatedEmbeddings(Embeddings):
    """Embeddings that only count words: texts are near each other where they share most of them.

    They are no model. What they share with one is what the demo is about: wording hardly matters, and any
    number is as good as any other, so a question about another order looks like the same one.
    """

    model = "simulated-embeddings"
    announces_calls = True  # nothing is called, so nothing goes on a bill
    symmetric = True

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed texts, one vector of 512 numbers each."""
        return [_vector(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        """Embed one text."""
        return _vector(text)


def _vector(text: str) -> list[float]:
    vector = [0.0] * DIMENSIONS
    for word, count in Counter(_words(text)).items():
        digest = hashlib.sha256(word.encode()).digest()
        sign = 1.0 if digest[2] % 2 else -1.0
        weight = _LIGHT if word in _LIGHT_WORDS else 1.0
        vector[int.from_bytes(digest[:2], "big") % DIMENSIONS] += sign * weight * count
    return vector if any(vector) else [1.0, *vector[1:]]


def _words(text: str) -> list[str]:
    found = re.findall(r"[a-z0-9]+", re.sub(r"'\w+", "", text.lower()))
    return [_NUMBER if any(map(str.isdigit, word)) else _stem(word) for word in found]


def _stem(word: str) -> str:
    """Cut the commonest endings off, where enough is left to be a word."""
    if word in _LIGHT_WORDS:
        return word
    ending = next((one for one in _ENDINGS if word.endswith(one) and len(word) - len(one) >= 3), "")
    return word.removesuffix(ending)
