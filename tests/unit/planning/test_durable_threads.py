"""A plan in a node shares the graph's threads: it neither exhausts them nor keeps the graph from ending."""

import asyncio
import os
import threading
import time

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.planning.execution.durable import aexecute_durably
from llmops_plugins.planning.execution.execution import Attempts, ExecutionLimits
from llmops_plugins.planning.graph import create_planner
from tests.unit.planning.planner_world import ANSWER, ASKED, PLAN, controller, plan_text, team, weather
from tests.unit.planning.stubs import assigned
from tests.unit.planning.test_durable import BEGIN, CONFIG, LIMITS, Planned, State


@pytest.mark.parametrize("room", [1, 2, 8, None])
def test_a_wide_plan_leaves_threads_for_writing_its_results(room):
    inside, most, lock = 0, 0, threading.Lock()

    def expert(call):
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        time.sleep(0.1)
        with lock:
            inside -= 1

    plan = [assigned(f"t{number}") for number in range(24)]
    planned = Planned("sync", lambda: plan, expert, checkpointer=InMemorySaver())
    planned.app.invoke(BEGIN, CONFIG if room is None else {**CONFIG, "max_concurrency": room})
    assert {one.status for one in planned.result.outcomes.values()} == {"succeeded"}
    threads = room or min(32, (getattr(os, "process_cpu_count", os.cpu_count)() or 1) + 4)
    assert most == max(1, min(16, threads - 2))


def test_an_expert_that_hangs_does_not_keep_the_graph_from_ending():
    release = threading.Event()
    plan = [assigned("hangs"), assigned("after", "hangs")]
    limits = ExecutionLimits(deadline_s=0.3, attempts=Attempts(timeout_s=None))
    planned = Planned(
        "sync", lambda: plan, lambda call: release.wait(20), checkpointer=InMemorySaver(), limits=limits
    )
    started = time.monotonic()
    planned.run(BEGIN)
    assert time.monotonic() - started < 5
    assert planned.result.outcomes["hangs"].status == "cancelled"
    release.set()


async def test_cancelling_the_graph_cancels_the_plans_tasks():
    before, running, cancelled = asyncio.all_tasks(), asyncio.Event(), []

    async def expert(call):
        running.set()
        try:
            await asyncio.sleep(20)
        except asyncio.CancelledError:
            cancelled.append(call.task_id)
            raise

    async def node(state):
        await aexecute_durably([assigned("a"), assigned("b", "a")], expert, limits=LIMITS)

    graph = StateGraph(State)
    graph.add_node("execute", node)
    graph.add_edge(START, "execute")
    run = asyncio.create_task(graph.compile(checkpointer=InMemorySaver()).ainvoke(BEGIN, CONFIG))
    await running.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    await asyncio.sleep(0.01)
    assert cancelled == ["a"]
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("stream_mode", ["messages", "custom"])
def test_a_streamed_plan_without_a_thread_is_refused_at_once(stream_mode):
    def stream(room):
        graph = create_planner(controller(PLAN, ANSWER), team(), plan="always", checkpointer=InMemorySaver())
        return list(graph.stream(ASKED, {**CONFIG, "max_concurrency": room}, stream_mode=stream_mode))

    assert stream(3)
    with pytest.raises(ConfigurationError, match=r"max_concurrency: is 2, .* 3 threads or more"):
        stream(2)


def test_a_task_with_a_name_of_langgraphs_own_makes_no_interrupt():
    text = plan_text(weather("__interrupt__"))
    graph = create_planner(controller(text, "3."), team(), plan="always", checkpointer=InMemorySaver())
    state = graph.invoke(ASKED, CONFIG)
    assert "__interrupt__" not in state
    assert state["outcomes"]["__interrupt__"]["result"] == 3
