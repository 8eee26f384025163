"""How an expert fares with tasks of a kind: its latest outcomes, and what can be relied on given them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from llmops_plugins.bounds import binomial_upper

__all__ = ["WINDOW", "Outcome", "Row", "Standing", "standing", "work_out_limits"]

Row: TypeAlias = tuple[float, bool, float | None, float | None]
"""When a call ended, whether it gave a result, USD and seconds."""

WINDOW = 20
"""How many of an expert's latest outcomes with a kind count, so that one that changed is noticed."""

_PRIOR_SUCCESSES = 4
"""How many successes an untried expert is credited with, so that it is tried: pseudo-observations, as Agresti
and Coull add theirs (1998, https://doi.org/10.1080/00031305.1998.10480550)."""
_CONFIDENCE = 0.8


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one call of an expert ended.

    Args:
        expert: Who was called.
        kind: For a task of what kind.
        succeeded: Whether it gave a result.
        at: When, in seconds since 1970.
        cost_usd: USD it cost, or None where nobody knows.
        seconds: Seconds it took, likewise.
    """

    expert: str
    kind: str
    succeeded: bool
    at: float
    cost_usd: float | None = None
    seconds: float | None = None

    @property
    def row(self) -> Row:
        """What of it is kept under its expert and kind."""
        return (self.at, self.succeeded, self.cost_usd, self.seconds)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How an expert fared with tasks of one kind.

    Args:
        successes: Calls that gave a result.
        trials: Calls.
        cost_usd: USD of a call on average, or None where none is known.
        seconds: Seconds of a call on average, likewise.
    """

    successes: int = 0
    trials: int = 0
    cost_usd: float | None = None
    seconds: float | None = None

    @property
    def lower(self) -> float:
        """Lower limit of the share of calls that give a result; above 0."""
        return 1.0 - _upper(self.trials - self.successes, self.trials + _PRIOR_SUCCESSES)

    @property
    def upper(self) -> float:
        """Upper limit of that share."""
        return _upper(self.successes + _PRIOR_SUCCESSES, self.trials + _PRIOR_SUCCESSES)


def standing(rows: Sequence[Row]) -> Standing:
    """Return how an expert fared, by the rows of its latest outcomes with one kind.

    Args:
        rows: The rows.
    """
    return Standing(
        successes=sum(succeeded for _, succeeded, _, _ in rows),
        trials=len(rows),
        cost_usd=_mean([cost for _, _, cost, _ in rows if cost is not None]),
        seconds=_mean([seconds for _, _, _, seconds in rows if seconds is not None]),
    )


def work_out_limits() -> None:
    """Work out all lower limits that there are, so that no choice has to wait for one; some 40 ms, once."""
    for trials in range(WINDOW + 1):
        for failures in range(trials + 1):
            _upper(failures, trials + _PRIOR_SUCCESSES)


@lru_cache(maxsize=4096)
def _upper(count: int, trials: int) -> float:
    """Return Clopper and Pearson's limit; there are few counts, and each takes some 0.1 ms to work out."""
    return binomial_upper(count, trials, _CONFIDENCE)


def _mean(known: Sequence[float]) -> float | None:
    return math.fsum(known) / len(known) if known else None
