"""A cost cap that holds with many calls in flight: reserve before each, settle after it."""

from __future__ import annotations

import asyncio

from llmops_plugins.errors import BudgetExceeded

__all__ = ["Budget"]

_ROUNDING = 1e-12


class Budget:
    """What may still be spent.

    Args:
        cap_usd: What may be spent in all; None for any amount.
        spent_usd: What was spent before.
    """

    def __init__(self, cap_usd: float | None, spent_usd: float = 0.0) -> None:
        self.cap_usd = cap_usd
        self.spent_usd = spent_usd
        self.refused_usd: float | None = None
        self._reserved = 0.0
        self._in_flight = 0
        self._settled = asyncio.Event()

    async def reserve(self, usd: float) -> None:
        """Set an amount aside for a call, waiting for others to end where only they stand in the way.

        Raises:
            BudgetExceeded: If the call would go over the cap. From then on every call is refused, also one
                that would fit: what is recorded then is whole questions rather than the cheapest models.
        """
        while self.cap_usd is not None and not self._fits(usd, self.cap_usd):
            if self.refused_usd is not None or not self._in_flight:
                self.refused_usd = usd if self.refused_usd is None else self.refused_usd
                raise BudgetExceeded(f"max_cost: ${self.cap_usd:g} is too little for the next call")
            self._settled.clear()
            await self._settled.wait()
        self._reserved += usd
        self._in_flight += 1

    def settle(self, reserved_usd: float, spent_usd: float) -> None:
        """Replace what was set aside by what was spent."""
        self._in_flight -= 1
        self._reserved = self._reserved - reserved_usd if self._in_flight else 0.0
        self.spent_usd += spent_usd
        self._settled.set()

    def _fits(self, usd: float, cap_usd: float) -> bool:
        within = self.spent_usd + self._reserved + usd <= cap_usd + _ROUNDING
        return within and self.refused_usd is None
