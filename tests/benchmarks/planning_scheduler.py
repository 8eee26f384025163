"""What running a plan takes beside its experts: time over the critical path, and the scheduler's own a task.

Run as ``python -m tests.benchmarks.planning_scheduler``. A hundred generated plans have experts of 50 ms; the
critical path is the longest chain of them, below which no scheduler can get, and sequential execution is run
beside it, one task after the other. The scheduler's own time is that of 1,000 tasks whose experts return at
once: as a chain, as one layer, and in layers of ten; in threads, in an event loop, and durably in a graph
without and with a checkpointer in memory. Beside those stands LangGraph's own time: as many calls of an empty
``@task``, one after the other. A figure is the best of some rounds, since others at work only add time.
"""

import asyncio
import random
import sys
import time
from typing import Any, TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import task
from langgraph.graph import START, StateGraph

from llmops_plugins.planning.execution.durable import aexecute_durably, execute_durably
from llmops_plugins.planning.execution.execution import Assignment, ExecutionLimits, aexecute, execute
from llmops_plugins.planning.plan.plan import Task

PLANS, EXPERT_S = 100, 0.05
TASKS, ROUNDS = 1_000, 3
TARGET_SHARE, TARGET_MS = 0.10, 2.0
LIMITS = ExecutionLimits(concurrency=64)


class State(TypedDict):
    done: Any


def assigned(number, after):
    return Assignment(
        task=Task(id=f"t{number}", kind="work", after=[f"t{one}" for one in after]), expert="expert"
    )


def generated(seed):
    """Return a plan of 3 to 12 tasks, each after up to two earlier ones, and its longest chain."""
    draw = random.Random(seed)
    plan, depth = [], []
    for number in range(draw.randint(3, 12)):
        after = draw.sample(range(number), min(number, draw.choice([0, 1, 1, 2])))
        plan.append(assigned(number, after))
        depth.append(1 + max((depth[one] for one in after), default=0))
    return plan, max(depth)


def slow(call):
    time.sleep(EXPERT_S)


async def aslow(call):
    await asyncio.sleep(EXPERT_S)


def quick(call):
    return 1


async def aquick(call):
    return 1


def seconds(run):
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


async def aexecute_all(plans):
    started = time.perf_counter()
    for plan, _ in plans:
        await aexecute(plan, aslow, limits=LIMITS)
    return time.perf_counter() - started


def compare_with_critical_path():
    """Print the hundred plans' times; return the larger share by which they exceed the critical paths."""
    plans = [generated(seed) for seed in range(PLANS)]
    critical = sum(depth for _, depth in plans) * EXPERT_S
    threads = sum(seconds(lambda plan=plan: execute(plan, slow, limits=LIMITS)) for plan, _ in plans)
    tasks = asyncio.run(aexecute_all(plans))
    one = ExecutionLimits(concurrency=1)
    sequential = sum(seconds(lambda plan=plan: execute(plan, slow, limits=one)) for plan, _ in plans)
    print(f"{PLANS} plans, {sum(len(plan) for plan, _ in plans)} tasks of {EXPERT_S * 1e3:.0f} ms")
    for name, took in (
        ("critical path", critical),
        ("threads", threads),
        ("event loop", tasks),
        ("sequential", sequential),
    ):
        print(f"  {name:16}{took:8.2f} s  {took / critical - 1:+8.1%}")
    return max(threads, tasks) / critical - 1


def in_graph(node, checkpointer):
    graph = StateGraph(State)
    graph.add_node("execute", node)
    graph.add_edge(START, "execute")
    return graph.compile(checkpointer=checkpointer)


def in_graphs(name, node, anode, kept):
    """Return how to run a node in threads and its twin in an event loop."""
    saver = InMemorySaver() if kept else None
    name = f"{name}, kept" if kept else name

    def config():
        return {"configurable": {"thread_id": str(time.perf_counter())}}

    yield f"threads, {name}", lambda: in_graph(node, saver).invoke({"done": False}, config())
    yield (
        f"event loop, {name}",
        lambda: asyncio.run(in_graph(anode, saver).ainvoke({"done": False}, config())),
    )


def ways(plan, kept):
    def node(state):
        execute_durably(plan, quick, limits=LIMITS)
        return {"done": True}

    async def anode(state):
        await aexecute_durably(plan, aquick, limits=LIMITS)
        return {"done": True}

    yield from in_graphs("graph", node, anode, kept)


def empty_tasks(kept):
    """Return ways to call as many empty tasks of LangGraph."""

    @task
    def empty(number):
        return {"number": number}

    @task
    async def aempty(number):
        return {"number": number}

    def node(state):
        for number in range(TASKS):
            empty(number).result()
        return {"done": True}

    async def anode(state):
        for number in range(TASKS):
            await aempty(number)
        return {"done": True}

    yield from in_graphs("empty @tasks", node, anode, kept)


def own_time():
    """Print the scheduler's own time a task; return the longest of those outside a graph, in ms."""
    shapes = {
        "chain": [assigned(one, [one - 1] if one else []) for one in range(TASKS)],
        "one layer": [assigned(one, []) for one in range(TASKS)],
        "layers of ten": [assigned(one, [one - 10] if one >= 10 else []) for one in range(TASKS)],
    }
    worst = 0.0
    print(f"{'ms a task, ' + str(TASKS) + ' tasks':34}" + "".join(f"{name:>16}" for name in shapes))
    rows = {}
    for plan in shapes.values():
        alone = [
            ("threads", lambda plan=plan: execute(plan, quick, limits=LIMITS)),
            ("event loop", lambda plan=plan: asyncio.run(aexecute(plan, aquick, limits=LIMITS))),
        ]
        for way, run in [*alone, *ways(plan, False), *ways(plan, True)]:
            took = min(seconds(run) for _ in range(ROUNDS)) / TASKS * 1e3
            rows.setdefault(way, []).append(took)
            if way in ("threads", "event loop"):
                worst = max(worst, took)
    for way, run in [*empty_tasks(False), *empty_tasks(True)]:
        rows[way] = [min(seconds(run) for _ in range(ROUNDS)) / TASKS * 1e3]
    for way, figures in rows.items():
        print(f"  {way:32}" + "".join(f"{one:16.3f}" for one in figures))
    return worst


def main():
    share, own = compare_with_critical_path(), own_time()
    print(f"targets: at most {TARGET_SHARE:.0%} over the critical path, {TARGET_MS} ms a task")
    return int(share > TARGET_SHARE or own > TARGET_MS)


if __name__ == "__main__":
    sys.exit(main())
