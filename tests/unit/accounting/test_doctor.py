import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.messages import AIMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda
from langchain_core.runnables.config import ContextThreadPoolExecutor
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

from llmops_plugins.accounting.doctor import diagnose_graph, diagnose_rows
from llmops_plugins.cascade.middleware import CascadeMiddleware
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.models.registry import ModelRegistry, ModelSpec, Price
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.predicate import Predicate
from llmops_plugins.wrapped_model.wrap import with_middleware

REGISTRY = ModelRegistry([ModelSpec(name="m", prices=(Price(input=1.0, output=2.0),))])
QUESTION = {"messages": [("user", "What now?")]}


def scripted(*replies, **settings):
    return ScriptedChatModel(replies=replies or ["Now this."], **{"model_name": "m", **settings})


def graph_of(*nodes, **settings):
    builder = StateGraph(MessagesState).add_sequence(nodes).add_edge(START, nodes[0].__name__)
    return builder.compile(**settings)


def answer_with(model):
    def answer(state):
        return {"messages": [model.invoke(state["messages"])]}

    return answer


def diagnose(graph, graph_input=QUESTION):
    return diagnose_graph(graph, graph_input, REGISTRY)


def problems(diagnosis):
    return [finding for finding in diagnosis.findings if finding.level == "problem"]


def test_a_healthy_graph_has_nothing_to_do():
    diagnosis = diagnose(graph_of(answer_with(scripted())))
    assert diagnosis.findings == []
    (group,) = diagnosis.groups
    assert (group.node, group.model, group.kinds) == ("answer", "m", ("answer",))
    assert (group.calls, group.with_usage, group.priced, group.input_tokens) == (1, 1, 1, 10)


def test_a_model_that_reports_no_usage_when_streamed_is_named_with_the_fix():
    class ForgetsUsageWhenStreamed(ScriptedChatModel):
        def _stream(self, *args, **kwargs):
            for chunk in super()._stream(*args, **kwargs):
                chunk.message.usage_metadata = None
                yield chunk

    model = ForgetsUsageWhenStreamed(replies=["Now this."], model_name="m", provider="openai")
    assert model.invoke("?").usage_metadata  # only streaming shows what is missing
    (problem,) = problems(diagnose(graph_of(answer_with(model))))
    assert problem.where == "answer, m"
    assert "1 of 1 calls came without usage" in problem.text
    assert "stream_usage=True" in problem.text


def test_other_providers_are_not_told_to_set_what_they_do_not_have():
    (problem,) = problems(diagnose(graph_of(answer_with(scripted(usage=None, provider="other")))))
    assert "came without usage" in problem.text
    assert "stream_usage" not in problem.text


def in_a_pool(model):
    with ThreadPoolExecutor() as pool:
        return list(pool.map(model.invoke, ["one", "two"]))[-1]


def in_a_thread(model):
    replies = []
    thread = Thread(target=lambda: replies.extend(model.invoke(word) for word in ("one", "two")))
    thread.start()
    thread.join()
    return replies[-1]


@pytest.mark.parametrize("threads", [in_a_pool, in_a_thread])
@pytest.mark.parametrize("keep", [lambda reply: reply, lambda reply: AIMessage(reply.text)])
def test_calls_lost_in_threads_of_ones_own_are_counted_even_where_no_message_shows_them(threads, keep):
    def answer(state):
        return {"messages": [keep(threads(scripted()))]}

    diagnosis = diagnose(graph_of(answer))
    assert diagnosis.groups == []
    (problem,) = problems(diagnosis)
    assert problem.where == "not captured, m"
    assert problem.text.startswith("2 calls")
    assert "ContextThreadPoolExecutor" in problem.text


def test_the_recommended_thread_pool_loses_nothing():
    def answer(state):
        with ContextThreadPoolExecutor() as pool:
            return {"messages": list(pool.map(scripted().invoke, ["one", "two"]))}

    diagnosis = diagnose(graph_of(answer))
    assert [group.calls for group in diagnosis.groups] == [2]
    assert problems(diagnosis) == []


def test_the_witness_leaves_nothing_behind():
    before = dict(os.environ)
    diagnose(graph_of(answer_with(scripted())))
    assert dict(os.environ) == before
    again = diagnose(graph_of(answer_with(scripted())))
    assert [group.calls for group in again.groups] == [1]


def test_wrapped_models_and_cache_hits_are_no_lost_calls():
    cheap = scripted("not sure")
    cascade = CascadeMiddleware(tiers=[cheap, scripted()], verify=Predicate(lambda m: "not" not in m.text))
    assert problems(diagnose(graph_of(answer_with(with_middleware(scripted(), cascade))))) == []
    cached = scripted(cache=InMemoryCache())
    cached.invoke(QUESTION["messages"])
    assert not [one for one in diagnose(cached, QUESTION["messages"]).findings if "captured" in one.where]


def test_a_model_without_a_price_or_a_name_is_a_problem():
    (problem,) = problems(diagnose(graph_of(answer_with(scripted(model_name="nobody-knows-this")))))
    assert "1 of 1 calls have no price" in problem.text


def test_a_graph_that_fails_is_refused_with_its_own_words():
    def answer(state):
        raise LookupError("no such customer")

    with pytest.raises(ConfigurationError, match=r"^graph: failed .*LookupError: no such customer.*--input"):
        diagnose(graph_of(answer))


def test_a_model_that_fails_once_and_is_retried_is_advice():
    model = scripted(ConnectionError("down"), "Now this.").with_retry(wait_exponential_jitter=False)
    diagnosis = diagnose(graph_of(answer_with(model)))
    assert problems(diagnosis) == []
    assert any("1 of 2 calls failed (ConnectionError)" in finding.text for finding in diagnosis.findings)


def test_an_async_only_graph_is_run_as_one():
    model = scripted()

    async def answer(state):
        return {"messages": [await model.ainvoke(state["messages"])]}

    assert [group.calls for group in diagnose(graph_of(answer)).groups] == [1]


def test_an_async_only_chain_is_run_as_one():
    async def shout(message):
        return message.text.upper()

    diagnosis = diagnose(scripted() | RunnableLambda(shout), "hello")
    assert [group.calls for group in diagnosis.groups] == [1]


def test_an_error_that_is_not_about_async_is_not_retried():
    calls = []

    def answer(state):
        calls.append(state)
        raise TypeError("unsupported operand")

    with pytest.raises(ConfigurationError, match="unsupported operand"):
        diagnose(graph_of(answer))
    assert len(calls) == 1


def test_an_interrupt_is_pointed_out():
    model = scripted()

    def plan(state):
        model.invoke(state["messages"])

    def approve(state):
        interrupt("go on?")

    diagnosis = diagnose(graph_of(plan, approve, checkpointer=InMemorySaver()))
    assert [group.calls for group in diagnosis.groups] == [1]
    assert any("stopped at an interrupt" in finding.text for finding in diagnosis.findings)


def test_a_plain_chain_and_a_bare_model_can_be_diagnosed():
    chain = ChatPromptTemplate.from_template("Say {word}") | scripted()
    assert [group.node for group in diagnose(chain, {"word": "hi"}).groups] == ["-"]
    assert [group.calls for group in diagnose(scripted(), "hi").groups] == [1]


def test_a_graph_without_model_calls_says_so():
    def answer(state):
        return {"messages": [AIMessage("canned")]}

    (problem,) = problems(diagnose(graph_of(answer)))
    assert "no model call was made" in problem.text


def test_two_calls_on_the_same_history_re_send_it():
    model = scripted(usage={"input_tokens": 500, "output_tokens": 5, "total_tokens": 505})
    history = {"messages": [("user", "A long story. " * 100)]}

    def draft(state):
        model.invoke(state["messages"])

    diagnosis = diagnose(graph_of(draft, answer_with(model)), history)
    assert diagnosis.groups[0].node == "answer"  # what re-sends most comes first
    assert diagnosis.groups[0].resent_tokens > 400
    assert any("had been sent before" in one.text and one.where == "answer, m" for one in diagnosis.findings)


def row(**columns):
    return {
        "call_id": str(uuid.uuid4()),
        "graph_path": "agent",
        "node": "agent",
        "model": "m",
        "kind": "answer",
        "status": "ok",
        "usage_source": "reported",
        "provider": None,
        "unpriced_reason": None,
        "error": None,
        "cost_usd": 0.1,
        "input_tokens": 100,
        "resent_tokens": 0,
        "input_breakdown": {},
        **columns,
    }


def test_rows_are_grouped_by_node_and_model_and_problems_come_first():
    rows = [
        row(kind="other"),
        row(graph_path="agent/tools", model=None),
        row(input_breakdown={"billed": True, "user": 30, "tools": {"a": 40, "b": 30}}),
    ]
    diagnosis = diagnose_rows(rows)
    assert {(group.node, group.model, group.calls) for group in diagnosis.groups} == {
        ("agent", "m", 2),
        ("agent/tools", "a model without a name", 1),
    }
    assert [finding.level for finding in diagnosis.findings] == ["problem", "advice", "advice"]
    assert "model_name" in diagnosis.findings[0].text
    assert any("tool schemas are 70%" in finding.text for finding in diagnosis.findings)


def test_a_diagnosis_is_plain_data():
    assert diagnose_rows([row()]).to_dict()["groups"][0]["calls"] == 1
