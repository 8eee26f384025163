"""Whether a policy's bound still holds: a share of what it accepts is asked of the reference model again.

Nobody labels production traffic, so what is watched needs no label: how often an accepted answer differs from
the reference's. An accepted answer that is wrong where the reference is right differs from it, so the risk is
at most the share accepted times the share that differs. The limits hold at all times at once, because they
are looked at after every check (:mod:`llmops_plugins.bounds`).
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
_FIRST_MARGIN = 0.05
"""What staying must be worth more after a breach, in right answers a question; the next ones double it."""


@dataclass(frozen=True, kw_only=True)
class DriftState:
    """What re-asking has shown since the last breach.

    Args:
        checked: Accepted answers that were asked again.
        differing: Those that differed from the reference's.
        upper: Upper limit of the share that differs.
        breached: Whether this check showed the share to be above the one that was calibrated.
        margin: What staying now has to be worth more than its rivals, in right answers a question.
    """

    checked: int
    differing: int
    upper: float
    breached: bool
    margin: float


class DriftMonitor:
    """Decides which accepted answers are asked again, and widens escalation when they differ too often.

    Safe to use from several threads. What it knows lives as long as the process; the report adds up what all
    processes have checked.

    Args:
        bound: Share of differing answers that was calibrated; its upper limit.
        confidence: Probability that no breach is announced while the bound holds, however long one looks.
        share: Share of accepted answers to ask again, from 0 to 1.
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
        self._checked = self._differing = 0
        self._margin = 0.0

    @property
    def margin(self) -> float:
        """What staying has to be worth more than its rivals, in right answers a question."""
        return self._margin

    def is_due(self) -> bool:
        """Tell whether to ask again for the answer just accepted; a yes counts against the hour."""
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
            differs: Whether the accepted answer differed from the reference's.

        Returns:
            What is known now. After a breach counting starts anew: what is accepted is no longer the same.
        """
        with self._lock:
            self._checked += 1
            self._differing += differs
            checked, differing = self._checked, self._differing
            breached = always_valid_lower(differing, checked, self._confidence) > self._bound
            if breached:
                self._margin = self._margin * 2 or _FIRST_MARGIN
                self._checked = self._differing = 0
            return DriftState(
                checked=checked,
                differing=differing,
                upper=always_valid_upper(differing, checked, self._confidence),
                breached=breached,
                margin=self._margin,
            )
