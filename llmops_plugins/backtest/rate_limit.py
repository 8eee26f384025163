"""No more requests a minute than a provider allows."""

from __future__ import annotations

import asyncio

__all__ = ["Pace"]


class Pace:
    """Lets requests through one by one, evenly spaced and in the order they came.

    LangChain's ``InMemoryRateLimiter`` polls: it holds back the first request too, and lets fewer through
    than it might.

    Args:
        per_minute: Requests a minute; None for any number.
    """

    def __init__(self, per_minute: float | None) -> None:
        self._interval = 60.0 / per_minute if per_minute else 0.0
        self._next = 0.0
        self._turn = asyncio.Lock()

    async def wait(self) -> None:
        """Return when the next request may be sent."""
        if not self._interval:
            return
        clock = asyncio.get_running_loop().time
        async with self._turn:
            await asyncio.sleep(self._next - clock())
            # From now and not from when it was due: what was held up does not come in a burst.
            self._next = clock() + self._interval
