"""What an offline run of the semantic tier came to."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = [
    "CachePairsResult",
    "CacheStreamResult",
    "PairsBaseline",
    "RefusedPairs",
    "StreamBaseline",
]


@dataclass(frozen=True, kw_only=True)
class RefusedPairs:
    """Pairs that a guard refused, however likely they were the same question.

    Args:
        same: Of those that are.
        different: Of those that are not.
    """

    same: int
    different: int


@dataclass(frozen=True, kw_only=True)
class PairsBaseline:
    """What a threshold of the cosine came to on the same pairs, without guards.

    Args:
        threshold: The lowest cosine it serves; None where none keeps ``max_error`` on the fit rows.
        served_same: Share of the same pairs served.
        served_different: Share of the different ones.
        wrong_of_served: Share of the served ones that are different; None where nothing was.
        at_served_different: As in :class:`CachePairsResult`.
    """

    threshold: float | None
    served_same: float
    served_different: float
    wrong_of_served: float | None
    at_served_different: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class CachePairsResult:
    """What the semantic tier came to on labelled pairs, each of them one look-up.

    Args:
        pairs: Pairs tested.
        same: Of those, pairs that are the same question.
        max_error: Largest share of wrong answers asked for.
        confidence: Probability with which bounds hold.
        threshold: The lowest probability served; None where the rule cannot show ``max_error``.
        served_same: Share of the same pairs served.
        served_different: Share of the different ones.
        wrong_of_served: Share of the served ones that are different; None where nothing was served.
        false_hit_upper: Upper limit of that, by these pairs alone.
        at_served_different: The highest share of the same pairs that a threshold chosen in hindsight serves
            while it serves at most that share of the different ones, guards as asked for.
        guards: What each guard refuses by itself, and ``any`` of them.
        baselines: What ``cosine`` and ``gptcache`` come to.
        notes: What a reader has to know about the figures, in sentences.
    """

    pairs: int
    same: int
    max_error: float
    confidence: float
    threshold: float | None
    served_same: float
    served_different: float
    wrong_of_served: float | None
    false_hit_upper: float
    at_served_different: dict[str, float]
    guards: dict[str, RefusedPairs]
    baselines: dict[str, PairsBaseline]
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain JSON-compatible data."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class StreamBaseline:
    """What a fixed threshold of the cosine came to on the same stream, without guards.

    Args:
        threshold: The lowest cosine it serves.
        hit_rate: Share of the requests served.
        wrong_of_all: Share of the requests answered wrong.
        wrong_of_hits: Share of those served; None where none was.
    """

    threshold: float
    hit_rate: float
    wrong_of_all: float
    wrong_of_hits: float | None


@dataclass(frozen=True, kw_only=True)
class CacheStreamResult:
    """What the cache came to on a stream of requests.

    Args:
        requests: Requests asked.
        max_error: Largest share of wrong answers among those served asked for.
        confidence: Probability with which bounds hold.
        threshold: The lowest probability served.
        hit_rate: Share of the requests served.
        wrong_of_all: Share of the requests answered wrong.
        wrong_of_hits: Share of those served; None where none was.
        wrong_of_hits_upper: Upper limit of that, by this stream alone.
        exact_hits: Requests served because the very same text was stored.
        semantic_hits: Requests served by the meaning of a stored question.
        guards: Look-ups whose likeliest stored question each guard refused, and that were not served.
        baselines: What the best ``fixed_threshold`` and ``gptcache`` come to; the first is None where none
            serves with at most 1% of all requests answered wrong.
        notes: What a reader has to know about the figures, in sentences.
    """

    requests: int
    max_error: float
    confidence: float
    threshold: float
    hit_rate: float
    wrong_of_all: float
    wrong_of_hits: float | None
    wrong_of_hits_upper: float
    exact_hits: int
    semantic_hits: int
    guards: dict[str, int]
    baselines: dict[str, StreamBaseline | None]
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain JSON-compatible data."""
        return asdict(self)
