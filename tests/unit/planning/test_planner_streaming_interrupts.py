"""A plan that is interrupted while it is being written is written once, and asks a person once."""

import asyncio
import json

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, RetryPolicy, interrupt

from llmops_plugins.errors import BudgetExceeded
from llmops_plugins.planning import need_flow
from llmops_plugins.planning.execution.assignment import ExecutionLimits
from llmops_plugins.planning.execution.attempts import Attempts
from llmops_plugins.planning.experts.expert import Expert
from llmops_plugins.planning.graph import create_planner
from llmops_plugins.planning.need import needs_plan
from llmops_plugins.planning.nodes import plan_node
from llmops_plugins.planning.plan.errors import PlanInvalidError
from llmops_plugins.planning.planner import Planner
from llmops_plugins.planning.planner_state import PlannerState
from llmops_plugins.testing import ScriptedChatModel
from tests.file_saver import FileSaver
from tests.unit.planning.planner_world import ASKED, degrees, team, weather

THREAD = {"configurable": {"thread_id": "1"}}
ASK = {"id": "ask", "kind": "ask", "arguments": {"question": "May I?"}}
LATER = [weather(f"u{number}") for number in range(4)]
both = pytest.mark.parametrize("way", ["sync", "async"])


def plan_text(*tasks):
    return json.dumps({"tasks": list(tasks)}, indent=0)


class World:
    """A planner that streams its plan, whose experts note what they are asked."""

    def __init__(self, way, *replies, saver=None, look=degrees, **settings):
        self.way, self.looked, self.asked = way, [], []

        def looking(city: str) -> int:
            self.looked.append(city)
            return look(city)

        def ask(question: str) -> str:
            self.asked.append(question)
            return interrupt(question)

        self.model = ScriptedChatModel(replies=list(replies), delay=0.002)
        self.experts = [
            Expert(name="looker", kinds=["weather"], runnable=looking),
            Expert(name="person", kinds=["ask"], runnable=ask),
            team()[1],
        ]
        self.graph = create_planner(
            self.model,
            self.experts,
            stream_plan=True,
            checkpointer=saver or InMemorySaver(),
            **{"plan": "always", "execution": ExecutionLimits(attempts=Attempts(retries=0)), **settings},
        )

    def run(self, given, config=THREAD, **settings):
        if self.way == "sync":
            return self.graph.invoke(given, config, **settings)
        return asyncio.run(self.graph.ainvoke(given, config, **settings))


@both
@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_it_is_written_once_and_goes_on_from_what_was_done(way, durability):
    whole = plan_text(weather("t1"), ASK, *LATER)
    world = World(way, whole, "It is [ask].")
    (paused,) = world.run(ASKED, durability=durability)["__interrupt__"]
    assert paused.value == "May I?"
    before = len(world.looked)
    assert before >= 1
    state = world.run(Command(resume="yes"), durability=durability)
    assert [task["id"] for task in state["plan"]["tasks"]] == ["t1", "ask", *(one["id"] for one in LATER)]
    assert {one["status"] for one in state["outcomes"].values()} == {"succeeded"}
    assert state["outcomes"]["ask"]["result"] == "yes"
    assert state["messages"][-1].text == "It is [ask]."
    assert len(world.model.calls) == 2
    assert len(world.looked) == 1 + len(LATER)
    assert len(world.asked) == 2  # LangGraph runs what interrupted again from its start, with the answer


@both
def test_another_process_goes_on_with_the_plan_that_was_written(way, tmp_path):
    whole = plan_text(weather("t1"), ASK, *LATER)
    world = World(way, whole, saver=FileSaver(tmp_path / "file"))
    assert world.run(ASKED)["__interrupt__"]
    resumed = World(way, "It is [ask].", saver=FileSaver(tmp_path / "file"))
    state = resumed.run(Command(resume="yes"))
    assert state["messages"][-1].text == "It is [ask]."
    assert state["outcomes"]["ask"]["result"] == "yes"
    assert len(resumed.model.calls) == 1
    assert len(world.looked) + len(resumed.looked) == 1 + len(LATER)


@both
def test_whether_a_plan_is_needed_is_not_asked_again(way, monkeypatch):
    doubtful = needs_plan.PlanNeed(decision="doubt", probability=0.5, features=None)
    monkeypatch.setattr(need_flow, "needs_plan", lambda *_: doubtful)
    decider = ScriptedChatModel(replies=["yes"])
    world = World(way, plan_text(weather("t1"), ASK, *LATER), "It is [ask].", plan="auto", decider=decider)
    assert world.run(ASKED)["__interrupt__"]
    assert world.run(Command(resume="yes"))["planned"]
    assert len(decider.calls) == 1


@both
def test_two_that_ask_while_it_is_written_are_each_asked_once(way):
    second = {**ASK, "id": "ask2", "arguments": {"question": "Really?"}}
    world = World(way, plan_text(ASK, second, *LATER), "It is [ask].")
    output, said = world.run(ASKED), []
    while output.get("__interrupt__"):
        said += [one.value for one in output["__interrupt__"]]
        output = world.run(Command(resume={one.id: one.value.lower() for one in output["__interrupt__"]}))
    assert sorted(said) == ["May I?", "Really?"]
    assert output["outcomes"]["ask2"]["result"] == "really?"
    assert len(world.model.calls) == 2


@both
def test_one_that_was_not_written_to_its_end_is_written_again_and_only_what_it_has_too_counts(way):
    broke = []

    def look(city):
        if city == "Bergen" and not broke:
            broke.append(city)
            raise BudgetExceeded("no money left")
        return {"Oslo": 3, "Rome": 19, "Bergen": 7}[city]

    first = plan_text(weather("t1", "Oslo"), weather("same", "Rome"), weather("t2", "Bergen"), *LATER)
    second = plan_text(weather("t1", "Bergen"), weather("same", "Rome"))
    world = World(way, first, second, "It has 7 degrees [t1].", look=look)
    with pytest.raises(BudgetExceeded):
        world.run(ASKED)
    state = world.run(None)
    assert state["outcomes"]["t1"]["result"] == 7
    assert state["outcomes"]["same"]["result"] == 19
    assert world.looked.count("Rome") == 1
    assert {task["id"] for task in state["plan"]["tasks"]} == {"t1", "same"}


@both
@pytest.mark.parametrize("room", [1, 2, 3])
def test_it_gets_to_its_end_however_few_may_run_at_once(way, room):
    world = World(way, plan_text(weather("t1"), ASK, *LATER), "It is [ask].")
    config = {**THREAD, "max_concurrency": room}
    assert world.run(ASKED, config)["__interrupt__"]
    assert world.run(Command(resume="yes"), config)["messages"][-1].text == "It is [ask]."


@both
def test_a_controller_that_breaks_off_after_somebody_asked_writes_again_with_the_answer(way):
    class Dying(ScriptedChatModel):
        def _stream(self, *arguments, **settings):
            for number, chunk in enumerate(super()._stream(*arguments, **settings)):
                if number == 12 and len(self.calls) == 1:
                    raise ConnectionError("broken off")
                yield chunk

        async def _astream(self, *arguments, **settings):
            for chunk in self._stream(*arguments, **settings):
                await asyncio.sleep(0)
                yield chunk

    world, whole = World(way, "unused"), plan_text(ASK, *LATER)
    world.graph = create_planner(
        Dying(replies=[whole, whole, "It is [ask]."], delay=0.002),
        world.experts,
        plan="always",
        stream_plan=True,
        checkpointer=InMemorySaver(),
    )
    (paused,) = world.run(ASKED)["__interrupt__"]
    assert paused.value == "May I?"
    state = world.run(Command(resume="yes"))
    assert state["outcomes"]["ask"]["result"] == "yes"
    assert state["messages"][-1].text == "It is [ask]."


@both
@pytest.mark.parametrize("again", ["retried", "resumed"])
@pytest.mark.parametrize("early", [[], [weather("t1"), ASK]], ids=["nothing early", "some early"])
def test_one_that_cannot_be_used_is_written_anew_where_the_node_is_tried_again(way, again, early):
    bad = plan_text(*early, {"id": "a", "kind": "nonsense", "arguments": {}})
    world = World(way, bad, bad, plan_text(weather("t1"), *LATER))
    planner = Planner(
        controller=world.model, experts=world.experts, stream_plan=True, plan="always", on_invalid="fail"
    )
    once_more = RetryPolicy(initial_interval=0.01, max_attempts=2, retry_on=PlanInvalidError)
    graph = StateGraph(PlannerState)
    graph.add_node("plan", plan_node(planner), retry_policy=once_more if again == "retried" else None)
    graph.add_edge(START, "plan")
    world.graph = graph.compile(checkpointer=InMemorySaver())
    given = ASKED
    if early:
        assert world.run(given)["__interrupt__"]
        given = Command(resume="yes")
    if again == "resumed":
        with pytest.raises(PlanInvalidError, match="nonsense"):
            world.run(given)
        given = None
    state = world.run(given)
    assert [one["id"] for one in state["plan"]["tasks"]] == ["t1", *(one["id"] for one in LATER)]
    first, _, third = world.model.calls
    assert len(third) == len(first)  # it is asked for a plan, and not to mend one
