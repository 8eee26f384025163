"""Flows mean the same under every driver, and drivers give back what they took, whichever way a flow ends."""

import asyncio
import contextlib
import contextvars
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain.agents.middleware.types import ModelRequest
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.runnables import RunnableLambda
from langgraph.errors import GraphInterrupt
from langgraph.store.base import GetOp, PutOp
from langgraph.store.memory import InMemoryStore
from pydantic import BaseModel

from llmops_plugins.background import BACKGROUND
from llmops_plugins.errors import BudgetExceeded
from llmops_plugins.events import Decision
from llmops_plugins.flow import (
    CallModel,
    Embed,
    Emit,
    Finished,
    Forward,
    Gather,
    Invoke,
    ModelReply,
    Spawn,
    StoreOps,
    arun,
    astream,
    held,
    run,
    stream,
)
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.wrapped_model.layers import MiddlewareLayers

LAYERS = MiddlewareLayers([])


def by_run(flow):
    return run(flow, LAYERS.call), []


def by_arun(flow):
    return asyncio.run(arun(flow, LAYERS.acall)), []


def by_stream(flow):
    chunks = []
    parts = stream(flow, LAYERS.call, LAYERS.stream)
    while True:
        try:
            chunks.append(next(parts).text)
        except StopIteration as end:
            return end.value, chunks


def by_astream(flow):
    async def collect():
        items = [item async for item in astream(flow, LAYERS.acall, LAYERS.astream)]
        assert isinstance(items[-1], Finished)
        return items[-1].response, [chunk.text for chunk in items[:-1]]

    return asyncio.run(collect())


DRIVERS = {"run": by_run, "arun": by_arun, "stream": by_stream, "astream": by_astream}


@pytest.fixture(params=DRIVERS)
def drive(request):
    return DRIVERS[request.param]


def scripted(*replies, **settings):
    return ScriptedChatModel(replies=list(replies), **settings)


def request_for(model):
    return ModelRequest(model=model, messages=[HumanMessage("hi")])


def text_of(response):
    return response.result[0].text


class Shape(BaseModel):
    """A shape."""

    sides: int


# --- effects -------------------------------------------------------------------------------------


def test_forward_resumes_with_the_reply_of_the_requests_model(drive):
    def flow():
        reply = yield Forward(request_for(scripted("one two")))
        return text_of(reply)

    assert drive(flow())[0] == "one two"


def test_only_a_live_forward_streams(drive):
    def flow():
        yield Forward(request_for(scripted("held back")))
        return (yield Forward(request_for(scripted("comes through")), live=True))

    response, chunks = drive(flow())
    assert text_of(response) == "comes through"
    assert chunks in ([], ["comes ", "through", ""])


def test_a_held_forward_carries_the_nostream_tag_and_a_live_one_does_not(drive, listener):
    def flow():
        yield Forward(request_for(scripted("a", model_name="held")))
        return (yield Forward(request_for(scripted("b", model_name="live")), live=True))

    RunnableLambda(lambda _: drive(flow())[0]).invoke(0, {"callbacks": [listener]})
    tags = {listener.names[run_id]: listener.tags[run_id] for run_id in listener.model_runs}
    assert tags == {"held": ["nostream"], "live": []}


def test_a_held_call_stays_held_when_it_brings_tags_of_its_own(listener):
    def node(_):
        with held():
            scripted("a").invoke("hi", {"tags": ["mine"]})

    RunnableLambda(node).invoke(0, {"callbacks": [listener]})
    assert [sorted(tags) for tags in listener.tags.values()] == [["mine", "nostream"]]


def test_a_call_is_held_even_where_no_run_is_around_it(drive, listener):
    def flow():
        yield Forward(request_for(scripted("a", callbacks=[listener])))

    drive(flow())
    assert list(listener.tags.values()) == [["nostream"]]


def test_nothing_is_held_any_more_afterwards(listener):
    def node(_):
        with held():
            pass
        scripted("a").invoke("hi")

    RunnableLambda(node).invoke(0, {"callbacks": [listener]})
    assert list(listener.tags.values()) == [[]]


def test_call_model_is_tagged_with_its_kind_and_held_back(drive, listener):
    def flow():
        reply = yield CallModel(scripted("yes"), [HumanMessage("?")], kind="judge")
        assert isinstance(reply, ModelReply)
        return reply

    reply = RunnableLambda(lambda _: drive(flow())[0]).invoke(0, {"callbacks": [listener]})
    (run_id,) = listener.model_runs
    assert reply.message.text == "yes"
    assert reply.parsed is None
    assert reply.message.id is not None
    assert listener.metadata[run_id]["llmops_kind"] == "judge"
    assert listener.tags[run_id] == ["nostream"]


def test_call_model_parses_a_schema(drive):
    call = {"name": "Shape", "args": {"sides": 3}, "id": "1"}

    def flow():
        return (
            yield CallModel(scripted(AIMessage("", tool_calls=[call])), [HumanMessage("?")], "judge", Shape)
        )

    assert drive(flow())[0].parsed == Shape(sides=3)


def test_call_model_gives_none_for_a_reply_that_does_not_parse(drive):
    call = {"name": "Shape", "args": {"sides": "many"}, "id": "1"}

    def flow():
        return (
            yield CallModel(scripted(AIMessage("", tool_calls=[call])), [HumanMessage("?")], "judge", Shape)
        )

    reply = drive(flow())[0]
    assert reply.parsed is None
    assert reply.message.tool_calls[0]["args"] == {"sides": "many"}


def test_embed_gives_one_vector_a_text(drive):
    embeddings = DeterministicFakeEmbedding(size=3)

    def flow():
        return (yield Embed(embeddings, ("a", "b")))

    assert drive(flow())[0] == embeddings.embed_documents(["a", "b"])


def test_store_operations_go_in_one_batch(drive):
    store = InMemoryStore()

    def flow():
        yield StoreOps(store, [PutOp(("n",), "k", {"v": 1})])
        (item,) = yield StoreOps(store, [GetOp(("n",), "k")])
        return item.value

    assert drive(flow())[0] == {"v": 1}


def test_invoke_runs_any_runnable_held_back(drive, listener):
    model = scripted("inside")

    def flow():
        return (yield Invoke(RunnableLambda(lambda text: text.upper()) | model, "a"))

    reply = RunnableLambda(lambda _: drive(flow())[0]).invoke(0, {"callbacks": [listener]})
    assert reply.text == "inside"
    assert model.calls[0][0].text == "A"
    assert "nostream" in listener.tags[listener.model_runs[0]]


def test_emit_reaches_the_bus(drive, listener):
    def flow():
        yield Emit(Decision(capability="test", outcome="kept", reason="because"))

    RunnableLambda(lambda _: drive(flow())).invoke(0, {"callbacks": [listener]})
    assert listener.outcomes == ["kept"]


def test_emit_without_a_parent_run_is_dropped(drive):
    def flow():
        yield Emit(Decision(capability="test", outcome="kept", reason="because"))
        return "went on"

    assert drive(flow())[0] == "went on"


def test_what_is_no_effect_is_refused_at_its_yield(drive):
    def flow():
        try:
            yield "hello"
        except TypeError as error:
            return str(error)

    assert "not an effect" in drive(flow())[0]


def test_forward_needs_a_wrapped_call():
    def flow():
        yield Forward(request_for(scripted("x")))

    with pytest.raises(TypeError, match="pass it to the driver"):
        run(flow())
    with pytest.raises(TypeError, match="pass it to the driver"):
        asyncio.run(arun(flow()))


# --- errors and exits ----------------------------------------------------------------------------


def test_an_error_arrives_at_the_yield_that_asked(drive):
    def flow():
        try:
            yield Forward(request_for(scripted(ConnectionError("down"))))
        except ConnectionError as error:
            return f"heard {error}"

    assert drive(flow())[0] == "heard down"


@pytest.mark.parametrize("live", [False, True])
def test_an_error_the_flow_lets_through_is_the_same_object(drive, live):
    error = ConnectionError("down")

    def flow():
        yield Forward(request_for(scripted(error)), live=live)

    with pytest.raises(ConnectionError) as raised:
        drive(flow())
    assert raised.value is error


@pytest.mark.parametrize(
    "error", [GraphInterrupt(()), BudgetExceeded("no more")], ids=lambda e: type(e).__name__
)
@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("gathered", [False, True])
def test_interrupts_and_vetoes_are_never_offered_to_the_flow(drive, error, live, gathered):
    seen = []

    def flow():
        effect = Forward(request_for(scripted(error)), live=live and not gathered)
        try:
            yield Gather([effect, Forward(request_for(scripted("fine")))]) if gathered else effect
        except Exception as caught:
            seen.append(caught)

    with pytest.raises(type(error)) as raised:
        drive(flow())
    assert raised.value is error
    assert seen == []


class Guarded:
    """A flow that tells when it was closed."""

    def __init__(self, *effects):
        self.effects = effects
        self.closed = 0

    def flow(self):
        try:
            for effect in self.effects:
                reply = yield effect
            return reply
        finally:
            self.closed += 1


def test_the_generator_is_closed_on_success_error_and_veto(drive):
    for model in (scripted("x"), scripted(ValueError("x")), scripted(BudgetExceeded("x"))):
        guarded = Guarded(Forward(request_for(model)))
        flow = guarded.flow()
        with contextlib.suppress(ValueError, BudgetExceeded):
            drive(flow)
        assert guarded.closed == 1
        assert flow.gi_frame is None


def test_an_abandoned_stream_closes_the_flow():
    guarded = Guarded(Forward(request_for(scripted("one two three")), live=True))
    parts = stream(guarded.flow(), LAYERS.call, LAYERS.stream)
    assert next(parts).text == "one "
    parts.close()
    assert guarded.closed == 1


async def test_an_abandoned_async_stream_closes_the_flow():
    guarded = Guarded(Forward(request_for(scripted("one two three")), live=True))
    items = astream(guarded.flow(), LAYERS.acall, LAYERS.astream)
    assert (await anext(items)).text == "one "
    await items.aclose()
    assert guarded.closed == 1


async def test_an_abandoned_async_stream_closes_the_forwarded_one_before_it_returns():
    closed, kept = [], []

    async def forwarded(request):
        try:
            yield AIMessageChunk("one")
            yield AIMessageChunk("two")
        finally:
            closed.append(True)

    def forward_stream(request):
        kept.append(forwarded(request))  # so that no garbage collection does the work
        return kept[0]

    flow = Guarded(Forward(request_for(scripted("x")), live=True)).flow()
    items = astream(flow, LAYERS.acall, forward_stream)
    await anext(items)
    await items.aclose()
    assert closed == [True]


@pytest.mark.parametrize("wrapped", [lambda e: e, lambda e: Gather([e, e])], ids=["alone", "gathered"])
async def test_cancellation_closes_the_flow_and_ends_its_calls(wrapped):
    ended = []

    async def slow(_):
        try:
            await asyncio.sleep(30)
        finally:
            ended.append(True)

    guarded = Guarded(wrapped(Invoke(RunnableLambda(lambda _: None, afunc=slow), None)))
    task = asyncio.create_task(arun(guarded.flow()))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert guarded.closed == 1
    assert len(ended) in (1, 2)
    assert len(asyncio.all_tasks()) == 1


def test_driving_one_flow_twice_is_an_error_of_python_not_a_second_run():
    guarded = Guarded(Emit(Decision(capability="t", outcome="o", reason="")))
    flow = guarded.flow()
    run(flow)
    assert guarded.closed == 1
    assert run(flow) is None
    assert guarded.closed == 1


# --- gather --------------------------------------------------------------------------------------


def test_gather_keeps_order_and_puts_failures_in_place(drive):
    error = ValueError("b")

    def flow():
        return (
            yield Gather(
                [
                    CallModel(scripted("a"), [HumanMessage("?")], "judge"),
                    CallModel(scripted(error), [HumanMessage("?")], "judge"),
                    Embed(DeterministicFakeEmbedding(size=2), ["x"]),
                ]
            )
        )

    first, second, third = drive(flow())[0]
    assert first.message.text == "a"
    assert second is error
    assert len(third) == 1


def test_gather_of_nothing_is_an_empty_list(drive):
    def flow():
        return (yield Gather([]))

    assert drive(flow())[0] == []


def test_gathered_threads_really_run_at_once():
    barrier = threading.Barrier(3, timeout=5)
    meet = Invoke(RunnableLambda(lambda _: barrier.wait()), None)

    def flow():
        return (yield Gather([meet, meet, meet]))

    assert sorted(run(flow())) == [0, 1, 2]


async def test_gathered_tasks_really_run_at_once():
    arrived, all_here = [], asyncio.Event()

    async def wait_for_others(_):
        arrived.append(1)
        if len(arrived) == 3:
            all_here.set()
        await asyncio.wait_for(all_here.wait(), 5)
        return "met"

    meet = Invoke(RunnableLambda(lambda _: None, afunc=wait_for_others), None)

    def flow():
        return (yield Gather([meet, meet, meet]))

    assert await arun(flow()) == ["met"] * 3


def test_what_is_late_comes_back_as_a_timeout_and_the_rest_stays(drive):
    async def asleep(_):
        await asyncio.sleep(3)

    slow = Invoke(RunnableLambda(lambda _: time.sleep(3), afunc=asleep), None)

    def flow():
        return (yield Gather([slow, Embed(DeterministicFakeEmbedding(size=2), ["x"])], timeout=0.1))

    started = time.monotonic()
    late, done = drive(flow())[0]
    assert time.monotonic() - started < 3
    assert isinstance(late, TimeoutError)
    assert len(done) == 1


async def test_a_late_task_is_cancelled_before_the_flow_goes_on():
    ended = []

    async def slow(_):
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    def flow():
        yield Gather([Invoke(RunnableLambda(lambda _: None, afunc=slow), None)], timeout=0.02)
        return list(ended)

    assert await arun(flow()) == ["cancelled"]


async def test_a_late_task_that_does_not_heed_being_cancelled_is_left_to_itself():
    released, ended = asyncio.Event(), asyncio.Event()

    async def stubborn(_):
        while not released.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await released.wait()
        ended.set()
        raise ConnectionError("nobody asks any more")

    def flow():
        call = Invoke(RunnableLambda(lambda _: None, afunc=stubborn), None)
        return (yield Gather([call], timeout=0.02))

    (late,) = await asyncio.wait_for(arun(flow()), 15)
    assert isinstance(late, TimeoutError)
    released.set()
    await ended.wait()


def test_a_gather_with_no_time_left_reports_all_as_late_or_done():
    def flow():
        slow = Invoke(RunnableLambda(lambda _: time.sleep(0.2)), None)
        return (yield Gather([slow] * 4, timeout=0))

    assert all(isinstance(one, TimeoutError) for one in run(flow()))


def test_context_variables_are_copied_into_each(drive):
    variable = contextvars.ContextVar("variable", default="unset")

    def read_and_change(_):
        seen = variable.get()
        variable.set("changed inside")
        return seen

    async def aread_and_change(_):
        return read_and_change(_)

    look = Invoke(RunnableLambda(read_and_change, afunc=aread_and_change), None)

    def flow():
        return (yield Gather([look, look]))

    variable.set("outside")
    assert drive(flow())[0] == ["outside", "outside"]
    assert variable.get() == "outside"


def test_a_live_forward_cannot_be_gathered():
    with pytest.raises(ValueError, match="live"):
        Gather([Forward(request_for(scripted("x")), live=True)])


def test_gathered_calls_belong_to_the_run_around_them(drive, listener):
    def flow():
        call = CallModel(scripted("x"), [HumanMessage("?")], "judge")
        return (yield Gather([call, call]))

    RunnableLambda(lambda _: drive(flow())[0], name="outer").invoke(0, {"callbacks": [listener]})
    assert [listener.ancestors(run_id) for run_id in listener.model_runs] == [["outer"], ["outer"]]


# --- spawn ---------------------------------------------------------------------------------------


def test_spawn_goes_on_in_the_background():
    done = threading.Event()

    def background():
        yield Invoke(RunnableLambda(lambda _: done.wait(5)), None)

    def flow():
        assert (yield Spawn(background())) is None
        return "at once"

    assert run(flow()) == "at once"
    done.set()
    assert BACKGROUND.drain(5)


async def test_spawn_goes_on_as_a_task():
    finished = []

    def background():
        yield Emit(Decision(capability="t", outcome="o", reason=""))
        finished.append(True)

    def flow():
        yield Spawn(background())
        return list(finished)

    assert await arun(flow()) == []
    assert await BACKGROUND.adrain(5)
    assert finished == [True]


def test_a_failure_in_the_background_is_counted_and_never_reaches_the_user():
    before = BACKGROUND.counts

    def background():
        yield Forward(request_for(scripted(ValueError("x"))))

    def flow():
        yield Spawn(background())
        return "fine"

    assert run(flow(), LAYERS.call) == "fine"
    assert BACKGROUND.drain(5)
    assert BACKGROUND.counts.failed == before.failed + 1


async def test_what_is_spawned_never_streams_even_when_live(listener):
    def background():
        yield Forward(request_for(scripted("x")), live=True)

    def flow():
        yield Spawn(background())

    async def node(_):
        await arun(flow(), LAYERS.acall)

    def sync_node(_):
        run(flow(), LAYERS.call)

    await RunnableLambda(sync_node, afunc=node).ainvoke(0, {"callbacks": [listener]})
    assert await BACKGROUND.adrain(5)
    RunnableLambda(sync_node).invoke(0, {"callbacks": [listener]})
    assert await asyncio.to_thread(BACKGROUND.drain, 5)
    assert [listener.tags[run_id] for run_id in listener.model_runs] == [["nostream"]] * 2


# --- all drivers agree ---------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["forward", "call", "gather", "emit", "invoke", "store"]),
        st.sampled_from(["ok", "caught"]),
        st.text(alphabet="ab ", min_size=1, max_size=6),
    ),
    max_size=6,
)


def planned_effect(kind, outcome, text):
    """Return an effect that succeeds or fails with ``text``, as planned."""
    reply = text if outcome == "ok" else ValueError(text)
    call = CallModel(scripted(reply), [HumanMessage(text)], "judge")
    store = InMemoryStore()
    effects = {
        "forward": Forward(request_for(scripted(reply))),
        "call": call,
        "gather": Gather([call, CallModel(scripted("same"), [HumanMessage("?")], "judge")]),
        "emit": Emit(Decision(capability="t", outcome=text, reason="")),
        "invoke": Invoke(scripted(reply), text),
        "store": StoreOps(store, [PutOp(("n",), "k", {"v": text}), GetOp(("n",), "k")]),
    }
    return effects[kind]


def plain(outcome):
    """Return an outcome without what differs from run to run."""
    if isinstance(outcome, list):
        return [plain(one) for one in outcome]
    if isinstance(outcome, Exception):
        return repr(outcome)
    if hasattr(outcome, "result"):
        return text_of(outcome)
    if isinstance(outcome, ModelReply):
        return outcome.message.text
    return getattr(outcome, "text", None) or getattr(outcome, "value", None)


def planned_flow(steps, transcript, last):
    for step in steps:
        try:
            transcript.append(plain((yield planned_effect(*step))))
        except ValueError as error:
            transcript.append(repr(error))
    return (yield Forward(request_for(scripted(last)), live=True))


@given(steps=STEPS, last=st.text(alphabet="ab ", min_size=1, max_size=8))
@settings(max_examples=25, deadline=None)
def test_random_flows_have_one_transcript_under_every_driver(steps, last):
    transcripts = {}
    for name, drive in DRIVERS.items():
        transcript = transcripts[name] = []
        response, chunks = drive(planned_flow(steps, transcript, last))
        assert text_of(response) == last
        assert "".join(chunks) in ("", last)
    assert all(transcript == transcripts["run"] for transcript in transcripts.values())


def test_drivers_work_from_many_threads_at_once():
    def flow():
        first = yield Forward(request_for(scripted("a")))
        second = yield CallModel(scripted("b"), [HumanMessage("?")], "judge")
        return text_of(first) + second.message.text

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: run(flow(), LAYERS.call), range(32))) == {"ab"}
