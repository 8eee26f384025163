"""A reply that a cache gave is a saving, not spending."""

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.messages import AIMessage
from langgraph.cache.memory import InMemoryCache as InMemoryNodeCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import CachePolicy


class TestModelCache:
    def test_a_hit_is_a_saving_measured_by_its_own_recorded_usage(self, books, model, call_usd):
        cached = model("large", "hello", cache=InMemoryCache())
        for _ in range(3):
            cached.invoke("hi", books.config)
        assert books.kinds == [("large", "answer")]
        assert [(d.capability, d.outcome, d.saved_basis) for d in books.decisions] == [
            ("llm_cache", "hit", "measured")
        ] * 2
        assert [d.saved_usd for d in books.decisions] == pytest.approx([call_usd["large"]] * 2)

    def test_what_the_provider_billed_is_what_a_hit_spares(self, books, model):
        usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15, "total_cost": 0.5}
        cached = model("large", AIMessage("hi", usage_metadata=usage), cache=InMemoryCache())
        for _ in range(2):
            cached.invoke("hello", books.config)
        assert [call.cost_usd for call in books.calls] == [0.5]
        assert [d.saved_usd for d in books.decisions] == [0.5]

    def test_a_hit_that_nothing_prices_spares_nobody_knows_how_much(self, books, model):
        cached = model("unheard-of", "hi", cache=InMemoryCache())
        for _ in range(2):
            cached.invoke("hello", books.config)
        assert [d.saved_usd for d in books.decisions] == [None]


class TestNodeCache:
    def graph(self, model, **settings):
        def node(state):
            return {"messages": [model.invoke(state["messages"])]}

        graph = StateGraph(MessagesState)
        policy = CachePolicy(key_func=lambda state: state["messages"][-1].content)
        graph.add_node("node", node, cache_policy=policy)
        graph.add_edge(START, "node")
        return graph.compile(cache=InMemoryNodeCache(), **settings)

    def test_a_replay_is_a_saving_and_no_call(self, books, model, call_usd):
        graph = self.graph(model("large", "hello"))
        replies = [graph.invoke({"messages": [("user", "hi")]}, books.config) for _ in range(3)]
        assert {reply["messages"][-1].usage_metadata["input_tokens"] for reply in replies} == {10}
        assert books.kinds == [("large", "answer")]
        assert [(d.capability, d.outcome) for d in books.decisions] == [("node_cache", "replayed")] * 2
        assert [d.saved_usd for d in books.decisions] == pytest.approx([call_usd["large"]] * 2)

    def test_an_earlier_turn_in_the_state_is_no_replay(self, books, model):
        graph = self.graph(model("large", "one", "two"), checkpointer=InMemorySaver())
        config = {**books.config, "configurable": {"thread_id": "t"}}
        for text in ("hi", "and?"):
            graph.invoke({"messages": [("user", text)]}, config)
        assert books.decisions == []
        assert books.kinds == [("large", "answer")] * 2

    def test_neither_is_one_that_was_given_as_input(self, books, model):
        first = model("large", "hello").invoke("hi", books.config)

        def node(state):
            return {}

        graph = StateGraph(MessagesState)
        graph.add_node("node", node)
        graph.add_edge(START, "node")
        graph.compile().invoke({"messages": [first]}, books.config)
        assert books.decisions == []

    def test_nor_one_that_was_paid_for_while_the_run_went_on(self, books, model):
        """A node that drops its callbacks makes its call a root of its own; it was paid for all the same."""

        def node(state):
            return {"messages": [model("large", "hello").invoke("hi", {"callbacks": [books.ledger]})]}

        graph = StateGraph(MessagesState)
        graph.add_node("node", node)
        graph.add_edge(START, "node")
        graph.compile().invoke({"messages": [("user", "hi")]}, books.config)
        assert len(books.calls) == 1
        assert books.decisions == []
