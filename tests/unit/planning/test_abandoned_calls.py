"""Calls that were given up and still hang are counted: an expert with too many of them is unavailable."""

import asyncio
import pickle
import threading
import time

import pytest

from llmops_plugins.planning.execution import abandonable
from llmops_plugins.planning.execution.abandonable import AsyncStop, GivenUpError, Stop, call_or_give_up
from llmops_plugins.planning.execution.abandoned_calls import AbandonedCalls, TooManyAbandonedError
from llmops_plugins.planning.execution.attempts import Attempts, TaskCall, amake_attempts
from llmops_plugins.planning.execution.availability import is_unavailable
from llmops_plugins.planning.experts.expert import Expert

QUERY = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}
GIVEN = {"query": "a"}
PATIENCE = 10.0


class Hanging:
    """Something to call that hangs until it is released."""

    def __init__(self):
        self.calls = 0
        self.released = threading.Event()

    def __call__(self, query="a"):
        self.calls += 1
        self.released.wait(60)
        return query


@pytest.fixture
def hanging():
    hanging = Hanging()
    yield hanging
    hanging.released.set()


@pytest.fixture(autouse=True)
def abandoned(monkeypatch):
    """Allow three of each expert's, and five in all."""
    monkeypatch.setattr(abandonable, "ABANDONED", AbandonedCalls(most_of_one=3, most=5))


def expert(function, name="it"):
    return Expert(name=name, kinds=["work"], runnable=function, arguments=QUERY).asked()


def give_up(call, whose=None):
    with pytest.raises(TimeoutError):
        call_or_give_up(call, 0.01, Stop(), whose=whose)


async def agive_up(runnable):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await runnable.ainvoke(GIVEN)


def test_one_whose_calls_hang_is_not_called_again_until_one_of_them_has_ended(hanging):
    for _ in range(3):
        give_up(hanging, "it")
    for _ in range(5):
        with pytest.raises(
            TooManyAbandonedError, match=r"^3 earlier calls of it were given up and still run"
        ):
            call_or_give_up(hanging, None, Stop(), whose="it")
    hanging.released.set()
    assert once_there_is_room(lambda: call_or_give_up(hanging, None, Stop(), whose="it")) == "a"
    assert hanging.calls == 4


def once_there_is_room(call):
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return call()
        except TooManyAbandonedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)


def test_what_hangs_of_one_keeps_nobody_else_from_being_called(hanging):
    for _ in range(3):
        give_up(hanging, "it")
    assert call_or_give_up(lambda: "done", None, Stop(), whose="other") == "done"


def test_there_is_a_limit_for_all_together(hanging):
    for whose in ("a", "b", "c", None, None):
        give_up(hanging, whose)
    for whose in ("d", None):
        with pytest.raises(TooManyAbandonedError, match=r"^5 earlier calls were given up and still run"):
            call_or_give_up(hanging, None, Stop(), whose=whose)


def test_calls_that_end_in_time_or_fail_are_not_counted():
    def fail():
        raise TimeoutError("of its own")

    for _ in range(10):
        assert call_or_give_up(lambda: 1, PATIENCE, Stop(), whose="it") == 1
        with pytest.raises(TimeoutError, match="of its own"):
            call_or_give_up(fail, PATIENCE, Stop(), whose="it")


def test_calls_that_are_stopped_count_while_they_run(hanging):
    stop = Stop()

    def caller():
        with pytest.raises(GivenUpError):
            call_or_give_up(hanging, None, stop, whose="it")

    callers = [threading.Thread(target=caller) for _ in range(3)]
    for one in callers:
        one.start()
    until = time.monotonic() + PATIENCE
    while hanging.calls < 3 and time.monotonic() < until:
        time.sleep(0.01)
    stop.set()
    for one in callers:
        one.join(PATIENCE)
    with pytest.raises(TooManyAbandonedError):
        call_or_give_up(hanging, None, Stop(), whose="it")


async def test_a_synchronous_expert_that_hangs_in_an_event_loop_starts_no_more_threads(hanging):
    asked = expert(hanging)
    for _ in range(3):
        await agive_up(asked)
    for _ in range(10):
        with pytest.raises(TooManyAbandonedError, match="of it "):
            await asked.ainvoke(GIVEN)
    assert await expert(lambda query: query, name="other").ainvoke(GIVEN) == "a"
    hanging.released.set()
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                assert await asked.ainvoke(GIVEN) == "a"
                break
            except TooManyAbandonedError:
                await asyncio.sleep(0.01)
    assert hanging.calls == 4


async def test_where_too_many_hang_the_fallback_is_asked(hanging):
    experts = {"it": expert(hanging), "other": expert(lambda query: "other's", name="other")}

    async def ask(call):
        return await experts[call.expert].ainvoke(call.arguments)

    for _ in range(3):
        await agive_up(experts["it"])
    outcome = await amake_attempts(
        TaskCall(task_id="t1", kind="work", arguments=GIVEN, expert="it"),
        ask,
        fallback="other",
        policy=Attempts(timeout_s=PATIENCE, retries=0, backoff_s=0),
        once=False,
        stop=AsyncStop(),
    )
    assert (outcome.status, outcome.result, outcome.unavailable) == ("succeeded", "other's", ("it",))
    assert hanging.calls == 3


def test_too_many_is_an_error_of_availability_and_can_be_pickled():
    error = TooManyAbandonedError("3 earlier calls hang")
    assert is_unavailable(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
