"""A LangChain chat model answers in all eight ways that LlamaIndex asks."""

import asyncio
import json

import pytest

pytest.importorskip("llama_index.core", reason="run `make test-integrations`: llama-index-core is missing")

from langchain_core.callbacks import BaseCallbackHandler
from llama_index.core import PromptTemplate
from llama_index.core.agent.workflow import ReActAgent
from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler, TokenCountingHandler
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.llms import LLM
from pydantic import BaseModel

from llmops_integrations.llama_index import MiddlewareLLM
from llmops_plugins import with_middleware
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.testing import ScriptedChatModel

ANSWER = "the answer is 42"


def scripted(*replies, **settings):
    return ScriptedChatModel(replies=replies or [ANSWER], **settings)


def text_of(response):
    return response.text if hasattr(response, "text") else response.message.content


@pytest.mark.parametrize("wrap", [lambda model: model, with_middleware], ids=["bare", "with_middleware"])
def test_every_way_gives_the_answer_to_what_was_asked(way, wrap):
    model = scripted()
    responses = way.ask(MiddlewareLLM(wrap(model)), "what is it?")
    assert text_of(responses[-1]) == ANSWER
    assert [[one.content for one in call] for call in model.calls] == [["what is it?"]]


def test_a_stream_gives_what_is_new_and_all_so_far(way):
    responses = way.ask(MiddlewareLLM(scripted()), "?")
    if not way.streams:
        assert [one.delta for one in responses] == [None]
        return
    deltas = [one.delta for one in responses]
    assert len([delta for delta in deltas if delta]) == 4
    for count, response in enumerate(responses, start=1):
        assert text_of(response) == "".join(deltas[:count])


def test_the_reply_and_its_usage_come_along(way):
    last = way.ask(MiddlewareLLM(scripted()), "?")[-1]
    assert last.additional_kwargs == {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    assert last.raw.usage_metadata["input_tokens"] == 10
    assert last.raw.response_metadata["model_name"] == "scripted"


def test_a_reply_without_usage_claims_none(way):
    assert way.ask(MiddlewareLLM(scripted(usage=None)), "?")[-1].additional_kwargs == {}


def test_llama_indexes_own_counter_counts_the_billed_tokens_once(way):
    counter = TokenCountingHandler(tokenizer=str.split)
    way.ask(MiddlewareLLM(scripted(), callback_manager=CallbackManager([counter])), "?")
    assert (counter.prompt_llm_token_count, counter.completion_llm_token_count) == (10, 5)


class Heard(BaseEventHandler):
    names: list[str] = []  # noqa: RUF012 - pydantic copies it for each instance

    def handle(self, event, **kwargs):
        self.names.append(type(event).__name__)


@pytest.fixture
def heard():
    handler = Heard()
    get_dispatcher().add_event_handler(handler)
    yield handler.names
    get_dispatcher().event_handlers.remove(handler)


def test_llama_index_hears_of_a_call_once(way, heard):
    debug = LlamaDebugHandler(print_trace_on_end=False)
    way.ask(MiddlewareLLM(scripted(), callback_manager=CallbackManager([debug])), "?")
    assert len(debug.get_event_pairs(CBEventType.LLM)) == 1
    kind = "LLMChat" if "chat" in way.name else "LLMCompletion"
    assert [name for name in heard if not name.endswith("InProgressEvent")] == [
        f"{kind}StartEvent",
        f"{kind}EndEvent",
    ]


def test_the_models_error_is_the_callers_and_ends_the_event(way):
    debug = LlamaDebugHandler(print_trace_on_end=False)
    llm = MiddlewareLLM(scripted(ConnectionError("down")), callback_manager=CallbackManager([debug]))
    with pytest.raises(ConnectionError, match="down"):
        way.ask(llm, "?")
    assert len(debug.get_event_pairs(CBEventType.LLM)) == 1


class Asked(BaseCallbackHandler):
    run_inline = True

    def __init__(self):
        self.parameters, self.metadata = [], []

    def on_chat_model_start(self, serialized, messages, *, invocation_params, metadata, **kwargs):
        self.parameters.append(invocation_params)
        self.metadata.append(metadata)


def test_settings_of_a_call_reach_the_model_and_the_config_every_call():
    asked = Asked()
    llm = MiddlewareLLM(
        with_middleware(scripted()), config={"callbacks": [asked], "metadata": {"tenant": "a"}}
    )
    llm.complete("?", temperature=0.5, stop=["."])
    list(llm.stream_complete("?", temperature=0.5))
    assert [one["temperature"] for one in asked.parameters] == [0.5, 0.5]
    assert asked.parameters[0]["stop"] == ["."]
    assert [one["tenant"] for one in asked.metadata] == ["a", "a"]


def test_a_prompt_is_formatted_unless_it_is_already():
    model = scripted()
    llm = MiddlewareLLM(model, completion_to_prompt=lambda prompt: f"<{prompt}>")
    llm.complete("one")
    list(llm.stream_complete("two"))
    llm.complete("three", formatted=True)
    assert [call[0].content for call in model.calls] == ["<one>", "<two>", "three"]


def test_the_metadata_is_the_models():
    profiled = MiddlewareLLM(with_middleware(scripted(profile={"max_input_tokens": 128_000})))
    assert profiled.metadata.context_window == 128_000
    assert profiled.metadata.model_name == "scripted"
    assert profiled.metadata.is_chat_model
    assert not profiled.metadata.is_function_calling_model
    assert MiddlewareLLM(scripted()).metadata.context_window == 3_900
    named = MiddlewareLLM(profiled.chat_model, context_window=8_000, num_output=500)
    assert (named.metadata.context_window, named.metadata.num_output) == (8_000, 500)


class City(BaseModel):
    name: str


def test_structured_prediction_parses_the_answer():
    llm = MiddlewareLLM(scripted(json.dumps({"name": "Oslo"})))
    assert llm.structured_predict(City, PromptTemplate("a city")) == City(name="Oslo")


def look_up(order: str) -> str:
    """Look up an order."""
    return f"{order} is in Oslo"


def test_an_agent_that_reads_actions_from_text_works():
    acting = 'Thought: I look it up.\nAction: look_up\nAction Input: {"order": "A1"}'
    model = scripted(acting, "Thought: Done.\nAnswer: Oslo")

    async def work():
        return str(await ReActAgent(tools=[look_up], llm=MiddlewareLLM(model)).run("where is A1?"))

    assert asyncio.run(work()) == "Oslo"
    assert "A1 is in Oslo" in model.calls[1][-1].text


def test_neither_the_model_nor_the_config_is_written_out():
    debug = LlamaDebugHandler(print_trace_on_end=False)
    model = scripted(ANSWER, "secret-reply")
    config = {"metadata": {"key": "secret-key"}}
    llm = MiddlewareLLM(model, config=config, callback_manager=CallbackManager([debug]))
    assert isinstance(llm, LLM)
    llm.complete("?")
    payloads = [event.payload for event in debug.get_llm_inputs_outputs()[0]]
    assert payloads[0]["serialized"]["class_name"] == "MiddlewareLLM"
    assert "secret" not in f"{llm.to_json()} {payloads} {llm!r}"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"chat_model": 7}, "chat_model: must be a chat model without bound tools, got int"),
        ({"context_window": 0}, "context_window: must be at least 1 token, got 0"),
        ({"num_output": -1}, "num_output: must be at least 1 token, got -1"),
    ],
)
def test_a_wrong_setting_is_refused_when_built(settings, sentence):
    with pytest.raises(ConfigurationError) as raised:
        MiddlewareLLM(**{"chat_model": scripted(), **settings})
    assert str(raised.value) == sentence
