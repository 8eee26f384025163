from collections import Counter
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from llmops_plugins.demo.agent import SYSTEM_PROMPT, build_support_agent
from llmops_plugins.demo.faults import GIVING_UP, HEDGE, choose_fault
from llmops_plugins.demo.grading import grade, load_requests
from llmops_plugins.demo.intents import understand
from llmops_plugins.demo.shop import open_shop, shop_tools
from llmops_plugins.demo.simulated import SimulatedSupportModel

REQUESTS = load_requests()
SHOP = open_shop()
MODELS = {
    skill: SimulatedSupportModel(model_name=f"simulated-{skill}", skill=skill) for skill in ("small", "large")
}
AGENTS = {skill: build_support_agent(model, SHOP) for skill, model in MODELS.items()}
TOOLS = shop_tools(SHOP)


@cache
def conversation(skill, text):
    return AGENTS[skill].invoke({"messages": [("user", text)]})["messages"]


def right(skill, request):
    return grade(conversation(skill, request.text)[-1].text, request.must_contain)


def request_with(fault):
    return next(r.text for r in REQUESTS if choose_fault(r.text, understand(r.text).hard) == fault)


def is_visible(messages):
    """What a verifier can see without knowing the answer: a failed tool call or a hedging phrase."""
    failed = any(isinstance(message, ToolMessage) and message.status == "error" for message in messages)
    return failed or messages[-1].text.startswith(HEDGE)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.id)
def test_the_large_one_answers_every_request(request_):
    assert right("large", request_), conversation("large", request_.text)[-1].text


def test_the_small_one_answers_two_thirds_to_four_fifths():
    assert 0.65 <= sum(right("small", request) for request in REQUESTS) / len(REQUESTS) <= 0.80


def test_most_failures_of_the_small_one_can_be_seen_and_a_few_cannot():
    failures = [conversation("small", r.text) for r in REQUESTS if not right("small", r)]
    visible = sum(is_visible(messages) for messages in failures)
    assert visible / len(failures) >= 0.85
    assert 0.01 <= (len(failures) - visible) / len(REQUESTS) <= 0.03


def test_some_of_what_looks_wrong_is_right():
    assert any(is_visible(conversation("small", r.text)) and right("small", r) for r in REQUESTS)


def test_the_small_one_fails_more_often_where_the_question_reads_hard():
    wrong = Counter(request.difficulty for request in REQUESTS if not right("small", request))
    asked = Counter(request.difficulty for request in REQUESTS)
    assert wrong["hard"] / asked["hard"] > 1.5 * wrong["easy"] / asked["easy"]


def test_an_unknown_tool_and_refused_arguments_come_back_as_errors():
    for fault, complaint in (
        ("unknown_tool", "is not a valid tool"),
        ("invalid_arguments", "Error invoking tool"),
    ):
        first_result = conversation("small", request_with(fault))[2]
        assert first_result.status == "error"
        assert complaint in first_result.text


def test_a_step_another_model_took_is_carried_on_by_the_small_one():
    messages = conversation("large", request_with("unknown_tool"))
    reply = MODELS["small"].bind_tools(TOOLS).invoke([SystemMessage(SYSTEM_PROMPT), *messages[:-1]])
    assert reply.text == messages[-1].text


def test_a_step_the_small_one_failed_is_mended_by_the_large_one():
    text = request_with("invalid_arguments")
    messages = [SystemMessage(SYSTEM_PROMPT), *conversation("small", text)[:3]]
    reply = MODELS["large"].bind_tools(TOOLS).invoke(messages)
    assert [(call["name"], call["args"]) for call in reply.tool_calls] == [
        (call["name"], call["args"]) for call in conversation("large", text)[1].tool_calls
    ]


def test_two_orders_are_looked_up_at_once_and_what_depends_on_a_result_after_it():
    both = conversation("large", "What do A1011 and A1032 add up to?")[1]
    assert [call["args"]["order_id"] for call in both.tool_calls] == ["A1011", "A1032"]
    assert len({call["id"] for call in both.tool_calls}) == 2
    again = next(request.text for request in REQUESTS if request.topic == "reorder")
    names = [
        call["name"]
        for m in conversation("large", again)
        if isinstance(m, AIMessage)
        for call in m.tool_calls
    ]
    assert names == ["look_up_order", "search_products"]


def test_it_takes_the_day_from_the_system_prompt():
    messages = conversation("large", "Can I still return order A1042?")[:-1]
    model = MODELS["large"].bind_tools(TOOLS)
    later = model.invoke([SystemMessage(SYSTEM_PROMPT.replace("2026-03-20", "2026-05-01")), *messages])
    assert later.text.startswith("No, ")
    assert model.invoke(messages).text.startswith("The last day")


def test_without_tools_it_admits_that_it_cannot_look_anything_up():
    assert MODELS["large"].invoke("Where is my order A1049?").text == GIVING_UP


def test_only_the_last_request_counts():
    history = [*conversation("large", "Where is my order A1049?"), HumanMessage("And how much was A1010?")]
    assert "$119.00" in AGENTS["large"].invoke({"messages": history})["messages"][-1].text


def test_both_skills_write_answers_of_about_the_same_length():
    lengths = {s: sum(len(conversation(s, r.text)[-1].text) for r in REQUESTS) for s in MODELS}
    assert abs(lengths["small"] - lengths["large"]) / lengths["large"] < 0.15


@pytest.mark.parametrize("skill", MODELS)
@pytest.mark.parametrize("fault", [None, "unknown_tool", "invalid_arguments", "hedging", "wrong_figure"])
def test_a_streamed_reply_adds_up_to_the_whole_one(skill, fault):
    model = MODELS[skill].bind_tools(TOOLS)
    for messages in ([HumanMessage(request_with(fault))], conversation("large", request_with(fault))[:-1]):
        whole = model.invoke(messages)
        chunks = list(model.stream(messages))
        streamed = sum(chunks[1:], chunks[0])
        assert streamed.text == whole.text
        assert [(c["name"], c["args"], c["id"]) for c in streamed.tool_calls] == [
            (c["name"], c["args"], c["id"]) for c in whole.tool_calls
        ]
        assert streamed.usage_metadata == whole.usage_metadata
        assert streamed.response_metadata["model_name"] == MODELS[skill].model_name
        assert streamed.chunk_position == "last"
        assert len(chunks) > max(1, len(whole.text.split()))


async def test_async_and_sync_agree():
    text = "What do A1011 and A1032 add up to?"
    reply = await AGENTS["large"].ainvoke({"messages": [("user", text)]})
    assert reply["messages"][-1].text == conversation("large", text)[-1].text


def test_tokens_grow_with_everything_the_model_is_sent():
    model, question = MODELS["large"], HumanMessage("Where is my order A1049?")
    bare = model.invoke([question]).usage_metadata["input_tokens"]
    prompted = model.invoke([SystemMessage(SYSTEM_PROMPT), question]).usage_metadata["input_tokens"]
    tooled = model.bind_tools(TOOLS).invoke([SystemMessage(SYSTEM_PROMPT), question]).usage_metadata
    assert prompted - bare == pytest.approx(len(SYSTEM_PROMPT) / 4 + 4, abs=1)
    assert tooled["input_tokens"] > prompted + 200
    assert tooled["total_tokens"] == tooled["input_tokens"] + tooled["output_tokens"]
    assert tooled["output_tokens"] > 0


def test_traces_name_provider_and_model():
    seen = {}

    class Watch(BaseCallbackHandler):
        def on_chat_model_start(self, serialized, messages, *, metadata=None, **kwargs):
            seen.update(metadata)

    MODELS["small"].invoke("Hello", config={"callbacks": [Watch()]})
    assert (seen["ls_provider"], seen["ls_model_name"]) == ("simulated", "simulated-small")


WORDS = "A1001 a1037 A1055 A9999 return cancel again cheapest total days lamp with shipping two under $30"


@settings(max_examples=40, deadline=None)
@given(text=st.text(max_size=60) | st.lists(st.sampled_from(WORDS.split()), max_size=6).map(" ".join))
def test_any_request_gets_an_answer_and_the_same_one_again(text):
    for agent in AGENTS.values():
        first, second = (agent.invoke({"messages": [("user", text)]})["messages"] for _ in range(2))
        assert first[-1].text
        assert [m.text for m in first] == [m.text for m in second]
        assert len(first) <= 8
