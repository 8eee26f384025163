"""A plan that is broken off while it is written: what was done of it counts, and so does the reply."""

import asyncio
import json
import threading
import time
from types import SimpleNamespace

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import HumanMessage
from langgraph.store.base import GetOp
from langgraph.store.memory import InMemoryStore

from llmops_plugins.events import KIND_KEY
from llmops_plugins.planning.execution import loop
from llmops_plugins.planning.execution.assignment import ExecutionLimits, ExecutionResult
from llmops_plugins.planning.execution.attempts import Attempts
from llmops_plugins.planning.experts.expert import Expert
from llmops_plugins.planning.experts.outcomes import ExpertOutcomes
from llmops_plugins.planning.graph import create_planner
from llmops_plugins.planning.plan.errors import PlanFailedError
from llmops_plugins.planning.plan_streaming import StreamedPlan
from llmops_plugins.planning.planner import Planner
from llmops_plugins.testing import ScriptedChatModel
from tests.unit.planning.planner_world import ASKED, controller, degrees, team, weather

ONE_TRY = Attempts(retries=0)
ENDING = weather("t1", "Atlantis", on_failure="fail_plan")
REST = [weather("rest"), *(weather(f"r{number}") for number in range(20))]
SAFETY_S = 10.0
"""No test waits this long unless it fails."""
both = pytest.mark.parametrize("way", ["invoke", "ainvoke"])


def written(*tasks):
    return json.dumps({"tasks": list(tasks)}, indent=1)


class Breaking(ScriptedChatModel):
    """Does something before it writes the task called "rest" of its first reply, and tells once it is read no
    further."""

    before_rest: object
    abefore_rest: object = None
    unread: object = None

    def _stream(self, *arguments, **settings):
        try:
            for chunk in super()._stream(*arguments, **settings):
                if '"rest"' in chunk.text and len(self.calls) == 1:
                    self.before_rest()
                yield chunk
        finally:
            if self.unread is not None:
                self.unread.set()

    async def _astream(self, *arguments, **settings):
        async for chunk in super()._astream(*arguments, **settings):
            if '"rest"' in chunk.text and len(self.calls) == 1:
                await self.abefore_rest()
            yield chunk


class Heard(BaseCallbackHandler):
    def __init__(self):
        self.plans, self.decisions = [], []

    def on_chat_model_start(self, serialized, messages, *, run_id, metadata=None, **rest):
        if (metadata or {}).get(KIND_KEY) == "plan":
            self.plans.append(f"lc_run--{run_id}")

    def on_custom_event(self, name, data, **rest):
        self.decisions += [data] if data["outcome"] != "selected" else []


@pytest.mark.parametrize("on_invalid", ["answer", "fail"])
def test_while_it_is_learned_how_tasks_ended_the_plan_is_read_no_further(on_invalid):
    learning, unread = threading.Event(), threading.Event()

    class SlowStore(InMemoryStore):
        """Takes as long as the controller is read."""

        def batch(self, ops):
            ops = list(ops)
            if any(isinstance(one, GetOp) for one in ops):
                learning.set()
                assert unread.wait(SAFETY_S)
            return super().batch(ops)

    model = Breaking(
        replies=[written(ENDING, *REST), "It failed [t1]."],
        before_rest=lambda: learning.wait(SAFETY_S),
        unread=unread,
    )
    graph = create_planner(
        model,
        team(),
        plan="always",
        stream_plan=True,
        replan=False,
        on_invalid=on_invalid,
        outcomes=ExpertOutcomes(SlowStore()),
        execution=ExecutionLimits(attempts=ONE_TRY),
    )
    if on_invalid == "fail":
        with pytest.raises(PlanFailedError, match="Atlantis"):
            graph.invoke(ASKED)
    else:
        state = graph.invoke(ASKED)
        assert state["planned"]
        assert {one: outcome["status"] for one, outcome in state["outcomes"].items()} == {"t1": "failed"}


@both
@pytest.mark.parametrize(
    ("cause", "outcome"),
    [("a task ends it", "planned"), ("time is up", "failed_open"), ("it dies", "failed_open")],
)
def test_the_reply_that_was_broken_off_is_among_the_hidden_ones(way, cause, outcome, monkeypatch):
    late, answering = [], threading.Event()
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + 1_000 * len(late))
    monkeypatch.setattr(loop, "time", clock)

    def look(city: str) -> int:
        if cause == "time is up":
            late.append(city)
        return degrees(city)

    def hang():
        if cause == "it dies":
            raise ConnectionError("broken off")
        answering.wait(SAFETY_S)

    async def ahang():
        if cause == "it dies":
            raise ConnectionError("broken off")
        await asyncio.sleep(SAFETY_S)

    def answer(messages):
        answering.set()
        return "It failed [t1]."

    first = ENDING if cause == "a task ends it" else weather("t1")
    model = Breaking(replies=[written(first, *REST), answer], before_rest=hang, abefore_rest=ahang)
    graph = create_planner(
        model,
        [Expert(name="looker", kinds=["weather"], runnable=look)],
        plan="always",
        stream_plan=True,
        replan=False,
        execution=ExecutionLimits(attempts=ONE_TRY, deadline_s=100.0),
    )
    heard = Heard()
    given = (ASKED, {"callbacks": [heard]})
    graph.invoke(*given) if way == "invoke" else asyncio.run(graph.ainvoke(*given))
    (decision,) = heard.decisions
    assert decision["outcome"] == outcome
    assert len(heard.plans) == 1
    assert list(decision["hidden"]) == heard.plans


def streamed(text):
    planner = Planner(controller=controller(text), experts=team(), plan="always", stream_plan=True)
    return StreamedPlan(planner, [HumanMessage("How warm is it?")], "default")


def test_one_that_was_stopped_stays_broken_off_and_its_reply_counts_once():
    plan = streamed(written(weather("t1"), *REST))
    reading = plan.read()
    assert next(reading).task.id == "t1"
    plan.stop()
    assert list(reading) == []
    plan.stop()
    assert not plan.complete
    assert len(plan.hidden) == 1


def test_one_that_was_written_to_its_end_counts_once_when_it_is_stopped():
    plan = streamed(written(weather("t1")))
    assert len(list(plan.read())) == 1
    plan.stop()
    assert plan.complete
    assert len(plan.hidden) == 1


def test_what_starts_later_is_not_among_what_was_done():
    plan = streamed(written(weather("t1"), *REST))
    reading = plan.read()
    first = next(reading)
    plan.settle(ExecutionResult(outcomes={}, results={}, assignments={"t1": first}))
    assert next(reading).task.id == "rest"
    assert list(plan.early) == ["t1"]
