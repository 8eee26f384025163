"""Tasks with side effects that interrupt, are vetoed or were begun, with any saver."""

import asyncio
import json
import re

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

from llmops_plugins.errors import BudgetExceeded
from llmops_plugins.planning.execution.durable import aexecute_durably, execute_durably
from tests.unit.planning.stubs import assigned
from tests.unit.planning.test_durable import BEGIN, CONFIG, LIMITS, Planned, State, both


class LoopSaver(InMemorySaver):
    """Belongs to an event loop, in which it refuses to be asked by anything that would block it."""

    def get_tuple(self, config):
        self._refuse()
        return super().get_tuple(config)

    def put(self, *arguments):
        self._refuse()
        return super().put(*arguments)

    async def aget_tuple(self, config):
        return InMemorySaver.get_tuple(self, config)

    async def aput(self, *arguments):
        return InMemorySaver.put(self, *arguments)

    @staticmethod
    def _refuse():
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return
        raise asyncio.InvalidStateError("this would block the event loop")


def test_a_saver_that_belongs_to_the_event_loop_serves_as_well():
    runs = []

    def expert(call):
        runs.append(call.task_id)
        return interrupt("may I?") if call.task_id == "asks" else call.task_id

    plan = [assigned("send", side_effects=True), assigned("asks", "send")]
    planned = Planned("async", lambda: plan, expert, checkpointer=LoopSaver())
    assert planned.run(BEGIN)["__interrupt__"]
    planned.run(Command(resume="yes"))
    assert planned.result.results == {"send": "send", "asks": "yes"}
    assert runs == ["send", "asks", "asks"]


@both
def test_one_with_side_effects_that_asks_first_acts_once_it_is_answered(way):
    effects = []

    def expert(call):
        answers = [interrupt("may I?"), interrupt("really?")]
        effects.append(call.task_id)
        return answers

    plan = [assigned("send", side_effects=True), assigned("post", "send", side_effects=True)]
    planned = Planned(way, lambda: plan, expert, checkpointer=InMemorySaver())
    asked, output = [], planned.run(BEGIN)
    for answer in ("yes", "sure", "go", "on"):
        asked += [one.value for one in output["__interrupt__"]]
        output = planned.run(Command(resume=answer))
    assert asked == ["may I?", "really?"] * 2
    assert planned.result.results == {"send": ["yes", "sure"], "post": ["go", "on"]}
    assert effects == ["send", "post"]


@both
def test_one_in_doubt_that_is_run_again_may_ask_too(way):
    runs = []

    def expert(call):
        runs.append(call.task_id)
        if len(runs) == 1:
            raise BudgetExceeded("later")
        return interrupt("may I?")

    planned = Planned(
        way, lambda: [assigned("send", side_effects=True)], expert, checkpointer=InMemorySaver()
    )
    with pytest.raises(BudgetExceeded):
        planned.run(BEGIN)
    assert planned.run()["__interrupt__"][0].value["task"] == "send"
    assert planned.run(Command(resume="run again"))["__interrupt__"][0].value == "may I?"
    planned.run(Command(resume="yes"))
    assert planned.result.results == {"send": "yes"}
    assert len(runs) == 3


class Unreadable(InMemorySaver):
    """Fails to read what is written about side effects while it is told with what."""

    error = None

    def get_tuple(self, config):
        if self.error is not None and config["configurable"].get("checkpoint_ns", "").endswith(
            "|side_effects"
        ):
            raise self.error
        return super().get_tuple(config)


@both
@pytest.mark.parametrize(
    "error", [json.JSONDecodeError("cut off", "{", 1), ValueError("wrong key"), OSError("gone")]
)
def test_where_it_cannot_be_read_what_was_begun_nothing_is_done_again(way, error):
    runs, saver = [], Unreadable()

    def expert(call):
        runs.append(call.task_id)
        raise BudgetExceeded("after it was sent")

    planned = Planned(way, lambda: [assigned("send", side_effects=True)], expert, checkpointer=saver)
    with pytest.raises(BudgetExceeded):
        planned.run(BEGIN)
    saver.error = error
    with pytest.raises(type(error), match=re.escape(str(error))):
        planned.run()
    saver.error = None
    assert planned.run()["__interrupt__"][0].value["task"] == "send"
    assert runs == ["send"]


WRONG = [
    "whatever",
    True,
    None,
    ["fail"],
    {},
    {"decision": ["fail"]},
    {"decision": "treat as done", "result": b"\xff"},
]


@both
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_answer_is_asked_for_again_and_told_which_there_are(way, wrong):
    runs = []

    def expert(call):
        runs.append(call.task_id)
        raise BudgetExceeded("after it was sent")

    planned = Planned(
        way, lambda: [assigned("send", side_effects=True)], expert, checkpointer=InMemorySaver()
    )
    with pytest.raises(BudgetExceeded):
        planned.run(BEGIN)
    (asked,) = planned.run()["__interrupt__"]
    assert "problem" not in asked.value
    for _ in range(2):
        # An answer of None is given by the interrupt's id: LangGraph takes it for no answer otherwise.
        (asked,) = planned.run(Command(resume={asked.id: wrong}))["__interrupt__"]
        assert asked.value["task"] == "send"
        assert asked.value["options"] == ["treat as done", "run again", "fail"]
        assert "resume with 'treat as done', 'run again', 'fail' or {'decision'" in asked.value["problem"]
    planned.run(Command(resume={"decision": "treat as done", "result": [1]}))
    assert planned.result.results == {"send": [1]}
    assert runs == ["send"]


@both
def test_one_that_is_decided_to_have_failed_counts_as_asked_since_it_may_have_acted(way):
    def expert(call):
        raise BudgetExceeded("after it was sent")

    plan = [assigned("send", expert="mailer", side_effects=True)]
    planned = Planned(way, lambda: plan, expert, checkpointer=InMemorySaver())
    with pytest.raises(BudgetExceeded):
        planned.run(BEGIN)
    planned.run()
    planned.run(Command(resume="fail"))
    outcome = planned.result.outcomes["send"]
    assert (outcome.status, outcome.expert, outcome.attempts) == ("failed", "mailer", 1)


@both
def test_what_was_spent_on_a_task_is_kept_with_its_outcome(way):
    spent, results = {}, []

    def expert(call):
        if call.task_id == "asks":
            return interrupt("may I?")
        spent[call.task_id] = {call.expert: 2.0}
        return 1

    async def aexpert(call):
        return expert(call)

    plan = [assigned("paid"), assigned("asks", "paid")]

    def costs(task_id):
        return spent.get(task_id, {})

    def node(state):
        results.append(execute_durably(plan, expert, limits=LIMITS, costs=costs))

    async def anode(state):
        results.append(await aexecute_durably(plan, aexpert, limits=LIMITS, costs=costs))

    graph = StateGraph(State)
    graph.add_node("execute", node if way == "sync" else anode)
    graph.add_edge(START, "execute")
    app = graph.compile(checkpointer=InMemorySaver())
    for given in (BEGIN, Command(resume="yes")):
        app.invoke(given, CONFIG) if way == "sync" else asyncio.run(app.ainvoke(given, CONFIG))
        spent.clear()  # the process that goes on knows nothing of what the first one spent
    assert {one: dict(outcome.costs_usd) for one, outcome in results[0].outcomes.items()} == {
        "paid": {"expert": 2.0},
        "asks": {},
    }
