"""Labelled pairs of which more is known than of real ones: how likely each is the same, or why it is not."""

import itertools
import math

import numpy as np
from langchain_core.embeddings import Embeddings

from llmops_plugins.caching.pair import LabelledPair

MANY = 8_192


class Placed(Embeddings):
    """Gives stored questions one vector, and those that are asked one at a cosine of it that one chooses."""

    model = "placed"

    def __init__(self):
        self._cosines = {}

    def pair(self, cosine, *, same):
        """Return a new pair at a cosine, whose words tell nothing: each has one, and no other has that."""
        number = len(self._cosines)
        assert number < MANY
        asked, stored = chr(0x6E00 + number), chr(0x4E00 + number)
        self._cosines[asked] = cosine
        return LabelledPair(a=asked, b=stored, same=bool(same))

    def embed_documents(self, texts):
        cosines = [self._cosines.get(text, 1.0) for text in texts]
        return [[cosine, math.sqrt(1 - cosine * cosine)] for cosine in cosines]

    def embed_query(self, text):
        return self.embed_documents([text])[0]


def lowest_served(rule, tested, steps=500):
    """Return the lowest cosine that is served, of those that such pairs can have."""
    cosines = np.linspace(0, 1, steps)
    vectors = [[cosine, math.sqrt(1 - cosine * cosine)] for cosine in cosines]
    matches = rule.matches(chr(0x6DFF), [chr(0x4DFF)] * steps, [[1.0, 0.0], *vectors], [""] * steps)
    served = [cosine for cosine, match in zip(cosines, matches, strict=True) if serves(tested, match)]
    return min(served, default=1.0)


def serves(tested, match):
    return match.probability >= tested.probability


SUBJECTS = (
    "invoice parcel passport garden kettle lesson ticket salary bicycle oven printer tenant visa recipe"
)
ACTIONS = "cancel return renew change pay clean find open send print track book share store"
WHERE = "today abroad online upstairs early twice alone quickly outside indoors again safely cheaply calmly"


def worded_pairs(count, seed=0):
    """Return pairs in words: the same in another order and form, or with another action or subject."""
    random = np.random.default_rng(seed)
    told = list(itertools.product(SUBJECTS.split(), ACTIONS.split(), WHERE.split()))
    pairs = []
    for place in random.permutation(len(told))[:count]:
        subject, action, where = told[place]
        asked = f"How do I {action} the {subject} {where}?"
        same = bool(random.random() < 0.5)
        if not same:
            others = [one for one in ACTIONS.split() if one != action]
            action = others[random.integers(len(others))]
        stored = [f"Can I {action} my {subject} {where}?", f"{where}, how can I {action} the {subject}?"]
        pairs.append(LabelledPair(a=asked, b=stored[random.integers(2)], same=same))
    return pairs
