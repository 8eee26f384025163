"""Hand-written graphs, chains and bare models: what was the answer, and where each call was made."""

import asyncio
import operator
from typing import Annotated, TypedDict

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.language_models import FakeListLLM
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnableParallel
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, RetryPolicy, Send, interrupt
from pydantic import BaseModel

from llmops_plugins.embeddings import CountedEmbeddings


class State(TypedDict, total=False):
    question: str
    route: str
    answer: str
    parts: Annotated[list[str], operator.add]


def graph_of(schema, **nodes):
    """Compile a graph of nodes in a row."""
    graph = StateGraph(schema)
    for name, node in nodes.items():
        graph.add_node(name, node)
    graph.add_edge(START, next(iter(nodes)))
    for one, other in zip(nodes, list(nodes)[1:], strict=False):
        graph.add_edge(one, other)
    return graph


class TestAnswers:
    def test_a_node_that_returns_the_text_only(self, books, model):
        router, writer = model("small", "billing"), model("large", "You owe 3 EUR.")

        def route(state):
            return {"route": {"billing": "b"}[router.invoke(state["question"]).text]}

        def write(state):
            return {"answer": writer.invoke(state["question"]).content}

        graph_of(State, route=route, write=write).compile().invoke({"question": "?"}, books.config)
        assert books.kinds == [("small", "other"), ("large", "answer")]
        assert [(call.node, call.graph_path, call.step) for call in books.calls] == [
            ("route", "route", 1),
            ("write", "write", 2),
        ]

    def test_a_text_that_was_in_the_input_is_no_sign_of_an_answer(self, books, model):
        echo, writer = model("small", "is it yes"), model("large", "no")

        def node(state):
            echo.invoke(state["question"])
            return {"answer": writer.invoke(state["question"]).text}

        graph_of(State, node=node).compile().invoke({"question": "is it yes"}, books.config)
        assert books.kinds == [("small", "other"), ("large", "answer")]

    def test_of_several_that_said_the_same_only_one_is_the_answer(self, books, model):
        voter = model("small", "42")

        def vote(state):
            return {"answer": max([voter.invoke(state["question"]).text for _ in range(3)])}

        graph_of(State, vote=vote).compile().invoke({"question": "?"}, books.config)
        assert sorted(books.kinds_of("small")) == ["answer", "other", "other"]

    def test_a_message_made_anew_from_the_text(self, books, model):
        critic, writer = model("small", "fine"), model("large", "the answer")

        def node(state):
            text = writer.invoke(state["messages"]).content
            critic.invoke(text)
            return {"messages": [AIMessage(text, name="bot")]}

        graph_of(MessagesState, node=node).compile().invoke({"messages": [("user", "?")]}, books.config)
        assert books.kinds == [("large", "answer"), ("small", "other")]

    def test_a_text_that_only_an_earlier_turn_said_is_no_answer_of_this_one(self, books, model):
        judge, writer = model("small", "ok"), model("large", "ok", "fine")

        def node(state):
            judge.invoke("?")
            return {"messages": [AIMessage(writer.invoke(state["messages"]).content)]}

        agent = graph_of(MessagesState, node=node).compile(checkpointer=InMemorySaver())
        config = {**books.config, "configurable": {"thread_id": "t"}}
        agent.invoke({"messages": [("user", "first")]}, config)
        agent.invoke({"messages": [("user", "second")]}, config)
        assert books.kinds_of("small") == ["other", "other"]
        assert books.kinds_of("large") == ["answer", "answer"]

    def test_a_draft_that_the_state_does_not_keep_is_hidden(self, books, model):
        writer = model("large", "draft", "final")

        def node(state):
            draft = writer.invoke(state["messages"])
            return {"messages": [writer.invoke([*state["messages"], draft, HumanMessage("better")])]}

        graph_of(MessagesState, node=node).compile().invoke({"messages": [("user", "?")]}, books.config)
        assert books.kinds == [("large", "other"), ("large", "answer")]


class City(BaseModel):
    """A city."""

    name: str
    country: str = "unknown"


class TestChains:
    @pytest.mark.parametrize("way", ["invoke", "stream"])
    def test_prompt_model_parser(self, books, model, way):
        chain = ChatPromptTemplate.from_template("{q}") | model("large", "an answer") | StrOutputParser()
        result = getattr(chain, way)({"q": "?"}, books.config)
        assert "".join(result) == "an answer"
        assert books.kinds == [("large", "answer")]

    @pytest.mark.parametrize("schema", [City, City.model_json_schema()], ids=["pydantic", "dict"])
    def test_structured_output(self, books, model, calling, schema):
        chain = model("large", calling("City", name="Bern")).with_structured_output(schema)
        chain.invoke("?", books.config)
        assert books.kinds == [("large", "answer")]

    def test_tool_calls_that_are_all_the_output(self, books, model, calling):
        chain = RunnableLambda(lambda q: q) | model("large", calling("City", name="Bern")).bind_tools([City])
        chain.invoke("?", books.config)
        assert books.kinds == [("large", "answer")]

    def test_both_branches_of_a_parallel_chain_are_answers(self, books, model):
        branches = {name: model(name, "same") | StrOutputParser() for name in ("large", "small")}
        RunnableParallel(**branches).invoke("?", books.config)
        assert sorted(books.kinds) == [("large", "answer"), ("small", "answer")]

    def test_batch_is_a_root_each(self, books, model):
        (model("large", "x") | StrOutputParser()).batch(["a", "b", "c"], books.config)
        assert books.kinds == [("large", "answer")] * 3
        assert len({call.trace_id for call in books.calls}) == 3

    def test_with_retry_numbers_attempts(self, books, model):
        flaky = model("large", ConnectionError("down"), "hello").with_retry(
            wait_exponential_jitter=False, stop_after_attempt=2
        )
        flaky.invoke("hi", books.config)
        assert [(call.attempt, call.kind) for call in books.calls] == [(1, "other"), (2, "answer")]

    def test_an_attempt_that_failed_in_another_trace_is_not_counted_on(self, books, model):
        broken = model("large", ConnectionError("down"))
        for _ in range(2):
            with pytest.raises(ConnectionError):
                broken.invoke("hi", books.config)
        assert [call.attempt for call in books.calls] == [1, 1]


class TestBareModels:
    def test_a_chat_model(self, books, model):
        model("large", "hello").invoke("hi", books.config)
        model("large", "hello").batch(["a", "b"], books.config)
        assert books.kinds == [("large", "answer")] * 3

    def test_a_text_model(self, books):
        llm = FakeListLLM(responses=["hello"])
        llm.invoke("hi", books.config)
        (RunnableLambda(lambda text: text) | llm).invoke("hi", books.config)
        llm.batch(["a", "b"], books.config)
        assert [call.kind for call in books.calls] == ["answer"] * 4
        assert [call.usage_source for call in books.calls] == ["none"] * 4

    def test_no_usage_and_no_model_name_is_kept_all_the_same(self, books, model):
        class Nameless(type(model("x", "y"))):
            @property
            def _identifying_params(self):
                return {}

            def _get_ls_params(self, stop=None, **kwargs):
                return {}

        Nameless(replies=[AIMessage("hi", response_metadata={"model_name": ""})], usage=None).invoke(
            "hello", books.config
        )
        (call,) = books.calls
        assert (call.kind, call.model, call.usage_source, call.input_tokens) == ("answer", None, "none", None)
        assert call.cost_usd is None
        assert not call.input_breakdown["billed"]

    def test_one_run_id_given_twice_is_two_calls(self, books, model):
        run_id = "11111111-1111-4111-8111-111111111111"
        for _ in range(2):
            model("large", "hello").invoke("hi", {**books.config, "run_id": run_id})
        chain = model("small", "hello") | StrOutputParser()
        for _ in range(2):
            chain.invoke("hi", {**books.config, "run_id": run_id.replace("1", "2")})
        assert books.kinds == [("large", "answer")] * 2 + [("small", "answer")] * 2

    def test_the_providers_own_bill_goes_first(self, books, model):
        usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15, "total_cost": 0.5}
        model("large", AIMessage("hi", usage_metadata=usage)).invoke("hello", books.config)
        assert (books.calls[0].cost_usd, books.calls[0].price_source) == (0.5, "reported")


class TestWhere:
    def test_subgraphs_are_in_the_path(self, books, model):
        def talk(state):
            return {"messages": [model("large", "inner").invoke(state["messages"])]}

        inner = graph_of(MessagesState, talk=talk).compile()
        middle = graph_of(MessagesState, team=inner).compile()
        graph_of(MessagesState, company=middle).compile().invoke({"messages": [("user", "?")]}, books.config)
        (call,) = books.calls
        assert (call.graph_path, call.node, call.kind) == ("company/team/talk", "talk", "answer")

    def test_send_fans_out_below_one_root(self, books, model):
        worker = model("small", "part")

        def work(state):
            return {"parts": [worker.invoke(str(state["n"])).text]}

        def join(state):
            return {"answer": model("large", "whole").invoke(" ".join(state["parts"])).text, "parts": []}

        graph = StateGraph(State)
        graph.add_node("work", work)
        graph.add_node("join", join)
        graph.add_conditional_edges(START, lambda state: [Send("work", {"n": n}) for n in range(4)])
        graph.add_edge("work", "join")
        graph.add_edge("join", END)
        graph.compile().invoke({"question": "?"}, books.config)
        assert len(books.calls) == 5
        assert {call.trace_id for call in books.calls} == {books.calls[0].trace_id}
        assert books.kinds_of("large") == ["answer"]

    def test_several_roots_at_once_do_not_mix(self, books, model):
        async def ask(state):
            reply = await model(state["question"], "same text", delay=0.01).ainvoke("?")
            return {"answer": "another" if state["question"] == "b" else reply.text}

        graph = graph_of(State, ask=ask).compile()

        async def main():
            await asyncio.gather(*(graph.ainvoke({"question": q}, books.config) for q in "abc"))

        asyncio.run(main())
        assert len({call.trace_id for call in books.calls}) == 3
        assert sorted(books.kinds) == [("a", "answer"), ("b", "other"), ("c", "answer")]


class TestRepeats:
    def test_a_nodes_retry_policy_fires_each_time(self, books, model):
        flaky = model("large", ConnectionError("down"), "hello")

        def node(state):
            return {"messages": [flaky.invoke(state["messages"])]}

        graph = StateGraph(MessagesState)
        graph.add_node("node", node, retry_policy=RetryPolicy(max_attempts=2, initial_interval=0.001))
        graph.add_edge(START, "node")
        graph.compile().invoke({"messages": [("user", "?")]}, books.config)
        assert [(call.attempt, call.kind) for call in books.calls] == [(1, "other"), (2, "answer")]

    def test_an_interrupt_repeats_what_came_before_it_and_each_time_counts(self, books, model):
        planner, writer = model("small", "a plan"), model("large", "the answer")

        def node(state):
            plan = planner.invoke(state["question"]).text
            interrupt("go on?")
            return {"answer": writer.invoke(plan).text}

        graph = graph_of(State, node=node).compile(checkpointer=InMemorySaver())
        config = {**books.config, "configurable": {"thread_id": "t"}}
        graph.invoke({"question": "?"}, config)
        assert books.kinds == [("small", "other")]
        graph.invoke(Command(resume="yes"), config)
        assert books.kinds == [("small", "other"), ("small", "other"), ("large", "answer")]


class TestKinds:
    def test_the_users_own_tag(self, books, model):
        planner = model("small", "a plan").with_config(metadata={"llmops_kind": "plan"})

        def node(state):
            return {"answer": planner.invoke(state["question"]).text}

        graph_of(State, node=node).compile().invoke({"question": "?"}, books.config)
        assert books.kinds == [("small", "plan")]
        assert "llmops_kind" not in books.calls[0].user_metadata

    @pytest.mark.parametrize(
        "rule",
        [{"check": "guard"}, lambda facts: "guard" if facts.node == "check" and facts.model else None],
        ids=["mapping", "function"],
    )
    def test_the_users_rule(self, open_books, model, rule):
        books = open_books(kinds=rule)

        def check(state):
            return {"route": model("small", "safe").invoke(state["question"]).text}

        def write(state):
            return {"answer": model("large", "done").invoke(state["question"]).text}

        graph_of(State, check=check, write=write).compile().invoke({"question": "?"}, books.config)
        assert books.kinds == [("small", "guard"), ("large", "answer")]

    @pytest.mark.parametrize("rule", [lambda facts: facts.nothing, lambda facts: ["unhashable"]])
    def test_a_rule_that_fails_is_passed_over(self, open_books, model, rule):
        books = open_books(kinds=rule)
        model("large", "hello").invoke("hi", books.config)
        assert books.kinds == [("large", "answer")]

    def test_embeddings_are_counted_once_wrapped(self, books, model):
        embeddings = CountedEmbeddings(DeterministicFakeEmbedding(size=3))

        def node(state):
            embeddings.embed_query("x" * 40)
            return {"answer": model("large", "done").invoke(state["question"]).text}

        graph = graph_of(State, node=node).compile()
        with books.ledger:  # attached twice, counted once
            graph.invoke({"question": "?"}, books.config)
        kinds = {call.kind: call for call in books.calls}
        assert len(books.calls) == 2
        assert (kinds["embed"].input_tokens, kinds["embed"].usage_source) == (10, "estimated")
        assert kinds["embed"].node == "node"
