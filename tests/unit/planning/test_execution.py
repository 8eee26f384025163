"""A plan's tasks start the moment their last dependency has ended, in threads and in an event loop alike."""

import asyncio
import threading
import time
from contextvars import ContextVar

import pytest

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.planning.execution.execution import Attempts, ExecutionLimits, aexecute, execute
from tests.timing import least_seconds
from tests.unit.planning.stubs import assigned, statuses

PERSON = ContextVar("PERSON", default="nobody")
ONCE = Attempts(retries=0)


def run(way, assignments, expert, **settings):
    """Execute a plan either way; ``expert`` is a plain function of the call."""
    if way == "sync":
        return execute(assignments, expert, **settings)

    async def aexpert(call):
        return expert(call)

    return asyncio.run(aexecute(assignments, aexpert, **settings))


both = pytest.mark.parametrize("way", ["sync", "async"])


@both
def test_results_reach_the_tasks_that_refer_to_them(way):
    plan = [
        assigned("t1", arguments={"text": "hello"}),
        assigned("t2", arguments={"of": {"ref": "t1.upper"}, "said": "${t1.upper}!"}),
    ]

    def expert(call):
        return {"upper": call.arguments["text"].upper()} if call.task_id == "t1" else call.arguments

    result = run(way, plan, expert)
    assert statuses(result) == {"t1": "succeeded", "t2": "succeeded"}
    assert result.results["t2"] == {"of": "HELLO", "said": "HELLO!"}
    assert result.outcomes["t2"].expert == "expert"


@both
def test_a_reference_into_a_result_that_has_no_such_part_is_that_tasks_failure(way):
    plan = [assigned("t1"), assigned("t2", arguments={"of": {"ref": "t1.none"}}), assigned("t3", "t2")]
    result = run(way, plan, lambda call: {"some": 1})
    assert statuses(result) == {"t1": "succeeded", "t2": "failed", "t3": "skipped"}
    assert result.outcomes["t2"].error_type == "UnresolvedReferenceError"
    assert result.outcomes["t2"].attempts == 0


@both
def test_results_from_before_are_there_for_new_tasks(way):
    plan = [assigned("t2", arguments={"of": {"ref": "t1"}})]
    result = run(way, plan, lambda call: call.arguments["of"] + 1, results={"t1": 41})
    assert result.results == {"t1": 41, "t2": 42}


@both
def test_what_experts_see_of_their_caller_is_what_it_set(way):
    PERSON.set("ann")
    assert run(way, [assigned("t1")], lambda call: PERSON.get()).results == {"t1": "ann"}


@both
def test_events_say_what_starts_and_how_it_ends(way):
    events = []
    plan = [assigned("a", kind="search"), assigned("b", "a", side_effects=True), assigned("c", "b")]

    def expert(call):
        if call.task_id == "b":
            raise LookupError("no b")
        return 1

    run(way, plan, expert, observe=events.append)
    told = [(one.event, one.task_ids) for one in events]
    assert told == [
        ("plan", ("a", "b", "c")),
        ("task_started", ("a",)),
        ("task_ended", ("a",)),
        ("task_started", ("b",)),
        ("task_ended", ("b",)),
        ("task_ended", ("c",)),
    ]
    assert (events[1].kind, events[1].expert) == ("search", "expert")
    assert events[4].to_dict()["outcome"]["error"] == "no b"
    assert events[5].outcome.because_of == "b"


def test_a_task_does_not_wait_for_others_of_its_depth():
    began = {}
    plan = [assigned("quick"), assigned("slow"), assigned("after_quick", "quick")]

    def expert(call):
        began[call.task_id] = time.monotonic()
        time.sleep(0.5 if call.task_id == "slow" else 0.01)
        return None

    execute(plan, expert)
    assert began["after_quick"] - began["slow"] < 0.3


class Peak:
    """Counts how many are inside at the same time, and tells when it were as many as are expected."""

    def __init__(self, expected):
        self.now = self.most = 0
        self.reached = threading.Event()
        self._expected = expected
        self._lock = threading.Lock()

    def __enter__(self):
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
            if self.now >= self._expected:
                self.reached.set()

    def __exit__(self, *error):
        with self._lock:
            self.now -= 1


@pytest.mark.parametrize(("limit", "peak"), [(3, 3), (40, 20)])
async def test_as_many_run_at_once_as_the_plan_is_wide_or_the_limit_lets(limit, peak):
    plan = [assigned(f"t{number}") for number in range(20)]
    limits = ExecutionLimits(concurrency=limit)
    threads, tasks = Peak(peak), Peak(peak)

    def expert(call):
        with threads:
            threads.reached.wait(20)
            time.sleep(0.1)  # one more than there should be would come by now

    async def aexpert(call):
        with tasks:
            await asyncio.sleep(0.1)

    await aexecute(plan, aexpert, limits=limits)
    await asyncio.to_thread(execute, plan, expert, limits=limits)
    assert (threads.most, tasks.most) == (peak, peak)


@both
def test_tasks_start_before_the_plan_is_complete(way):
    began = threading.Event()

    def expert(call):
        began.set()
        return call.arguments.get("of", 0)

    first, second = assigned("t1"), assigned("t2", arguments={"of": {"ref": "t1"}})

    def written():
        yield first
        assert began.wait(5), "t1 has not started although the plan was slow"
        yield second

    async def awritten():
        yield first
        while not began.is_set():
            await asyncio.sleep(0.001)
        yield second

    result = run(way, written() if way == "sync" else awritten(), expert)
    assert statuses(result) == {"t1": "succeeded", "t2": "succeeded"}


@both
def test_a_plan_that_breaks_off_lets_what_runs_end_and_says_why(way):
    ended = []

    def expert(call):
        time.sleep(0.05)
        ended.append(call.task_id)

    def written():
        yield assigned("t1")
        yield assigned("t2", "t1")
        raise ConnectionError("the model went away")

    async def awritten():
        for one in (assigned("t1"), assigned("t2", "t1")):
            yield one
        await asyncio.sleep(0)
        raise ConnectionError("the model went away")

    with pytest.raises(ConnectionError, match="went away"):
        run(way, written() if way == "sync" else awritten(), expert)
    assert set(ended) <= {"t1"}


def test_an_endless_plan_is_not_read_on_after_it_has_failed():
    def written():
        number = 0
        while True:
            number += 1
            yield assigned(f"t{number}", on_failure="fail_plan")
            time.sleep(0.01)

    def expert(call):
        raise ValueError("no")

    limits = ExecutionLimits(attempts=ONCE)
    result = execute(written(), expert, limits=limits)
    assert result.outcomes["t1"].status == "failed"


@both
def test_a_plan_without_tasks_is_done(way):
    assert run(way, [], lambda call: 1).outcomes == {}


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: ExecutionLimits(concurrency=0), "limits.concurrency"),
        (lambda: ExecutionLimits(deadline_s=0), "limits.deadline_s"),
        (lambda: ExecutionLimits(result_characters=0), "limits.result_characters"),
        (lambda: ExecutionLimits(argument_characters=0), "limits.argument_characters"),
        (lambda: Attempts(timeout_s=-1), "timeout_s"),
        (lambda: Attempts(retries=-1), "retries"),
        (lambda: Attempts(backoff_s=-1), "backoff_s"),
    ],
)
def test_limits_that_let_nothing_run_are_refused(make, field):
    with pytest.raises(ConfigurationError, match=field):
        make()


@both
def test_a_plan_takes_little_longer_than_its_longest_chain(way):
    plan = [assigned(f"t{i}", *([f"t{i - 4}"] if i >= 4 else [])) for i in range(20)]

    async def aexpert(call):
        await asyncio.sleep(0.05)

    def run_all():
        if way == "sync":
            execute(plan, lambda call: time.sleep(0.05))
        else:
            asyncio.run(aexecute(plan, aexpert))

    enough = 1.5 * 5 * 0.05  # 5 tasks of the 20 are one after the other
    assert least_seconds(run_all, enough, attempts=20, clock=time.perf_counter) <= enough


@both
def test_the_schedulers_own_work_is_little(way):
    plan = [assigned(f"t{i}", *([f"t{i - 10}"] if i >= 10 else [])) for i in range(1_000)]

    def run_all():
        assert len(run(way, plan, lambda call: 1).outcomes) == 1_000

    enough = 2.0  # 2 ms a task
    assert least_seconds(run_all, enough, clock=time.perf_counter) <= enough
