"""Experts that fail, hang or die: every run ends in time, and says what became of each task."""

import asyncio
import threading
import time

import pytest
from langgraph.errors import GraphInterrupt
from langgraph.types import Interrupt

from llmops_plugins.errors import BudgetExceeded
from llmops_plugins.planning.execution.execution import Attempts, ExecutionLimits, aexecute, execute
from tests.unit.planning.stubs import assigned, statuses
from tests.unit.planning.test_execution import both, run

ONCE = ExecutionLimits(attempts=Attempts(retries=0), deadline_s=20)


@both
def test_an_expert_that_fails_is_asked_again_after_longer_and_longer_pauses_then_the_fallback(way):
    calls, pauses = [], []

    def expert(call):
        calls.append((call.expert, call.attempt))
        if call.expert == "first":
            raise ConnectionError("busy")
        return "done"

    async def apause(seconds):
        pauses.append(seconds)

    result = run(
        way,
        [assigned("t1", expert="first", fallback="second")],
        expert,
        limits=ExecutionLimits(attempts=Attempts(retries=2, backoff_s=3)),
        sleep=pauses.append if way == "sync" else apause,
    )
    assert calls == [("first", 1), ("first", 2), ("first", 3), ("second", 4)]
    assert pauses == [3, 6]
    outcome = result.outcomes["t1"]
    assert (outcome.status, outcome.expert, outcome.attempts) == ("succeeded", "second", 4)


@both
def test_one_with_side_effects_is_asked_of_one_expert_one_time(way):
    calls = []

    def expert(call):
        calls.append(call.task_id)
        raise ConnectionError("perhaps sent, perhaps not")

    plan = [assigned("send", side_effects=True, fallback="other")]
    result = run(way, plan, expert, limits=ExecutionLimits(attempts=Attempts(retries=5)))
    assert calls == ["send"]
    assert result.outcomes["send"].error_type == "ConnectionError"


@both
@pytest.mark.parametrize(
    "death", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError()]
)
def test_an_expert_that_dies_fails_its_task_only(way, death):
    def expert(call):
        if call.task_id == "dies":
            raise death
        return 1

    plan = [assigned("dies"), assigned("after", "dies"), assigned("lives")]
    result = run(way, plan, expert, limits=ONCE)
    assert statuses(result) == {"dies": "failed", "after": "skipped", "lives": "succeeded"}
    assert result.outcomes["dies"].error_type == type(death).__name__


@both
def test_a_result_that_is_no_plain_data_is_a_failure(way):
    result = run(way, [assigned("t1")], lambda call: threading.Lock(), limits=ONCE)
    assert result.outcomes["t1"].error == "a lock is no plain data, return JSON's types"


@both
def test_keys_in_an_error_are_not_kept(way):
    def expert(call):
        raise ValueError("refused sk-abcdefghijklmnopqrstuvwxyz\nsecond line")

    assert run(way, [assigned("t1")], expert, limits=ONCE).outcomes["t1"].error == "refused [secret]"


def test_a_thread_that_hangs_is_left_to_itself_after_its_time():
    release = threading.Event()

    def expert(call):
        return release.wait(20) if call.expert == "hangs" else "from the fallback"

    started = time.monotonic()
    plan = [assigned("t1", expert="hangs", timeout_s=0.1), assigned("t2", expert="hangs", fallback="other")]
    limits = ExecutionLimits(attempts=Attempts(timeout_s=0.2, retries=0), deadline_s=20)
    result = execute(plan, expert, limits=limits)
    assert time.monotonic() - started < 5
    assert result.outcomes["t1"].error_type == "TimeoutError"
    assert result.outcomes["t2"].result == "from the fallback"
    release.set()


async def test_a_coroutine_that_hangs_is_cancelled_after_its_time():
    cancelled = []

    async def expert(call):
        try:
            await asyncio.sleep(20)
        except asyncio.CancelledError:
            cancelled.append(call.task_id)
            raise

    limits = ExecutionLimits(attempts=Attempts(timeout_s=0.05, retries=0))
    result = await aexecute([assigned("t1")], expert, limits=limits)
    assert result.outcomes["t1"].error == "not done after 0.05 seconds"
    assert cancelled == ["t1"]


async def test_a_coroutine_that_does_not_heed_being_cancelled_is_left_to_itself():
    release = asyncio.Event()

    async def expert(call):
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    started = time.monotonic()
    limits = ExecutionLimits(attempts=Attempts(timeout_s=0.05, retries=0))
    result = await aexecute([assigned("t1")], expert, limits=limits)
    assert time.monotonic() - started < 5
    assert result.outcomes["t1"].error_type == "TimeoutError"
    release.set()


@both
def test_what_is_not_done_when_the_time_is_up_is_cancelled(way):
    release = threading.Event()
    plan = [assigned("quick"), assigned("hangs", "quick"), assigned("after", "hangs")]
    limits = ExecutionLimits(deadline_s=0.3, attempts=Attempts(timeout_s=None))
    started = time.monotonic()
    if way == "sync":
        result = execute(plan, lambda call: call.task_id == "quick" or release.wait(20), limits=limits)
    else:

        async def expert(call):
            await asyncio.sleep(0 if call.task_id == "quick" else 20)

        result = asyncio.run(aexecute(plan, expert, limits=limits))
    assert time.monotonic() - started < 5
    assert statuses(result) == {"quick": "succeeded", "hangs": "cancelled", "after": "cancelled"}
    assert result.outcomes["hangs"].error == "the plan was not done after 0.3 seconds"
    release.set()


async def test_cancelling_the_execution_cancels_its_tasks_and_leaves_none_running():
    before = asyncio.all_tasks()
    running, cancelled = asyncio.Event(), []

    async def expert(call):
        running.set()
        try:
            await asyncio.sleep(20)
        except asyncio.CancelledError:
            cancelled.append(call.task_id)
            raise

    async def written():
        yield assigned("a")
        yield assigned("b")
        await asyncio.sleep(20)

    execution = asyncio.create_task(aexecute(written(), expert))
    await running.wait()
    await asyncio.sleep(0.01)
    execution.cancel()
    with pytest.raises(asyncio.CancelledError):
        await execution
    await asyncio.sleep(0)
    assert sorted(cancelled) == ["a", "b"]
    assert asyncio.all_tasks() == before


@both
def test_a_veto_ends_the_execution_once_what_runs_has_ended(way):
    ended = []

    def expert(call):
        if call.task_id == "vetoed":
            raise BudgetExceeded("no money left")
        time.sleep(0.1)
        ended.append(call.task_id)

    plan = [assigned("running"), assigned("vetoed"), assigned("after", "running")]
    with pytest.raises(BudgetExceeded, match="no money left"):
        run(way, plan, expert, limits=ONCE)
    assert ended == ["running"]


@both
def test_interrupts_of_several_experts_are_raised_as_one(way):
    def expert(call):
        raise GraphInterrupt([Interrupt(value=call.task_id, id=call.task_id)])

    with pytest.raises(GraphInterrupt) as raised:
        run(way, [assigned("a"), assigned("b")], expert, limits=ONCE)
    assert {one.value for one in raised.value.args[0]} <= {"a", "b"}


@pytest.mark.parametrize("seconds", [0.3, 1.0])
@both
def test_one_that_is_late_keeps_others_with_side_effects_from_starting_until_it_has_ended(way, seconds):
    inside, together = [], []

    def act(call):
        inside.append(call.task_id)
        together.append(len(inside))
        time.sleep(seconds if call.task_id == "late" else 0)
        inside.remove(call.task_id)

    async def aact(call):
        await asyncio.to_thread(act, call)  # a thread that goes on whoever is cancelled

    plan = [
        assigned("late", side_effects=True, timeout_s=0.2),
        assigned("next", side_effects=True),
        assigned("other"),
    ]
    result = (
        execute(plan, act, limits=ONCE) if way == "sync" else asyncio.run(aexecute(plan, aact, limits=ONCE))
    )
    late = result.outcomes["late"]
    assert (late.status, late.error_type, late.still_running) == ("failed", "TimeoutError", seconds > 0.4)
    assert result.outcomes["other"].status == "succeeded"
    if late.still_running:
        assert result.outcomes["next"].because_of == "late"
        assert result.outcomes["next"].error == "task late, which has side effects too, may still be running"
    else:
        assert result.outcomes["next"].status == "succeeded"
    assert len(together) == 2 + (not late.still_running)


@both
def test_a_result_that_is_too_large_is_a_failed_attempt_and_the_fallback_is_asked(way):
    limits = ExecutionLimits(attempts=Attempts(retries=0), result_characters=1_000)
    plan = [assigned("t1", expert="wordy", fallback="brief"), assigned("t2", expert="wordy")]
    result = run(way, plan, lambda call: ["x" * 600] * (2 if call.expert == "wordy" else 1), limits=limits)
    assert result.outcomes["t1"].expert == "brief"
    assert result.outcomes["t2"].error_type == "ResultTooLargeError"
    assert result.outcomes["t2"].error == "the result is too large, give at most 1,000 characters"


@both
def test_results_that_are_doubled_from_task_to_task_end_at_the_limit(way):
    plan = [assigned("t0", arguments={"text": "x" * 100})]
    plan += [assigned(f"t{n}", arguments={"text": f"${{t{n - 1}}}" * 2}) for n in range(1, 40)]
    result = run(way, plan, lambda call: call.arguments["text"], limits=ONCE)
    failed = [one for one in result.outcomes.values() if one.status == "failed"]
    assert [one.error_type for one in failed] == ["ResultTooLargeError"]
    assert max(len(one) for one in result.results.values()) <= ONCE.result_characters


@both
def test_arguments_that_other_results_make_too_large_fail_their_task(way):
    limits = ExecutionLimits(attempts=Attempts(retries=0), argument_characters=1_000)
    plan = [assigned("t1"), assigned("t2", arguments={"of": [{"ref": "t1"}] * 20})]
    result = run(way, plan, lambda call: "x" * 100, limits=limits)
    assert result.outcomes["t2"].error_type == "ArgumentsTooLargeError"
