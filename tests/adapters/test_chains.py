"""A model in middleware behaves as a chat model wherever LangChain holds one."""

import asyncio
import contextlib

import pytest
from langchain.agents.middleware import ModelFallbackMiddleware, ModelRetryMiddleware
from langchain_core.chat_history import InMemoryChatMessageHistory
from langchain_core.messages import HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda
from langchain_core.runnables.history import RunnableWithMessageHistory

from llmops_plugins.errors import BudgetExceeded
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.wrapped_model.wrap import with_middleware

pytestmark = pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")


def text_of(reply):
    return reply if isinstance(reply, str) else reply.text


async def collected(stream):
    return [item async for item in stream]


def joined(chunks):
    return "".join(text_of(chunk) for chunk in chunks)


async def both(model, config):
    return await model.abatch(["hi", "hi"], config)


WAYS = {
    "invoke": lambda model, config: [text_of(model.invoke("hi", config))],
    "ainvoke": lambda model, config: [text_of(asyncio.run(model.ainvoke("hi", config)))],
    "stream": lambda model, config: [joined(model.stream("hi", config))],
    "astream": lambda model, config: [joined(asyncio.run(collected(model.astream("hi", config))))],
    "batch": lambda model, config: [text_of(one) for one in model.batch(["hi", "hi"], config)],
    "abatch": lambda model, config: [text_of(one) for one in asyncio.run(both(model, config))],
}


def with_history(model):
    history = InMemoryChatMessageHistory()
    return RunnableWithMessageHistory(model, lambda session_id: history).with_config(
        configurable={"session_id": "1"}
    )


def look(q: str) -> str:
    """Look something up."""
    return q


DRESSED = {
    "bare": lambda model: model,
    "chain": lambda model: ChatPromptTemplate.from_messages([("user", "{q}")]) | model | StrOutputParser(),
    "with_retry": lambda model: model.with_retry(),
    "with_fallbacks": lambda model: model.with_fallbacks([ScriptedChatModel(replies=["not needed"])]),
    "with_fallbacks.bind_tools": lambda model: model.with_fallbacks(
        [ScriptedChatModel(replies=["not needed"])]
    ).bind_tools([look]),
    "bind_tools": lambda model: model.bind_tools([look]),
    "bind": lambda model: model.bind(stop=["x"]),
    "with_config": lambda model: model.with_config(tags=["mine"]),
    "with_history": with_history,
    "around itself": lambda model: with_middleware(model),
}


@pytest.mark.parametrize("dress", DRESSED)
@pytest.mark.parametrize("way", WAYS)
def test_the_answer_is_right_and_every_model_run_is_seen_once(scenario, listener, dress, way):
    texts = WAYS[way](DRESSED[dress](scenario.wrapped), {"callbacks": [listener]})
    assert set(texts) == {scenario.text}
    assert sorted(listener.model_names) == sorted(scenario.models * len(texts))
    assert sorted(listener.ended) == sorted(listener.model_runs)
    assert listener.failed == []
    assert listener.outcomes == [scenario.outcome] * len(texts)
    for run_id in listener.model_runs:
        assert listener.ancestors(run_id)[0] == "ModelWithMiddleware"


def test_generate_answers_each_conversation(scenario, listener):
    conversations = [[HumanMessage("a")], [HumanMessage("b")]]
    result = scenario.wrapped.generate(conversations, callbacks=[listener])
    assert [one[0].text for one in result.generations] == [scenario.text] * 2
    assert listener.model_names == scenario.models * 2
    result = asyncio.run(scenario.wrapped.agenerate(conversations, callbacks=[listener]))
    assert [one[0].text for one in result.generations] == [scenario.text] * 2
    assert len(listener.model_runs) == 4 * len(scenario.models)


def test_an_accepted_draft_arrives_whole_and_the_last_tier_in_chunks(scenario):
    streamed = [chunk.text for chunk in scenario.wrapped.stream("hi")]
    assert [text for text in streamed if text] == scenario.chunks
    streamed = [chunk.text for chunk in asyncio.run(collected(scenario.wrapped.astream("hi")))]
    assert [text for text in streamed if text] == scenario.chunks


def test_a_chain_streams_through_its_parser(scenario):
    chain = DRESSED["chain"](scenario.wrapped)
    assert [text for text in chain.stream("hi") if text] == scenario.chunks


def test_history_remembers_the_answers_and_no_draft(scenario):
    history = InMemoryChatMessageHistory()
    chat = RunnableWithMessageHistory(scenario.wrapped, lambda session_id: history)
    config = {"configurable": {"session_id": "1"}}
    chat.invoke([HumanMessage("one")], config)
    list(chat.stream([HumanMessage("two")], config))
    texts = [message.text for message in history.messages]
    assert texts == ["one", scenario.text, "two", scenario.text]
    assert [one.text for one in scenario.cheap.calls[1]] == ["one", scenario.text, "two"]


def test_events_v2_show_the_users_chunks_once_hidden_calls_are_excluded(scenario):
    async def events():
        return await collected(scenario.wrapped.astream_events("hi", version="v2", exclude_tags=["nostream"]))

    model_chunks = [
        event["data"]["chunk"].text
        for event in asyncio.run(events())
        if event["event"] == "on_chat_model_stream"
    ]
    assert [text for text in model_chunks if text] == ([] if scenario.accept else scenario.chunks)


def test_events_v2_end_with_the_answer(scenario):
    async def events():
        return await collected(scenario.wrapped.astream_events("hi", version="v2"))

    last = asyncio.run(events())[-1]
    assert last["event"] == "on_chain_end"
    assert last["data"]["output"].text == scenario.text


def test_events_v3_are_built_from_the_users_chunks(scenario, listener):
    stream = scenario.wrapped.stream_events("hi", {"callbacks": [listener]}, version="v3")
    assert [text for text in stream.text if text] == scenario.chunks
    assert listener.model_names == scenario.models


async def test_async_events_v3_are_built_from_the_users_chunks(scenario, listener):
    stream = await scenario.wrapped.astream_events("hi", {"callbacks": [listener]}, version="v3")
    assert [text async for text in stream.text if text] == scenario.chunks
    assert listener.model_names == scenario.models


def test_events_v3_inside_a_run_are_counted_once(scenario, listener):
    node = RunnableLambda(lambda _: str(scenario.wrapped.stream_events("hi", version="v3").text))
    assert node.invoke(0, {"callbacks": [listener]}) == scenario.text
    assert listener.model_names == scenario.models


def test_settings_and_the_system_message_reach_the_model_that_answers(scenario):
    seen = []

    class Looks(type(scenario.middleware)):
        def flow(self, request):
            seen.append((request.system_message.text, request.model_settings, request.tool_choice))
            return super().flow(request)

    looks = Looks(**scenario.settings)
    model = with_middleware(scenario.users, looks).bind_tools([look], tool_choice="any", temperature=0)
    assert model.invoke([("system", "be brief"), ("user", "hi")], stop=["x"]).text == scenario.text
    assert seen == [("be brief", {"temperature": 0, "stop": ["x"]}, "any")]
    assert [one.text for one in scenario.cheap.calls[0]] == ["be brief", "hi"]


def test_a_handler_given_to_model_and_call_hears_once(scenario, listener):
    model = with_middleware(scenario.users, scenario.middleware)
    model.callbacks = [listener]
    model.tags = ["of the model"]
    model.invoke("hi", {"callbacks": [listener]})
    assert listener.model_names == scenario.models
    assert len(listener.root_ends) == 1
    assert all("of the model" in tags for tags in listener.tags.values())


# --- retries, fallbacks, vetoes ------------------------------------------------------------------


def failing_first(error):
    return ScriptedChatModel(replies=[error, "second try works"])


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
def test_with_retry_around_and_retry_middleware_inside(scenario, way):
    retry = ModelRetryMiddleware(max_retries=1, initial_delay=0, jitter=False)
    inside = with_middleware(failing_first(ConnectionError("down")), retry)
    assert WAYS[way](inside, None) == ["second try works"]
    if way in ("invoke", "ainvoke"):  # LangChain does not retry streams
        around = with_middleware(failing_first(ConnectionError("down"))).with_retry(
            stop_after_attempt=2, wait_exponential_jitter=False
        )
        assert WAYS[way](around, None) == ["second try works"]


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
def test_fallback_middleware_inside_and_fallbacks_around(scenario, way):
    down = ScriptedChatModel(replies=[ConnectionError("down")])
    rescue = ScriptedChatModel(replies=["rescued"])
    assert WAYS[way](with_middleware(down, ModelFallbackMiddleware(rescue)), None) == ["rescued"]
    assert WAYS[way](with_middleware(down).with_fallbacks([rescue]), None) == ["rescued"]


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
def test_strangers_around_and_inside_the_cascade_keep_it_working(scenario, listener, way):
    retry = ModelRetryMiddleware(max_retries=1, initial_delay=0, jitter=False)
    fallback = ModelFallbackMiddleware(scenario.users)
    model = with_middleware(scenario.users, retry, scenario.middleware, fallback)
    assert WAYS[way](model, {"callbacks": [listener]}) == [scenario.text]
    assert listener.model_names == scenario.models


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
def test_a_veto_ends_the_call(scenario, new_listener, way):
    class Veto(type(new_listener())):
        raise_error = True

        def on_chat_model_start(self, *args, **kwargs):
            raise BudgetExceeded("no more")

    with pytest.raises(BudgetExceeded):
        WAYS[way](scenario.wrapped, {"callbacks": [Veto()]})
    assert scenario.cheap.calls == scenario.strong.calls == []


# --- leaving early -------------------------------------------------------------------------------


class Tells(ScriptedChatModel):
    """Tells when a stream of it has been closed."""

    closed: list = []  # noqa: RUF012 - pydantic copies it for each model

    def _stream(self, *args, **kwargs):
        try:
            yield from super()._stream(*args, **kwargs)
        finally:
            self.closed.append(True)

    async def _astream(self, *args, **kwargs):
        try:
            async for chunk in super()._astream(*args, **kwargs):
                yield chunk
        finally:
            self.closed.append(True)


def test_an_abandoned_stream_closes_the_inner_call(scenario, listener):
    model = Tells(replies=["one two three"])
    stream = with_middleware(model).stream("hi", {"callbacks": [listener]})
    assert next(stream).text == "one "
    stream.close()
    assert model.closed == [True]
    assert [type(error) for _, error in listener.failed] == [GeneratorExit]


async def test_an_abandoned_async_stream_closes_the_inner_call(listener):
    model = Tells(replies=["one two three"])
    stream = with_middleware(model).astream("hi", {"callbacks": [listener]})
    assert (await anext(stream)).text == "one "
    await stream.aclose()
    await asyncio.sleep(0.01)
    assert model.closed == [True]


@pytest.mark.parametrize("method", ["ainvoke", "astream"])
async def test_cancellation_ends_the_inner_call(listener, method):
    model = Tells(replies=["one two three"], delay=0.05)
    wrapped = with_middleware(model)

    async def use():
        if method == "ainvoke":
            await wrapped.ainvoke("hi", {"callbacks": [listener]})
        else:
            await collected(wrapped.astream("hi", {"callbacks": [listener]}))

    task = asyncio.create_task(use())
    await asyncio.sleep(0.08 if method == "astream" else 0.02)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.01)
    assert task.cancelled()
    assert model.closed == ([True] if method == "astream" else [])
    assert listener.ended == []
    assert len(asyncio.all_tasks()) == 1
