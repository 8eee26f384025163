"""A plan inside a node: an interrupted run resumes where it was, with any checkpointer, sync and async."""

import asyncio
import operator
import time
from typing import Annotated, Any, TypedDict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, RetryPolicy, interrupt

from llmops_plugins.errors import BudgetExceeded
from llmops_plugins.planning.execution.durable import aexecute_durably, execute_durably
from llmops_plugins.planning.execution.execution import Attempts, ExecutionLimits
from tests.file_saver import FileSaver
from tests.unit.planning.generated import plans
from tests.unit.planning.stubs import assigned, statuses

LIMITS = ExecutionLimits(attempts=Attempts(retries=0), deadline_s=30)
CONFIG = {"configurable": {"thread_id": "1"}}
both = pytest.mark.parametrize("way", ["sync", "async"])


class State(TypedDict):
    statuses: Annotated[list[Any], operator.add]


class Planned:
    """A graph whose one node executes a plan, run in either way."""

    def __init__(self, way, plan, expert, *, checkpointer=None, observe=None, retry=None, limits=LIMITS):
        self.way, self.result = way, None

        def node(state):
            self.result = execute_durably(plan(), expert, limits=limits, observe=observe)
            return {"statuses": [statuses(self.result)]}

        async def aexpert(call):
            return expert(call)

        async def anode(state):
            self.result = await aexecute_durably(plan(), aexpert, limits=limits, observe=observe)
            return {"statuses": [statuses(self.result)]}

        graph = StateGraph(State)
        graph.add_node("execute", node if way == "sync" else anode, retry_policy=retry)
        graph.add_edge(START, "execute")
        graph.add_edge("execute", END)
        self.app = graph.compile(checkpointer=checkpointer)

    def run(self, given=None, **settings):
        if self.way == "sync":
            return self.app.invoke(given, CONFIG, **settings)
        return asyncio.run(self.app.ainvoke(given, CONFIG, **settings))

    def updates(self, given):
        if self.way == "sync":
            return list(self.app.stream(given, CONFIG, stream_mode="updates"))

        async def collected():
            return [one async for one in self.app.astream(given, CONFIG, stream_mode="updates")]

        return asyncio.run(collected())


BEGIN = {"statuses": []}


@both
def test_without_a_checkpointer_a_plan_runs_all_the_same(way):
    plan = [assigned("a", side_effects=True), assigned("b", arguments={"of": {"ref": "a"}})]
    planned = Planned(way, lambda: plan, lambda call: call.arguments.get("of", 1))
    planned.run(BEGIN)
    assert planned.result.results == {"a": 1, "b": 1}


@both
def test_each_task_is_a_task_of_langgraph(way):
    plan = [assigned("a"), assigned("b", "a")]
    updates = Planned(way, lambda: plan, lambda call: call.task_id).updates(BEGIN)
    by_name = {name: update for one in updates for name, update in one.items()}
    assert by_name["a"]["result"] == "a"
    assert by_name["b"]["status"] == "succeeded"


@both
def test_a_resumed_run_redoes_nothing_that_has_ended_and_says_so(way):
    began, events = [], []
    plan = [
        assigned("a"),
        assigned("b", "a"),
        assigned("fails"),
        assigned("veto", "b"),
        assigned("c", "veto"),
    ]

    def expert(call):
        began.append(call.task_id)
        if call.task_id == "fails":
            raise ValueError("no")
        if call.task_id == "veto" and began.count("veto") == 1:
            raise BudgetExceeded("no money left")
        return call.task_id

    planned = Planned(way, lambda: plan, expert, checkpointer=InMemorySaver(), observe=events.append)
    with pytest.raises(BudgetExceeded):
        planned.run(BEGIN)
    events.clear()
    planned.run()
    assert sorted(began) == ["a", "b", "c", "fails", "veto", "veto"]
    assert planned.result.outcomes["fails"].status == "failed"
    replayed = {one.task_ids[0] for one in events if one.replayed}
    assert replayed == planned.result.replayed == {"a", "b", "fails"}


@both
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(
    plan=plans(policies=("skip_dependants", "default")),
    seconds=st.lists(st.integers(0, 4), min_size=12, max_size=12),
    data=st.data(),
)
def test_whatever_the_order_that_tasks_end_in_a_resumed_run_redoes_none(way, plan, seconds, data):
    vetoed = data.draw(st.sets(st.sampled_from(sorted(plan.by_id)), max_size=3))
    runs, ended, pauses = [], [], iter([*seconds, *reversed(seconds)] * 4)

    def acted(call):
        runs.append(call.task_id)
        if call.task_id in vetoed and runs.count(call.task_id) == 1:
            raise BudgetExceeded("later")
        ended.append(call.task_id)
        if call.expert == "fails":
            raise ValueError("as drawn")
        return call.task_id

    def expert(call):
        time.sleep(next(pauses) / 1_000)
        return acted(call)

    async def aexpert(call):
        await asyncio.sleep(next(pauses) / 1_000)
        return acted(call)

    assignments = [
        one if not one.side_effects else assigned(one.task.id, *one.task.dependencies)
        for one in plan.assignments
    ]

    def node(state):
        return {"statuses": [statuses(execute_durably(assignments, expert, limits=LIMITS))]}

    async def anode(state):
        return {"statuses": [statuses(await aexecute_durably(assignments, aexpert, limits=LIMITS))]}

    graph = StateGraph(State)
    graph.add_node("execute", node if way == "sync" else anode)
    graph.add_edge(START, "execute")
    app = graph.compile(checkpointer=InMemorySaver())
    given = BEGIN
    for _ in range(5):
        try:
            output = app.invoke(given, CONFIG) if way == "sync" else asyncio.run(app.ainvoke(given, CONFIG))
            break
        except BudgetExceeded:
            given = None
    assert set(output["statuses"][0]) == set(plan.by_id)
    assert len(ended) == len(set(ended))


@both
def test_an_expert_that_interrupts_is_answered_and_the_others_are_not_asked_again(way):
    began = []

    def expert(call):
        began.append(call.task_id)
        return interrupt("may I?") if call.task_id == "asks" else call.task_id

    plan = [assigned("a"), assigned("asks", "a"), assigned("b"), assigned("c", "asks")]
    planned = Planned(way, lambda: plan, expert, checkpointer=InMemorySaver())
    output = planned.run(BEGIN)
    assert [one.value for one in output["__interrupt__"]] == ["may I?"]
    planned.run(Command(resume="yes"))
    assert planned.result.results["asks"] == "yes"
    assert sorted(began) == ["a", "asks", "asks", "b", "c"]


@both
def test_experts_that_interrupt_at_once_are_each_given_their_own_answer(way):
    plan = [assigned("a"), assigned("b")]
    planned = Planned(way, lambda: plan, lambda call: interrupt(call.task_id), checkpointer=InMemorySaver())
    interrupts = planned.run(BEGIN)["__interrupt__"]
    while interrupts:
        answers = {one.id: f"for {one.value}" for one in interrupts}
        interrupts = planned.run(Command(resume=answers)).get("__interrupt__")
    assert planned.result.results == {"a": "for a", "b": "for b"}


@both
def test_a_plan_that_was_being_written_is_kept_as_far_as_it_was_acted_on(way):
    began, versions = [], iter(["old", "new"])

    def expert(call):
        began.append((call.task_id, call.arguments["version"]))
        if call.task_id == "t2" and len(began) == 2:
            raise BudgetExceeded("later")
        return 1

    def tasks():
        version = next(versions)
        return [
            assigned(f"t{n}", *([f"t{n - 1}"] if n > 1 else []), arguments={"version": version})
            for n in (1, 2, 3)
        ]

    async def awritten():
        for one in tasks()[: len(began) or 2]:
            yield one

    def plan():
        return iter(tasks()) if way == "sync" else awritten()

    planned = Planned(way, plan, expert, checkpointer=InMemorySaver())
    with pytest.raises(BudgetExceeded):
        planned.run(BEGIN)
    planned.run()
    assert began[:3] == [("t1", "old"), ("t2", "old"), ("t2", "old")]


@both
def test_a_node_that_langgraph_retries_does_not_repeat_an_effect(way):
    effects = []

    def broken_once(event):
        if event.event == "task_ended" and len(effects) == 1 and not event.replayed:
            raise ConnectionError("the listener is gone")

    planned = Planned(
        way,
        lambda: [assigned("send", side_effects=True)],
        lambda call: effects.append(call.task_id),
        checkpointer=InMemorySaver(),
        observe=broken_once,
        retry=RetryPolicy(initial_interval=0.01, jitter=False),
    )
    output = planned.run(BEGIN)
    assert effects == ["send"]
    assert output["__interrupt__"][0].value["task"] == "send"


@both
def test_effects_wait_for_a_checkpoint_to_resume_from(way, monkeypatch):
    monkeypatch.setattr("llmops_plugins.planning.execution.side_effect_marks._PATIENCE", 0.05)
    effects = []
    planned = Planned(
        way,
        lambda: [assigned("send", side_effects=True)],
        lambda call: effects.append(call.task_id),
        checkpointer=InMemorySaver(),
    )
    planned.run(BEGIN, durability="exit")
    assert effects == []
    assert "durability 'async' or 'sync'" in planned.result.outcomes["send"].error


@both
def test_a_saver_that_keeps_files_serves_as_well(way, tmp_path):
    def planned():
        return Planned(
            way,
            lambda: [assigned("send", side_effects=True), assigned("asks", "send")],
            lambda call: interrupt("may I?") if call.task_id == "asks" else call.task_id,
            checkpointer=FileSaver(tmp_path / "checkpoints"),
        )

    assert planned().run(BEGIN)["__interrupt__"]
    resumed = planned()
    resumed.run(Command(resume="yes"))
    assert resumed.result.results == {"send": "send", "asks": "yes"}


def test_runs_of_experts_are_children_of_the_graphs_run(listener):
    answer = RunnableLambda(lambda text: text.upper()).with_config(run_name="shouting")
    plan = [assigned("a", arguments={"text": "hi"})]
    planned = Planned("sync", lambda: plan, lambda call: answer.invoke(call.arguments["text"]))
    planned.app.invoke(BEGIN, {"callbacks": [listener]})
    run_id = next(one for one, name in listener.names.items() if name == "shouting")
    names = []
    while run_id is not None:
        names.append(listener.names[run_id])
        run_id = listener.parents[run_id]
    assert names[0] == "shouting"
    assert names[-1] == "LangGraph"
