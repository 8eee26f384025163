"""Whether a bound that was calibrated still holds: a share of the answers served is asked for again.

Nobody labels production traffic, so what is watched needs no label: how often an answer that spared a
reference model's call differs from what the reference says. An answer that is wrong where the reference is
right differs from it, so the risk is at most the share served so times the share that differs. The limits
hold at all times at once, because they are looked at after every check (:mod:`llmops_plugins.bounds`).
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from llmops_plugins.bounds import always_valid_lower, always_valid_upper

__all__ = ["DriftMonitor", "DriftState"]

_HOUR = 3600.0
_FEWEST_DIFFERING = 2
"""One answer that differs may be the comparison's own mistake."""


@dataclass(frozen=True, kw_only=True)
class DriftState:
    """What asking again has shown since the last breach.

    Args:
        checked: Answers that were asked for again.
        differing: Those that differed from the reference's.
        upper: Upper limit of the share that differs.
        breached: Whether this check showed the share to be above the bound.
        breaches: How often that was shown so far, this check included.
    """

    checked: int
    differing: int
    upper: float
    breached: bool
    breaches: int


class DriftMonitor:
    """Decides which answers are asked for again, and tells when they differ too often.

    Safe to use from several threads. What it knows lives as long as the process; the report adds up what all
    processes have checked. What a breach leads to is the matter of whoever asks.

    Args:
        bound: Share of differing answers that was calibrated; its upper limit.
        confidence: Probability that no breach is announced while the bound holds, however long one looks.
        share: Share of answers to ask for again, from 0 to 1.
        most_an_hour: Most of them in any hour.
        clock: Returns seconds, never backwards.
        chance: Returns numbers from 0 to 1.
    """

    def __init__(
        self,
        *,
        bound: float,
        confidence: float,
        share: float,
        most_an_hour: int,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._bound, self._confidence = bound, confidence
        self._share, self._most_an_hour = share, most_an_hour
        self._clock, self._chance = clock, chance
        self._lock = threading.Lock()
        self._recent: deque[float] = deque()
        self._checked = self._differing = self._breaches = 0

    @property
    def breaches(self) -> int:
        """How often the share was shown to be above the bound."""
        return self._breaches

    def is_due(self) -> bool:
        """Tell whether to ask again for the answer just served; a yes counts against the hour."""
        if self._chance() >= self._share:
            return False
        with self._lock:
            now = self._clock()
            while self._recent and self._recent[0] <= now - _HOUR:
                self._recent.popleft()
            if len(self._recent) >= self._most_an_hour:
                return False
            self._recent.append(now)
            return True

    def record(self, *, differs: bool) -> DriftState:
        """Note the outcome of one check.

        Args:
            differs: Whether the answer differed from the reference's.

        Returns:
            What is known now. After a breach counting starts anew: what is served is no longer the same.
        """
        with self._lock:
            self._checked += 1
            self._differing += differs
            checked, differing = self._checked, self._differing
            lower = always_valid_lower(differing, checked, self._confidence)
            breached = lower > self._bound and differing >= _FEWEST_DIFFERING
            if breached:
                self._breaches += 1
                self._checked = self._differing = 0
            return DriftState(
                checked=checked,
                differing=differing,
                upper=always_valid_upper(differing, checked, self._confidence),
                breached=breached,
                breaches=self._breaches,
            )
