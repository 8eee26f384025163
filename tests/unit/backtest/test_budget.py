import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.backtest.budget import Budget
from llmops_plugins.errors import BudgetExceeded


@given(
    calls=st.lists(st.tuples(st.integers(1, 20), st.floats(0, 1)), max_size=30),
    cap=st.integers(0, 100),
    seed=st.integers(0, 9),
)
def test_what_is_spent_and_reserved_never_exceeds_the_cap(calls, cap, seed):
    shuffled = random.Random(seed)
    budget = Budget(float(cap))
    in_flight = most = 0.0

    async def call(reserved, share):
        nonlocal in_flight, most
        await budget.reserve(reserved)
        in_flight += reserved
        most = max(most, budget.spent_usd + in_flight)
        for _ in range(shuffled.randrange(5)):
            await asyncio.sleep(0)
        in_flight -= reserved
        budget.settle(reserved, reserved * share)

    async def main():
        return await asyncio.gather(*(call(*one) for one in calls), return_exceptions=True)

    outcomes = asyncio.run(main())
    assert {type(one) for one in outcomes} <= {type(None), BudgetExceeded}
    assert max(most, budget.spent_usd) <= cap + 1e-9
    if any(outcomes):
        assert budget.spent_usd + budget.refused_usd > cap


async def test_a_call_that_only_others_stand_in_the_way_of_waits_for_them():
    budget = Budget(1.0)
    await budget.reserve(0.9)
    waiting = asyncio.create_task(budget.reserve(0.5))
    await asyncio.sleep(0)
    assert not waiting.done()
    budget.settle(0.9, 0.1)
    await waiting


async def test_after_a_refusal_nothing_is_let_through():
    budget = Budget(1.0, spent_usd=0.5)
    with pytest.raises(BudgetExceeded):
        await budget.reserve(0.6)
    with pytest.raises(BudgetExceeded):
        await budget.reserve(0.1)


async def test_without_a_cap_everything_is_let_through():
    await Budget(None, spent_usd=1e9).reserve(1e9)
