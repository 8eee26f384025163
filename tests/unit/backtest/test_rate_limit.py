import asyncio
from itertools import pairwise

import pytest

from llmops_plugins.backtest.rate_limit import Pace


async def times(pace, count):
    clock = asyncio.get_running_loop().time
    started = clock()

    async def request():
        await pace.wait()
        return clock() - started

    return await asyncio.gather(*(request() for _ in range(count)))


async def test_requests_are_spaced_in_their_order_and_the_first_goes_at_once():
    passed = await times(Pace(1200), 5)
    assert passed == sorted(passed)
    assert passed[0] < 0.04
    assert passed[-1] >= 4 * 0.05
    assert all(later - earlier >= 0.049 for earlier, later in pairwise(passed))


async def test_without_a_limit_nobody_waits():
    assert await times(Pace(None), 100) == pytest.approx([0.0] * 100, abs=0.05)
