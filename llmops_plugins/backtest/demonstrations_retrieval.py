"""What retrieves demonstrations in an offline run: the product itself, and simpler rules beside it."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from llmops_plugins.backtest.demonstrations_dataset import SolvedRequests
from llmops_plugins.hierarchy.demonstrations.demonstration import Evidence
from llmops_plugins.hierarchy.demonstrations.ranking import Candidate, rank
from llmops_plugins.hierarchy.demonstrations.store import DemonstrationStore
from llmops_plugins.hierarchy.demonstrations.usefulness import usefulness

__all__ = ["PAPER_DISTANCE", "SHOWN", "recalled", "tfidf_cosines"]

SHOWN = 3
"""Demonstrations shown for a question, as :class:`DemonstrationStore` does by default."""
PAPER_DISTANCE = 0.5
"""EcoAssistant's ``retrieval_threshold``: of normalised embeddings 1 less the inner product.

See https://github.com/JieyuZ2/EcoAssistant, ``ecoassistant/retrieval_agent.py``.
"""

_CANDIDATES = 25
_USER = "backtest"
_WORD = re.compile(r"\b\w\w+\b")

Rows = NDArray[np.int64]
Cosines = NDArray[np.float64]


def recalled(
    requests: SolvedRequests, stored: Rows, asked: Rows, embeddings: Embeddings | None, cosines: Cosines
) -> list[list[int]]:
    """Return what the product shows for each question: stored requests, the best first.

    Args:
        requests: All of them.
        stored: Those that are demonstrations.
        asked: Those whose questions are asked.
        embeddings: With them a :class:`DemonstrationStore` in memory keeps and recalls; without, its ranking
            chooses from the 25 most similar by TF-IDF.
        cosines: Those of TF-IDF, asked by stored.
    """
    if embeddings is not None:
        return _from_store(requests, stored, asked, embeddings)
    fresh = usefulness(0, 0)
    shown = []
    for row, question in enumerate(asked):
        nearest = stored[np.argsort(-cosines[row], kind="stable")[:_CANDIDATES]].tolist()
        candidates = [
            Candidate(
                question=requests.questions[one],
                solution=requests.solutions[one],
                similarity=None,
                usefulness=fresh,
            )
            for one in nearest
        ]
        chosen = rank(requests.questions[question], candidates, limit=SHOWN)
        shown.append([nearest[place] for place in chosen])
    return shown


def _from_store(
    requests: SolvedRequests, stored: Rows, asked: Rows, embeddings: Embeddings
) -> list[list[int]]:
    store = DemonstrationStore(":memory:", tenant=_USER, embeddings=embeddings)
    evidence = Evidence(kind="human", source="the file")
    by_id: dict[str, int] = {}
    try:
        for one in stored.tolist():
            added = store.add(
                requests.questions[one],
                requests.solutions[one],
                user=_USER,
                assistant="recorded",
                model="unknown",
                evidence=evidence,
            )
            if added.demonstration is not None:
                by_id[added.demonstration.demonstration_id] = one
        return [
            [
                by_id[found.demonstration_id]
                for found in store.recall(requests.questions[question], user=_USER, limit=SHOWN)
            ]
            for question in asked.tolist()
        ]
    finally:
        store.close()


def tfidf_cosines(questions: Sequence[str], stored: Rows, asked: Rows) -> Cosines:
    """Return the TF-IDF cosine of each asked question and each stored one, asked by stored.

    Weights are those of scikit-learn's ``TfidfVectorizer`` as it comes, fitted on the stored questions:
    words of two letters on, the natural logarithm of (1 + n) / (1 + df), plus 1, and rows of norm 1.

    Args:
        questions: All questions.
        stored: Rows of those that are demonstrations.
        asked: Rows of those that are asked.
    """
    counts = [Counter(_WORD.findall(question.lower())) for question in questions]
    frequencies = Counter(word for one in stored for word in counts[one])
    columns = {word: column for column, word in enumerate(frequencies)}
    rarity = [math.log((1 + len(stored)) / (1 + frequency)) + 1 for frequency in frequencies.values()]

    def rows(of: Rows) -> Cosines:
        found = np.zeros((len(of), len(columns)))
        for row, one in enumerate(of):
            for word, count in counts[one].items():
                if word in columns:
                    found[row, columns[word]] = count * rarity[columns[word]]
        return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12))

    return np.asarray(rows(asked) @ rows(stored).T)
