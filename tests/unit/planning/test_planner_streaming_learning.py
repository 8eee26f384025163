"""What experts did while a plan was written is learned once, however often its node is tried."""

import asyncio
import json
from collections import Counter

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt

from llmops_plugins.errors import BudgetExceeded
from llmops_plugins.planning.execution.assignment import ExecutionLimits
from llmops_plugins.planning.execution.attempts import Attempts
from llmops_plugins.planning.experts.expert import Expert
from llmops_plugins.planning.experts.outcomes import ExpertOutcomes
from llmops_plugins.planning.graph import create_planner
from llmops_plugins.planning.plan.errors import PlanInvalidError
from llmops_plugins.testing import ScriptedChatModel
from tests.unit.planning.planner_world import ASKED, degrees, weather

THREAD = {"configurable": {"thread_id": "1"}}
both = pytest.mark.parametrize("way", ["sync", "async"])


def written(*tasks):
    return json.dumps({"tasks": list(tasks)}, indent=1)


ASK = {"id": "ask", "kind": "ask", "arguments": {"question": "May I?"}}
NONSENSE = {"id": "n", "kind": "nonsense", "arguments": {}}
BAD = written(weather("t1"), weather("t2", "Rome"), NONSENSE)
MENDED = written(weather("t9", "Bergen"))
DOWN = ConnectionError("down")


class Noting(ExpertOutcomes):
    def __init__(self):
        super().__init__()
        self.learned = Counter()

    def record_flow(self, tenant, outcomes):
        self.learned.update(one.expert for one in outcomes)
        return (yield from super().record_flow(tenant, outcomes))


class World:
    """A planner that streams its plan; what its experts are asked is noted, and what is learned of them."""

    def __init__(self, way, *replies, saver=None):
        self.way, self.outcomes = way, Noting()
        self._asked = []  # appended to, since experts run at once

        def look(city: str) -> int:
            self._asked.append("looker")
            return degrees({"Bergen": "Oslo"}.get(city, city))

        def ask(question: str) -> str:
            answer = interrupt(question)
            self._asked.append("person")
            return answer

        self.model = ScriptedChatModel(replies=list(replies))
        self.graph = create_planner(
            self.model,
            [
                Expert(name="looker", kinds=["weather"], runnable=look),
                Expert(name="person", kinds=["ask"], runnable=ask),
            ],
            plan="always",
            stream_plan=True,
            on_invalid="fail",
            outcomes=self.outcomes,
            checkpointer=saver or InMemorySaver(),
            execution=ExecutionLimits(attempts=Attempts(retries=0)),
        )

    @property
    def asked(self):
        return Counter(self._asked)

    def run(self, given):
        if self.way == "sync":
            return self.graph.invoke(given, THREAD)
        return asyncio.run(self.graph.ainvoke(given, THREAD))


@both
@pytest.mark.parametrize("error", [DOWN, BudgetExceeded("no money left")], ids=["failed", "vetoed"])
@pytest.mark.parametrize("times", [1, 2])
def test_a_node_that_is_tried_again_learns_of_no_task_again(way, error, times):
    world = World(way, BAD, *[error] * times, MENDED, "It is [t9].")
    given = ASKED
    for _ in range(times):
        with pytest.raises(type(error)):
            world.run(given)
        given = None
    assert set(world.run(None)["outcomes"]) == {"t1", "t2", "t9"}
    assert world.asked == {"looker": 3}
    assert world.outcomes.learned == world.asked


@both
def test_it_learns_before_it_fails_since_it_may_never_be_tried_again(way):
    world = World(way, BAD, DOWN)
    with pytest.raises(ConnectionError):
        world.run(ASKED)
    assert world.outcomes.learned == {"looker": 2}


@both
def test_what_was_done_before_an_interrupt_is_learned_once_it_is_answered(way):
    world = World(way, written(weather("t1"), ASK, weather("t2", "Rome")), "It is [ask].")
    assert world.run(ASKED)["__interrupt__"]
    world.run(Command(resume="yes"))
    assert world.asked == {"looker": 2, "person": 1}
    assert world.outcomes.learned == world.asked


@both
def test_tasks_of_a_plan_that_could_not_be_used_are_learned_of_once_and_done_again(way):
    world = World(way, BAD, BAD, written(weather("t1")), "It is [t1].")
    with pytest.raises(PlanInvalidError):
        world.run(ASKED)
    world.run(None)
    assert world.asked == {"looker": 3}
    assert world.outcomes.learned == world.asked


@both
def test_what_it_failed_with_is_told_where_that_it_learned_cannot_be_noted(way):
    class Full(InMemorySaver):
        notes = 0

        def put(self, config, *given):
            if config["configurable"]["checkpoint_ns"].endswith("written_plan"):
                self.notes += 1
                if self.notes > 1:
                    raise OSError("the disk is full")
            return super().put(config, *given)

    world = World(way, BAD, DOWN, saver=Full())
    with pytest.raises(ConnectionError):
        world.run(ASKED)


@both
def test_what_was_written_down_is_read_once_before_the_controller_is_asked(way):
    reads = []

    class Reading(InMemorySaver):
        def get_tuple(self, config):
            reads.append(config["configurable"].get("checkpoint_ns", ""))
            return super().get_tuple(config)

    def reply(messages):
        before.append(sum(one.endswith("written_plan") for one in reads))
        return written(weather("t1"))

    before = []
    World(way, reply, "It is [t1].", saver=Reading()).run(ASKED)
    assert before == [1]
