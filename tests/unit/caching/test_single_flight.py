"""Equal questions at once make one call, whoever asks, and whatever becomes of who asked first."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from langchain.agents.middleware.types import ModelResponse
from langchain_core.messages import AIMessage

from llmops_plugins.caching.single_flight import SingleFlight
from llmops_plugins.wrapped_model.wrap import with_middleware
from tests.unit.caching.fakes import QUESTION, Cached, request, scripted

MANY = 100


class SlowAnswers:
    """Answers after a while, from threads and tasks alike; ``replies`` are taken in turn."""

    def __init__(self, *replies, seconds=0.15):
        self.replies, self.seconds = replies or ("Berlin.",), seconds
        self.began = []
        self._lock = threading.Lock()

    def _next(self):
        with self._lock:
            self.began.append(time.monotonic())
            return self.replies[min(len(self.began), len(self.replies)) - 1]

    def _given(self, reply):
        if isinstance(reply, BaseException):
            raise reply
        return ModelResponse(result=[reply if isinstance(reply, AIMessage) else AIMessage(reply)])

    def __call__(self, asked):
        reply = self._next()
        time.sleep(self.seconds)
        return self._given(reply)

    async def wait(self, asked):
        reply = self._next()
        await asyncio.sleep(self.seconds)
        return self._given(reply)


def in_threads(middleware, answers, many=MANY):
    def ask(_):
        try:
            return middleware.wrap_model_call(request(), answers).result[0]
        except ConnectionError as error:
            return error

    with ThreadPoolExecutor(many) as pool:
        return list(pool.map(ask, range(many)))


def in_tasks(middleware, answers, many=MANY):
    async def ask():
        return await asyncio.gather(
            *(middleware.awrap_model_call(request(), answers.wait) for _ in range(many)),
            return_exceptions=True,
        )

    return [one.result[0] if isinstance(one, ModelResponse) else one for one in asyncio.run(ask())]


@pytest.fixture(params=[in_threads, in_tasks], ids=["threads", "tasks"])
def everybody(request):
    return request.param


@pytest.fixture
def middleware():
    return Cached(patience_seconds=20.0).middleware


def test_a_hundred_equal_questions_make_one_call(everybody, middleware):
    answers = SlowAnswers()
    replies = everybody(middleware, answers)
    assert {reply.text for reply in replies} == {"Berlin."}
    assert len(answers.began) == 1
    assert len({reply.id for reply in replies}) == MANY


def test_where_the_first_fails_the_next_one_asks(everybody, middleware):
    answers = SlowAnswers(ConnectionError("down"), ConnectionError("down"), "Berlin.")
    replies = everybody(middleware, answers)
    assert len(answers.began) == 3
    assert sum(isinstance(reply, ConnectionError) for reply in replies) == 2
    assert {reply.text for reply in replies if isinstance(reply, AIMessage)} == {"Berlin."}


def test_where_the_reply_may_not_be_shared_all_others_ask_at_once(everybody, middleware):
    cut_off = AIMessage("Berlin is", response_metadata={"finish_reason": "length"})
    answers = SlowAnswers(cut_off, seconds=0.3)
    everybody(middleware, answers, many=20)
    _first, *others = sorted(answers.began)
    assert len(others) == 19
    assert max(others) - min(others) < 19 * 0.3 / 2  # not one after the other


def test_who_loses_patience_asks(everybody):
    middleware = Cached(patience_seconds=0.05).middleware
    answers = SlowAnswers(seconds=1.0)
    replies = everybody(middleware, answers, many=5)
    assert {reply.text for reply in replies} == {"Berlin."}
    assert len(answers.began) == 5
    # What they stored is still found by its question.
    (item,) = middleware.cache.store.search(("llmops_cache",))
    assert item.value["question"] == QUESTION


def test_threads_and_an_event_loop_share_a_call(middleware):
    answers = SlowAnswers(seconds=0.3)
    with ThreadPoolExecutor(2) as pool:
        tasks = pool.submit(in_tasks, middleware, answers, 10)
        threads = pool.submit(in_threads, middleware, answers, 10)
        replies = tasks.result() + threads.result()
    assert {reply.text for reply in replies} == {"Berlin."}
    assert len(answers.began) == 1


async def test_who_is_cancelled_while_waiting_cancels_nobody_else(middleware):
    answers = SlowAnswers(seconds=1.0)
    tasks = [asyncio.create_task(middleware.awrap_model_call(request(), answers.wait)) for _ in range(5)]
    while not answers.began:
        await asyncio.sleep(0.01)
    for waiting in tasks[1:3]:
        waiting.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(one, asyncio.CancelledError) for one in results] == [False, True, True, False, False]
    assert len(answers.began) == 1


async def test_a_leader_who_is_cancelled_hands_over(middleware):
    answers = SlowAnswers(seconds=1.0)
    tasks = [asyncio.create_task(middleware.awrap_model_call(request(), answers.wait)) for _ in range(5)]
    while not answers.began:
        await asyncio.sleep(0.01)
    tasks[0].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert {one.result[0].text for one in results[1:]} == {"Berlin."}
    assert len(answers.began) == 2


def test_a_leader_whose_stream_is_abandoned_hands_over(middleware):
    model = scripted("one two three", delay=0.02)
    cached = with_middleware(model, middleware)
    stream = cached.stream(QUESTION)
    next(stream)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: cached.invoke(QUESTION).text)
        time.sleep(0.1)
        assert not waiting.done()
        stream.close()
        assert waiting.result(timeout=30) == "one two three"
    assert len(model.calls) == 2


async def test_a_leader_whose_async_stream_is_abandoned_hands_over(middleware):
    model = scripted("one two three", delay=0.02)
    cached = with_middleware(model, middleware)
    stream = cached.astream(QUESTION)
    await anext(stream)
    waiting = asyncio.create_task(cached.ainvoke(QUESTION))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await stream.aclose()
    assert (await asyncio.wait_for(waiting, 30)).text == "one two three"
    assert len(model.calls) == 2


def test_who_reads_a_stream_and_asks_the_same_meanwhile_does_not_wait_for_itself(middleware):
    cached = with_middleware(scripted("one two", "three"), middleware)
    stream = cached.stream(QUESTION)
    next(stream)
    started = time.monotonic()
    assert cached.invoke(QUESTION).text == "three"
    assert "".join(chunk.text for chunk in stream) == "two"
    assert time.monotonic() - started < 5


def test_a_flight_lands_once_and_the_next_one_leads():
    flights = SingleFlight()
    leader = flights.join("a")
    with ThreadPoolExecutor(1) as pool:
        waiter = pool.submit(flights.join, "a").result()
        assert (leader.leads, waiter.leads, waiter.waits_for_itself) == (True, False, False)
        waiter.land("not its to bring")
        assert not waiter.future.done()
        leader.land("brought")
        leader.land(None)
        assert waiter.future.result(0) == "brought"
    assert flights.join("a").leads
    assert flights.join("b").leads
