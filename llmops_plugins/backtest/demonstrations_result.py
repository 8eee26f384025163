"""What an offline run of the retrieval of demonstrations came to."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["DemonstrationsBaseline", "DemonstrationsResult"]


@dataclass(frozen=True, kw_only=True)
class DemonstrationsBaseline:
    """What another way to choose a demonstration came to on the same halves.

    Args:
        same: Share of the questions whose demonstration calls exactly what the question's own solution does.
        shared: Share of those whose demonstration calls at least one of the same, or nothing as it does.
        retrieved: Share of the questions for which it chose one at all.
    """

    same: float
    shared: float
    retrieved: float


@dataclass(frozen=True, kw_only=True)
class DemonstrationsResult:
    """Means over random halves of solved requests: one stored, the questions of the other asked.

    Args:
        requests: Different solved requests.
        unsolved: Rows left out because they hold no solution.
        repeated: Rows left out because their question came before.
        halves: How often the requests were halved.
        seed: Of the halving.
        embeddings: What questions were embedded with; None where ranking was by words alone.
        same: Share of the questions whose first demonstration calls exactly what the question's own solution
            does.
        shared: Share of those whose first demonstration calls at least one of the same, or likewise
            nothing.
        oracle_same: What the best choice of the stored ones would come to, by ``same``.
        oracle_shared: The same, by ``shared``.
        gap_closed_same: Share of the way from ``tfidf`` to the best choice, by ``same``; None where there is
            none to go.
        gap_closed_shared: The same, by ``shared``.
        shown_same: As ``same``, of any of the first ``shown``.
        shown_shared: As ``shared``, of any of the first ``shown``.
        shown: How many demonstrations are shown for a question.
        intervals: 95% intervals of ``same``, of ``shared``, and of their gains over ``tfidf``.
        baselines: What ``tfidf`` (the most similar question by TF-IDF), ``paper_rule`` (the nearest by
            embeddings within a cosine distance of 0.5, or by TF-IDF where there are none) and ``random``
            come to.
        notes: What a reader has to know about the figures, in sentences.
    """

    requests: int
    unsolved: int
    repeated: int
    halves: int
    seed: int
    embeddings: str | None
    same: float
    shared: float
    oracle_same: float
    oracle_shared: float
    gap_closed_same: float | None
    gap_closed_shared: float | None
    shown_same: float
    shown_shared: float
    shown: int
    intervals: dict[str, tuple[float, float]]
    baselines: dict[str, DemonstrationsBaseline]
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain JSON-compatible data."""
        return asdict(self)
