"""A turn's plan is begun once, and what it came to is kept for as long as there is room."""

import asyncio
import contextlib

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableLambda
from langgraph.errors import GraphInterrupt

from llmops_plugins.planning.turn_memory import TurnMemory

SAID = HumanMessage("Hello.")


def state(outcome="planned"):
    return {"planning": {"outcome": outcome}}


def graph(*ends):
    ends = list(ends)

    def run(_):
        end = ends.pop(0)
        if isinstance(end, Exception):
            raise end
        return end

    return RunnableLambda(run)


ways = pytest.mark.parametrize(
    "drive",
    [lambda one: one.invoke({}), lambda one: asyncio.run(one.ainvoke({}))],
    ids=["sync", "async"],
)


@ways
def test_what_a_plan_came_to_is_kept(drive):
    memory = TurnMemory()
    turn = memory.turn(SAID)
    assert turn.begin()
    drive(turn.keeping(graph(state())))
    assert memory.turn(SAID).state == state()
    assert memory.turn(HumanMessage("Hello.")).state is None


@ways
def test_what_broke_off_is_not_begun_again(drive):
    turn = TurnMemory().turn(SAID)
    assert turn.begin()
    with pytest.raises(OSError, match="down"):
        drive(turn.keeping(graph(OSError("down"))))
    assert not turn.begin()
    assert turn.state is None


@ways
@pytest.mark.parametrize("end", [GraphInterrupt(), state("failed_open"), state("invalid")])
def test_an_interrupt_and_a_planning_that_failed_may_be_followed_by_another(drive, end):
    turn = TurnMemory().turn(SAID)
    assert turn.begin()
    with contextlib.suppress(GraphInterrupt):
        drive(turn.keeping(graph(end)))
    assert turn.begin()


def test_of_what_was_forgotten_it_is_known_that_it_was_begun():
    memory, said = TurnMemory(), [HumanMessage(str(number)) for number in range(257)]
    for one in said:
        turn = memory.turn(one)
        turn.begin()
        turn.keeping(graph(state())).invoke({})
    assert memory.turn(said[1]).state is not None
    first = memory.turn(said[0])
    assert first.state is None
    assert not first.begin()
