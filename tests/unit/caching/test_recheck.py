"""What is served by meaning is asked again now and then; what that shows bounds the tier, or stops it."""

import asyncio
import logging

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage
from langchain_core.tools import tool

from llmops_plugins import CostLedger, with_middleware
from llmops_plugins.background import BACKGROUND
from llmops_plugins.caching.cache import Withheld
from llmops_plugins.caching.labels import read_labels
from llmops_plugins.caching.middleware import CacheMiddleware
from llmops_plugins.caching.semantic import SemanticTier
from llmops_plugins.verification.verdict import Verdict
from tests.unit.caching.fakes import (
    IN_OTHER_WORDS,
    QUESTION,
    Cached,
    SameForAll,
    WordEmbeddings,
    indexed,
    scripted,
    semantic,
)

SAME, OTHER = "Berlin is the capital.", "It happens to be Bonn, on the river Rhine"


def checked(model, *, config=None, **settings):
    """Ask, and ask in other words with every hit checked; returns the middleware."""
    tier = semantic(recheck_share=1.0, **settings)
    middleware = CacheMiddleware(":memory:", semantic=tier)
    chat = with_middleware(model, middleware)
    chat.invoke(QUESTION)
    assert chat.invoke(IN_OTHER_WORDS, config).text == SAME
    assert BACKGROUND.drain()
    return middleware


def entries(middleware):
    return [item.value for item in middleware.cache.store.search(("llmops_cache",)) if "reply" in item.value]


@pytest.mark.parametrize(("again", "same"), [(SAME, True), (OTHER, False)])
def test_a_hit_is_asked_again_behind_the_users_back_and_labelled(again, same, listener):
    model = scripted(SAME, again)
    middleware = checked(model, config={"callbacks": [listener]})
    assert len(model.calls) == 2
    assert [(pair.a, pair.b, pair.same) for pair in read_labels(middleware.cache.store)] == [
        (IN_OTHER_WORDS, QUESTION, same)
    ]
    (entry,) = entries(middleware)
    assert (entry["checked"], entry["differing"]) == (1, int(not same))
    (decision,) = [one for one in listener.decisions if one["outcome"] == "rechecked"]
    assert decision["details"]["checked"] == 1
    assert decision["details"]["differing"] == int(not same)
    assert decision["hidden"]
    assert decision["mode"] == "shadow"


def test_the_check_is_on_the_bill_and_its_bound_in_the_report():
    with CostLedger("sqlite://") as ledger:
        checked(scripted(SAME, SAME))
        report = ledger.report()
    assert report.totals.hidden_calls >= 1
    (row,) = [one for one in report.drift if one.capability == "cache"]
    assert row.checked == 1


def test_an_entry_whose_answer_was_wrong_once_is_not_served_by_meaning_again():
    model = scripted(SAME, OTHER, "Third.")
    middleware = checked(model)
    chat = with_middleware(model, middleware)
    assert chat.invoke("capital of Germany is what?").text == "Third."
    assert chat.invoke(QUESTION).text == SAME  # exactly it still is


def test_what_was_taken_back_meanwhile_does_not_return():
    taken_back = []

    def again(messages):
        store = middleware.cache.store
        for item in store.search(("llmops_cache",)):
            store.delete(item.namespace, item.key)
            taken_back.append(item.key)
        return SAME

    middleware = CacheMiddleware(":memory:", semantic=semantic(recheck_share=1.0))
    chat = with_middleware(scripted(SAME, again), middleware)
    chat.invoke(QUESTION)
    chat.invoke(IN_OTHER_WORDS)
    assert BACKGROUND.drain()
    assert len(taken_back) == 1
    assert entries(middleware) == []


def test_a_secret_in_a_question_reaches_no_label():
    secret = "sk-" + "a1B2" * 6
    model = scripted(SAME, SAME)
    middleware = CacheMiddleware(":memory:", semantic=semantic(SameForAll(), recheck_share=1.0))
    chat = with_middleware(model, middleware)
    chat.invoke(QUESTION)
    chat.invoke(f"{QUESTION} My key is {secret}")
    assert BACKGROUND.drain()
    assert read_labels(middleware.cache.store) == []


# --- the bound -----------------------------------------------------------------------------------


def breaching():
    """Ask until the bound is breached; returns the store and the tier."""
    tier = semantic(SameForAll(), recheck_share=1.0, same_answer=_never_the_same)
    store = indexed(tier)
    chat = with_middleware(scripted("unused"), CacheMiddleware(store, semantic=tier))
    for question in (QUESTION, IN_OTHER_WORDS, "Who is it?", "And who else?"):  # two hits, on two entries
        chat.invoke(question)
        assert BACKGROUND.drain()
    return store, tier


def served(question, store, **settings):
    """Whether another process would serve the question from the store."""
    cached = Cached("new", store=store, semantic=semantic(SameForAll(), **settings))
    cached(question)
    return cached.calls == 0


def _never_the_same(request, replies):
    yield from ()
    return Verdict(outcome="reject", reason="they differ")


def test_a_breach_is_announced_and_stops_the_tier_for_everybody_on_the_store(caplog):
    with CostLedger("sqlite://") as ledger, caplog.at_level(logging.WARNING):
        store, tier = breaching()
        outcomes = {row.outcome: row.count for row in ledger.report().decisions}
    assert outcomes["bound_breached"] == 1
    assert "the semantic tier runs in shadow" in caplog.text
    assert store.get(*tier.breach_place).value["differing"] > 0

    assert not served("What else is the capital?", store)
    assert not served("And what else?", store)  # though nothing is wrong with what was just stored
    store.delete(*tier.breach_place)  # the user clears it
    assert served("And which one?", store)


def test_another_rule_has_no_part_in_a_breach():
    store, _ = breaching()
    assert not served("What else?", store)
    assert not served("And what else?", store)
    assert served("And which one?", store, threshold=0.9)


def test_a_store_that_fails_does_not_keep_a_check_from_counting(listener):
    model = scripted(SAME, SAME)
    middleware = CacheMiddleware(":memory:", semantic=semantic(recheck_share=1.0))
    chat = with_middleware(model, middleware)
    chat.invoke(QUESTION)
    semantic_tier = middleware.cache.semantic
    record = semantic_tier.monitor.record

    def then_break(**settings):
        object.__setattr__(middleware.cache, "store", None)
        return record(**settings)

    semantic_tier.monitor.record = then_break
    chat.invoke(IN_OTHER_WORDS, {"callbacks": [listener]})
    assert BACKGROUND.drain()
    assert "rechecked" in listener.outcomes


# --- without a rule ------------------------------------------------------------------------------


def test_an_uncalibrated_tier_serves_nothing_and_collects_labels(listener):
    tier = SemanticTier(embeddings=WordEmbeddings(), guards=())
    model = scripted(SAME, SAME, "And another")
    middleware = CacheMiddleware(":memory:", semantic=tier)
    chat = with_middleware(model, middleware)
    chat.invoke(QUESTION)
    chat.invoke(IN_OTHER_WORDS, {"callbacks": [listener]})
    assert BACKGROUND.drain()
    assert len(model.calls) == 2
    assert listener.outcomes == ["miss", "shadow_checked"]
    assert "uncalibrated" in listener.decisions[0]["reason"]
    assert [pair.same for pair in read_labels(middleware.cache.store)] == [True]
    chat.invoke("Who wrote about ravens?")  # nothing like it: no label
    assert BACKGROUND.drain()
    assert len(read_labels(middleware.cache.store)) == 1


def test_what_a_guard_refuses_needs_no_label():
    class Refuses:
        name = "never"

        def __call__(self, question, stored):
            return "they differ"

    tier = SemanticTier(embeddings=WordEmbeddings(), guards=(Refuses(),))
    cached = Cached(semantic=tier)
    cached()
    cached(IN_OTHER_WORDS)
    assert BACKGROUND.drain()
    assert read_labels(cached.middleware.cache.store) == []


# --- agents with tools ---------------------------------------------------------------------------


@tool
def atlas(country: str) -> str:
    """Look a country up."""
    return "Berlin"


CALL = AIMessage("", tool_calls=[{"name": "atlas", "args": {"country": "Germany"}, "id": "1"}])


@pytest.mark.parametrize(("again", "same"), [(SAME, True), (OTHER, False)])
@pytest.mark.parametrize("asynchronous", [False, True])
def test_in_an_agent_with_tools_a_check_withholds_the_hit_and_compares_whole_runs(
    again, same, asynchronous, listener
):
    model = scripted(CALL, SAME, CALL, again)
    middleware = CacheMiddleware(":memory:", semantic=semantic(recheck_share=1.0), cacheable_tools=["atlas"])
    agent = create_agent(model, [atlas], middleware=[middleware])
    agent.invoke({"messages": [QUESTION]})
    config = {"callbacks": [listener]}

    async def ask():
        reply = await agent.ainvoke({"messages": [IN_OTHER_WORDS]}, config)
        assert await BACKGROUND.adrain()
        return reply

    question = {"messages": [IN_OTHER_WORDS]}
    reply = asyncio.run(ask()) if asynchronous else agent.invoke(question, config)
    assert BACKGROUND.drain()
    assert reply["messages"][-1].text == again
    assert len(model.calls) == 4
    assert listener.outcomes.count("rechecked") == 1
    assert [pair.same for pair in read_labels(middleware.cache.store)] == [same]


def test_a_reply_that_calls_tools_is_not_compared(listener):
    middleware = CacheMiddleware(":memory:", semantic=semantic(recheck_share=1.0))
    model = scripted(SAME, CALL)
    chat = with_middleware(model, middleware)
    chat.invoke(QUESTION)
    chat.invoke(IN_OTHER_WORDS, {"callbacks": [listener]})
    assert BACKGROUND.drain()
    assert listener.outcomes == ["semantic_hit", "recheck_not_comparable"]


def test_withheld_candidates_are_forgotten_in_time():
    withheld = Withheld()
    for number in range(1_100):
        withheld.put(str(number), None, "?")
    assert withheld.take("0") is None
    assert withheld.take("1099") == (None, "?")
    assert withheld.take("1099") is None
