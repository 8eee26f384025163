"""Generated plans, run for real: every edge is respected, outcomes are the oracle's, and both ways agree."""

import asyncio
import gzip
import itertools
import json
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmops_plugins.planning.execution.execution import Attempts, ExecutionLimits, aexecute, execute
from tests.unit.planning.generated import GeneratedPlan, expected_statuses, plans
from tests.unit.planning.stubs import assigned, statuses

LIMITS = ExecutionLimits(attempts=Attempts(retries=0, timeout_s=15), deadline_s=20)
IMPATIENT = replace(LIMITS, attempts=Attempts(retries=0, timeout_s=0.3))
GOLD = next(
    (
        folder / "shared" / "data" / "planning"
        for folder in Path(__file__).parents
        if (folder / "shared" / "data" / "planning" / "ultratool.jsonl.gz").is_file()
    ),
    None,
)
RESULT = {"works": 1, "wrong": object()}


class Diary:
    """What experts did, in order."""

    def __init__(self):
        self.entries = []
        self._lock = threading.Lock()

    def note(self, what, task_id):
        with self._lock:
            self.entries.append((what, task_id))

    def respects(self, plan):
        at = {entry: position for position, entry in enumerate(self.entries)}
        for task_id, dependencies in plan.dependencies.items():
            for one in dependencies:
                if ("began", task_id) in at and ("began", one) in at:
                    assert at["ended", one] < at["began", task_id]

    def effects(self, plan):
        began = [task_id for what, task_id in self.entries if what == "began"]
        assert len(began) == len(set(began))
        inside = 0
        for what, task_id in self.entries:
            if plan.by_id[task_id].side_effects:
                inside += 1 if what == "began" else -1
                assert inside <= 1


def outcome_of(call):
    if call.expert == "fails":
        raise ValueError("as drawn")
    return RESULT.get(call.expert, 1)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(plans(policies=("skip_dependants", "default")), st.integers(1, 6))
def test_every_edge_is_respected_and_outcomes_are_the_oracles(plan, concurrency):
    limits = replace(LIMITS, concurrency=concurrency)
    threads, tasks = Diary(), Diary()

    def expert(call):
        threads.note("began", call.task_id)
        time.sleep(0.001 * (len(call.task_id + call.kind) % 3))
        threads.note("ended", call.task_id)
        return outcome_of(call)

    async def aexpert(call):
        tasks.note("began", call.task_id)
        await asyncio.sleep(0.001 * (len(call.task_id + call.kind) % 3))
        tasks.note("ended", call.task_id)
        return outcome_of(call)

    expected = expected_statuses(plan, {one.task.id for one in plan.assignments if one.expert == "fails"})
    assert statuses(execute(plan.assignments, expert, limits=limits)) == expected
    assert statuses(asyncio.run(aexecute(plan.assignments, aexpert, limits=limits))) == expected
    for diary in (threads, tasks):
        diary.respects(plan)
        diary.effects(plan)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(plans(experts=("works",), side_effects=False), st.integers(1, 6))
def test_as_many_run_at_once_as_the_plan_is_wide_or_the_limit_lets(plan, concurrency):
    levels = {}
    for task_id in plan.by_id:
        levels.setdefault(plan.level(task_id), set()).add(task_id)
    widest = max(levels.values(), key=len)
    peak = min(concurrency, len(widest))
    together = threading.Barrier(peak)
    waiting = itertools.count()

    def expert(call):
        # The first of the widest level go on only once so many of them are running.
        if call.task_id in widest and next(waiting) < peak:
            together.wait(10)

    result = execute(plan.assignments, expert, limits=replace(LIMITS, concurrency=concurrency))
    assert set(statuses(result).values()) == {"succeeded"}


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(
    plans(
        policies=("skip_dependants", "default", "fail_plan"),
        experts=("works", "works", "fails", "hangs", "wrong", "exits", "interrupts the keyboard"),
        most=8,
    )
)
def test_whatever_experts_do_the_run_ends_in_time_with_an_outcome_for_each_task(plan):
    release, threads, tasks = threading.Event(), Diary(), Diary()
    deaths = {"exits": SystemExit(1), "interrupts the keyboard": KeyboardInterrupt()}

    def acted(call, diary):
        diary.note("began", call.task_id)
        if call.expert in deaths:
            raise deaths[call.expert]
        return outcome_of(call)

    def expert(call):
        if call.expert == "hangs":
            threads.note("began", call.task_id)
            return release.wait(20)
        return acted(call, threads)

    async def aexpert(call):
        if call.expert == "hangs":
            tasks.note("began", call.task_id)
            await asyncio.sleep(20)
        return acted(call, tasks)

    started = time.monotonic()
    results = [
        execute(plan.assignments, expert, limits=IMPATIENT),
        asyncio.run(aexecute(plan.assignments, aexpert, limits=IMPATIENT)),
    ]
    assert time.monotonic() - started < 2 * (0.3 * len(plan.assignments) + 2)
    release.set()
    for result, diary in zip(results, (threads, tasks), strict=True):
        assert set(result.outcomes) == set(plan.by_id)
        for task_id, outcome in result.outcomes.items():
            if outcome.status == "skipped":
                cause = result.outcomes[outcome.because_of]
                assert cause.status == "failed" or cause.still_running
            else:
                works = plan.by_id[task_id].expert == "works"
                assert outcome.usable if works else outcome.error_type
        began = [task_id for _, task_id in diary.entries]
        assert len(began) == len(set(began))


def gold_plans(name):
    """Yield the tools of each graph by position, and its links as pairs of positions."""
    with gzip.open(GOLD / f"{name}.jsonl.gz", "rt") as rows:
        for row in map(json.loads, rows):
            tools = [node["task"] for node in row["task_nodes"]]
            edges = set()
            for link in row["task_links"]:
                ends = [
                    [at for at, tool in enumerate(tools) if tool == link[end]] for end in ("source", "target")
                ]
                # Tools repeat: a link is between the two nearest tasks, the first first, not linked yet.
                pairs = [pair for pair in itertools.product(*ends) if pair[0] < pair[1] and pair not in edges]
                edges.add(min(pairs, key=lambda pair: (pair[1] - pair[0], pair)))
            yield tools, edges


def widths(count, edges):
    levels = {}
    for at in range(count):
        levels[at] = 1 + max((levels[first] for first, second in edges if second == at), default=0)
    return Counter(levels.values())


@pytest.mark.skipif(GOLD is None, reason="needs shared/data/planning, gold graphs of UltraTool and TMDB")
@pytest.mark.parametrize(("name", "graphs"), [("ultratool", 2_434), ("tmdb", 69)])
def test_the_edges_of_gold_graphs_are_respected_and_as_many_run_at_once_as_they_are_wide(name, graphs):
    count = 0
    for tools, edges in gold_plans(name):
        plan = GeneratedPlan(
            [
                assigned(f"t{at}", *[f"t{first}" for first, second in edges if second == at], kind=tool)
                for at, tool in enumerate(tools)
            ]
        )
        assert sum(map(len, plan.dependencies.values())) == len(edges)
        diary, inside, most = Diary(), set(), 0

        async def expert(call, diary=diary, inside=inside):
            nonlocal most
            diary.note("began", call.task_id)
            inside.add(call.task_id)
            most = max(most, len(inside))
            await asyncio.sleep(0)
            inside.discard(call.task_id)
            diary.note("ended", call.task_id)
            return call.kind

        result = asyncio.run(aexecute(plan.assignments, expert))
        assert dict(result.results) == {f"t{at}": tool for at, tool in enumerate(tools)}
        diary.respects(plan)
        assert most == max(widths(len(tools), edges).values())
        count += 1
    assert count == graphs
