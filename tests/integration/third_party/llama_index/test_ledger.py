"""One call of a LlamaIndex app is one row of the ledger, and a stream nobody reads on is closed."""

import asyncio
import contextlib
import gc

import pytest

pytest.importorskip("llama_index.core", reason="run `make test-integrations`: llama-index-core is missing")

from llama_index.core import Document, MockEmbedding, PromptTemplate, SummaryIndex, VectorStoreIndex
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import ChatMessage
from pydantic import PrivateAttr
from sqlalchemy import select

from llmops_integrations.llama_index import MiddlewareLLM
from llmops_plugins import CascadeMiddleware, CostLedger, Predicate, with_middleware
from llmops_plugins.storage.database import CALLS
from llmops_plugins.testing import ScriptedChatModel

ANSWER = "it is in Oslo"


@pytest.fixture
def ledger():
    with CostLedger("sqlite://") as opened:
        pass
    yield opened
    opened.close()


def rows(ledger):
    assert ledger.flush()
    with ledger.engine.connect() as connection:
        found = connection.execute(select(CALLS).order_by(CALLS.c.started_at)).all()
    return [(row.model, row.status, row.output_tokens) for row in found]


def vectors():
    return VectorStoreIndex.from_documents([Document(text="a fact")], embed_model=MockEmbedding(embed_dim=4))


def facts():
    return SummaryIndex.from_documents([Document(text="a fact")])


async def read(stream):
    return "".join([token async for token in stream])


async def astreamed(index, llm):
    response = await index.as_query_engine(llm=llm, streaming=True).aquery("where?")
    return await read(response.async_response_gen())


async def apredicted(llm):
    return await llm.apredict(PromptTemplate("where?"))


async def astreamed_tokens(llm):
    return await read(await llm.astream(PromptTemplate("where?")))


async def achatted(llm):
    response = await SimpleChatEngine.from_defaults(llm=llm).astream_chat("where?")
    return await read(response.async_response_gen())


APPS = {
    "query": lambda llm: str(vectors().as_query_engine(llm=llm).query("where?")),
    "aquery": lambda llm: str(asyncio.run(vectors().as_query_engine(llm=llm).aquery("where?"))),
    "streamed query": lambda llm: "".join(
        vectors().as_query_engine(llm=llm, streaming=True).query("where?").response_gen
    ),
    "streamed aquery": lambda llm: asyncio.run(astreamed(vectors(), llm)),
    "summary": lambda llm: str(facts().as_query_engine(llm=llm).query("where?")),
    "summary tree": lambda llm: str(
        facts().as_query_engine(llm=llm, response_mode="tree_summarize").query("where?")
    ),
    "predict": lambda llm: llm.predict(PromptTemplate("where?")),
    "apredict": lambda llm: asyncio.run(apredicted(llm)),
    "stream": lambda llm: "".join(llm.stream(PromptTemplate("where?"))),
    "astream": lambda llm: asyncio.run(astreamed_tokens(llm)),
    "chat engine": lambda llm: str(SimpleChatEngine.from_defaults(llm=llm).chat("where?")),
    "streamed chat engine": lambda llm: "".join(
        SimpleChatEngine.from_defaults(llm=llm).stream_chat("where?").response_gen
    ),
    "astreamed chat engine": lambda llm: asyncio.run(achatted(llm)),
}


@pytest.fixture(params=APPS)
def app(request):
    return APPS[request.param]


def debugged(model, **settings):
    debug = LlamaDebugHandler(print_trace_on_end=False)
    return MiddlewareLLM(model, callback_manager=CallbackManager([debug]), **settings)


def scripted(*replies, name="scripted", **settings):
    return ScriptedChatModel(replies=replies or [ANSWER], model_name=name, **settings)


def test_one_call_is_one_row_with_the_ledger_around_the_app(ledger, app):
    with ledger:
        assert app(debugged(with_middleware(scripted()))) == ANSWER
    assert rows(ledger) == [("scripted", "ok", 5)]


def test_one_call_is_one_row_with_the_ledger_on_the_llm(ledger, app):
    llm = debugged(with_middleware(scripted()), config={"callbacks": [ledger]})
    assert app(llm) == ANSWER
    assert rows(ledger) == [("scripted", "ok", 5)]


def test_one_call_is_one_row_with_the_ledger_on_the_chat_model(ledger, app):
    assert app(debugged(scripted(callbacks=[ledger]))) == ANSWER
    assert rows(ledger) == [("scripted", "ok", 5)]


def test_a_ledger_given_in_every_way_still_counts_once(ledger, app):
    with ledger:
        assert app(debugged(scripted(callbacks=[ledger]), config={"callbacks": [ledger]})) == ANSWER
    assert rows(ledger) == [("scripted", "ok", 5)]


def test_a_cascade_serves_the_app_and_every_call_it_makes_is_a_row(ledger, app):
    cascade = CascadeMiddleware(
        tiers=[scripted("no idea", name="small"), large := scripted(name="large")],
        verify=Predicate(lambda reply: "Oslo" in reply.text),
    )
    with ledger:
        assert app(debugged(with_middleware(large, cascade))) == ANSWER
    assert rows(ledger) == [("small", "ok", 5), ("large", "ok", 5)]
    assert ledger.report().totals.hidden_calls == 1


class OpenModel(ScriptedChatModel):
    """Knows whether a stream of its is open."""

    _open: int = PrivateAttr(default=0)

    def _stream(self, *args, **kwargs):
        self._open += 1
        try:
            yield from super()._stream(*args, **kwargs)
        finally:
            self._open -= 1

    async def _astream(self, *args, **kwargs):
        self._open += 1
        try:
            async for chunk in super()._astream(*args, **kwargs):
                yield chunk
        finally:
            self._open -= 1


@pytest.fixture
def no_garbage_collection():
    """A stream must not stay open until the collector finds it."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(params=["bare", "with_middleware"])
def open_model(request):
    model = OpenModel(replies=[ANSWER])
    return model, model if request.param == "bare" else with_middleware(model)


MESSAGES = [ChatMessage(content="where?")]


@pytest.mark.parametrize("ask", ["stream_chat", "stream_complete"])
@pytest.mark.parametrize("leave", ["close", "drop"])
def test_an_abandoned_stream_is_closed(ledger, open_model, ask, leave, no_garbage_collection):
    model, chat_model = open_model
    llm = debugged(chat_model, config={"callbacks": [ledger]})  # keeps what it hears, exceptions included
    stream = getattr(llm, ask)(MESSAGES if ask == "stream_chat" else "where?")
    assert next(stream).delta == "it "
    assert model._open == 1
    if leave == "close":
        stream.close()
    del stream
    assert model._open == 0
    assert [status for _, status, _ in rows(ledger)] == ["aborted"]


@pytest.mark.parametrize("ask", ["astream_chat", "astream_complete"])
@pytest.mark.parametrize("leave", ["close", "drop", "cancel"])
def test_an_abandoned_async_stream_is_closed(ledger, open_model, ask, leave, no_garbage_collection):
    model, chat_model = open_model
    llm = debugged(chat_model, config={"callbacks": [ledger]})

    waits = asyncio.Event()

    async def read(*, slowly):
        stream = await getattr(llm, ask)(MESSAGES if ask == "astream_chat" else "where?")
        assert (await anext(stream)).delta == "it "
        assert model._open == 1
        model.delay = 60.0 if slowly else 0.0
        if slowly:
            waits.set()
            await anext(stream)
        return stream

    async def work():
        if leave == "cancel":
            reading = asyncio.create_task(read(slowly=True))
            await waits.wait()
            await asyncio.sleep(0.05)
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading
        else:
            stream = await read(slowly=False)
            if leave == "close":
                await stream.aclose()
            del stream
        for _ in range(20):  # the event loop closes what was dropped
            await asyncio.sleep(0)
        assert model._open == 0

    asyncio.run(work())
    assert [status for _, status, _ in rows(ledger)] == ["aborted"]


def test_a_query_whose_tokens_are_not_all_read_is_closed(ledger, open_model, no_garbage_collection):
    model, chat_model = open_model
    llm = debugged(chat_model, config={"callbacks": [ledger]})
    response = facts().as_query_engine(llm=llm, streaming=True).query("where?")
    for _ in response.response_gen:
        break
    assert model._open == 1
    response.response_gen.close()
    del response
    assert model._open == 0
    assert [status for _, status, _ in rows(ledger)] == ["aborted"]
