"""The shipped fakes say exactly what they are told, in every way a chat model can be called."""

import asyncio
import copy
import pickle
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.load import dumpd
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from llmops_plugins.errors import ConfigurationError, PromptNotRecordedError
from llmops_plugins.testing import RecordedAnswer, ReplayChatModel, ScriptedChatModel

CALL = {"name": "look", "args": {"q": "x"}, "id": "1", "type": "tool_call"}


async def collected(stream):
    return [chunk async for chunk in stream]


def joined(chunks):
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    return whole


CALLS = {
    "invoke": lambda model, given: model.invoke(given),
    "ainvoke": lambda model, given: asyncio.run(model.ainvoke(given)),
    "stream": lambda model, given: joined(list(model.stream(given))),
    "astream": lambda model, given: joined(asyncio.run(collected(model.astream(given)))),
}


@pytest.fixture(params=CALLS)
def call(request):
    return CALLS[request.param]


def test_replies_come_in_turn_and_start_over(call):
    model = ScriptedChatModel(replies=["one", "two words", lambda messages: messages[-1].text.upper()])
    assert [call(model, "hi").text for _ in range(4)] == ["one", "two words", "HI", "one"]
    assert [messages[-1].text for messages in model.calls] == ["hi"] * 4


def test_an_exception_is_raised(call):
    model = ScriptedChatModel(replies=[ConnectionError("down"), "up"])
    with pytest.raises(ConnectionError, match="down"):
        call(model, "hi")
    assert call(model, "hi").text == "up"


def test_usage_model_name_and_tool_calls_are_reported(call):
    model = ScriptedChatModel(replies=[AIMessage("text", tool_calls=[CALL])], model_name="mine")
    message = call(model, "hi")
    assert message.usage_metadata["total_tokens"] == 15
    assert message.response_metadata["model_name"] == "mine"
    assert message.tool_calls == [CALL]
    assert message.id


def test_a_reply_brings_its_own_usage_and_a_provider_may_report_none(call):
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    own = ScriptedChatModel(replies=[AIMessage("x", usage_metadata=usage)])
    assert call(own, "hi").usage_metadata["total_tokens"] == 2
    assert call(ScriptedChatModel(replies=["x"], usage=None), "hi").usage_metadata is None


def test_the_script_is_not_changed_by_being_read(call):
    reply = AIMessage("x")
    assert call(ScriptedChatModel(replies=[reply]), "hi") is not reply
    assert reply.id is None
    assert reply.usage_metadata is None


@given(text=st.text(max_size=40))
@settings(deadline=None)
def test_a_streamed_text_is_the_same_text(text):
    chunks = list(ScriptedChatModel(replies=[text]).stream("hi"))
    assert "".join(chunk.text for chunk in chunks) == text
    assert len(chunks) == (text.count(" ") + 2 if text else 1)


def test_delay_is_waited_for_before_a_reply_and_before_each_chunk():
    model = ScriptedChatModel(replies=["word " * 100], delay=0.02)
    started = time.perf_counter()
    model.invoke("hi")
    assert time.perf_counter() - started >= 0.02
    started = time.perf_counter()
    next(model.stream("hi"))
    assert 0.02 <= time.perf_counter() - started < 100 * 0.02  # not before all of them


def test_threads_take_turns():
    model = ScriptedChatModel(replies=[str(number) for number in range(64)])
    with ThreadPoolExecutor(8) as pool:
        texts = list(pool.map(lambda _: model.invoke("hi").text, range(64)))
    assert sorted(texts, key=int) == [str(number) for number in range(64)]


@pytest.mark.parametrize("replies", [[], "a text alone"])
def test_a_script_needs_a_list_of_replies(replies):
    with pytest.raises(ConfigurationError, match=r"^replies: "):
        ScriptedChatModel(replies=replies)


def test_what_it_reports_of_itself_follows_the_model_a_call_asks_for():
    model = ScriptedChatModel(replies=["x"], model_name="mine", provider="me")
    assert model._get_ls_params() == {"ls_provider": "me", "ls_model_name": "mine", "ls_model_type": "chat"}
    assert model._get_ls_params(model="other")["ls_model_name"] == "other"


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_models_can_be_copied_and_pickled(duplicate):
    assert duplicate(ScriptedChatModel(replies=["x"])).invoke("hi").text == "x"
    assert duplicate(ReplayChatModel(answers=ANSWERS)).invoke("2 + 2?").text == "4"


# --- replay --------------------------------------------------------------------------------------

ANSWERS = {"2 + 2?": RecordedAnswer(text="4", input_tokens=9, output_tokens=1, cost_usd=0.25)}


def test_a_recorded_prompt_gets_its_recorded_answer_usage_and_cost(call):
    message = call(ReplayChatModel(answers=ANSWERS, model_name="small"), "2 + 2?")
    assert message.text == "4"
    assert (message.usage_metadata["input_tokens"], message.usage_metadata["output_tokens"]) == (9, 1)
    assert message.response_metadata["model_name"] == "small"


@given(text=st.text(max_size=20))
@settings(deadline=None, max_examples=20)
def test_the_recorded_cost_comes_with_every_reply_however_it_is_read(text):
    answer = RecordedAnswer(text=text, input_tokens=9, output_tokens=1, cost_usd=0.25)
    for call in CALLS.values():
        usage = call(ReplayChatModel(answers={"ask": answer}), "ask").usage_metadata
        assert usage == {"input_tokens": 9, "output_tokens": 1, "total_tokens": 10, "total_cost": 0.25}


def test_the_prompt_is_the_last_human_message():
    conversation = [SystemMessage("be brief"), HumanMessage("hello"), AIMessage("hi"), HumanMessage("2 + 2?")]
    assert ReplayChatModel(answers=ANSWERS).invoke([*conversation, AIMessage("let me see")]).text == "4"


@pytest.mark.parametrize("given", ["2 + 2 ?", "", [SystemMessage("2 + 2?")]])
def test_only_the_exact_text_is_recorded(call, given):
    with pytest.raises(PromptNotRecordedError, match="small has no recorded answer"):
        call(ReplayChatModel(answers=ANSWERS, model_name="small"), given)


def test_answers_are_shared_by_every_copy_and_never_read_through():
    class Unread(dict):
        def __iter__(self):
            raise AssertionError("read through")

        items = keys = values = __iter__

    answers = Unread(ANSWERS)
    model = ReplayChatModel(answers=answers)
    tools = model.bind_tools([])
    for one in (model, model.model_copy(), model.model_copy(deep=True), copy.deepcopy(model), tools.bound):
        assert one.answers is answers
    assert copy.deepcopy([model, model])[1].answers is answers


def test_answers_must_be_a_mapping():
    with pytest.raises(ConfigurationError, match=r"^answers: "):
        ReplayChatModel(answers=[("2 + 2?", "4")])


@pytest.mark.parametrize("shown", [repr, str, dumpd, lambda model: model.model_dump()])
def test_recorded_answers_appear_in_no_representation(shown):
    secret = {"who?": RecordedAnswer(text="SECRET", input_tokens=1, output_tokens=1)}
    assert "SECRET" not in str(shown(ReplayChatModel(answers=secret)))
