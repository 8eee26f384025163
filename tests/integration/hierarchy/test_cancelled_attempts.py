"""What an assistant cost that was cancelled, or that a cache answered for: known, and on the decision."""

import asyncio

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt
from sqlalchemy import select

from llmops_plugins.accounting.ledger import CostLedger
from llmops_plugins.hierarchy.assistant import Assistant
from llmops_plugins.hierarchy.graph import create_hierarchy
from llmops_plugins.storage.database import CALLS, DECISIONS
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.predicate import Predicate
from tests.integration.hierarchy.test_interrupted_books import PRICES, SMALL_USD

ACCEPTED = Predicate(lambda message: True)
PROMPT = [("user", "What is six times seven?")]


@pytest.fixture
def ledger(tmp_path):
    with_prices = CostLedger(f"sqlite:///{tmp_path}/ledger.db", registry=PRICES)
    yield with_prices
    with_prices.close()


def large():
    return ScriptedChatModel(model_name="large", replies=["42"])


def rows(ledger, table):
    assert ledger.flush()
    with ledger.engine.connect() as connection:
        return list(connection.execute(select(table)))


def hierarchy_decision(ledger):
    (row,) = [row for row in rows(ledger, DECISIONS) if row.capability == "hierarchy"]
    return row


def test_a_call_cancelled_at_the_assistants_timeout_is_charged_and_thrown_away(ledger):
    slow = ScriptedChatModel(model_name="small", replies=["never said"], delay=60)

    async def ask(messages):
        return [await slow.ainvoke(messages)]

    small = Assistant(
        name="small", runnable=RunnableLambda(lambda messages: [], ask), timeout=1.0, model=slow
    )
    graph = create_hierarchy([small, Assistant(name="large", runnable=large())], success=ACCEPTED)
    asyncio.run(graph.ainvoke({"messages": PROMPT}, {"callbacks": [ledger]}))
    (cancelled,) = [row for row in rows(ledger, CALLS) if row.model == "small"]
    assert (cancelled.status, cancelled.rejected, cancelled.cost_usd > 0) == ("aborted", True, True)
    assert hierarchy_decision(ledger).spent_usd == pytest.approx(cancelled.cost_usd)


@pytest.mark.parametrize("is_cached", [False, True])
def test_an_attempt_that_a_cache_answered_leaves_nothing_unknown_after_an_interrupt(ledger, is_cached):
    small = ScriptedChatModel(
        model_name="small", replies=["a", "b"], cache=InMemoryCache() if is_cached else None
    )
    small.invoke(PROMPT)

    def fail(messages):
        small.invoke(PROMPT)
        raise ConnectionError("down")

    def ask_a_person(messages):
        interrupt("may I?")
        return [large().invoke(messages)]

    assistants = [
        Assistant(name="small", runnable=RunnableLambda(fail)),
        Assistant(name="large", runnable=RunnableLambda(ask_a_person)),
    ]
    graph = create_hierarchy(assistants, success=ACCEPTED, checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}, "callbacks": [ledger]}
    for given in ({"messages": PROMPT}, Command(resume=True)):
        graph.invoke(given, config)
    expected = 0.0 if is_cached else pytest.approx(SMALL_USD)
    assert hierarchy_decision(ledger).spent_usd == expected


@pytest.mark.parametrize("ledgers", [1, 2])
@pytest.mark.parametrize("way", ["sync", "async"])
def test_an_attempt_that_went_on_in_another_process_is_charged_in_full_or_not_known(tmp_path, ledgers, way):
    small = ScriptedChatModel(model_name="small", replies=["a", "b"])

    def ask(messages):
        small.invoke(messages)
        interrupt("may I?")
        raise ConnectionError("down")

    async def aask(messages):
        await small.ainvoke(messages)
        interrupt("may I?")
        raise ConnectionError("down")

    assistants = [
        Assistant(name="small", runnable=RunnableLambda(ask, aask)),
        Assistant(name="large", runnable=large()),
    ]
    graph = create_hierarchy(assistants, success=ACCEPTED, checkpointer=InMemorySaver())
    opened = [CostLedger(f"sqlite:///{tmp_path}/ledger.db", registry=PRICES) for _ in range(ledgers)]
    for given, ledger in (({"messages": PROMPT}, opened[0]), (Command(resume=True), opened[-1])):
        config = {"configurable": {"thread_id": "1"}, "callbacks": [ledger]}
        if way == "sync":
            graph.invoke(given, config)
        else:
            asyncio.run(graph.ainvoke(given, config))
        assert ledger.flush()
    spent = hierarchy_decision(opened[-1]).spent_usd
    for ledger in opened:
        ledger.close()
    assert spent == (pytest.approx(2 * SMALL_USD) if ledgers == 1 else None)


def test_an_attempt_that_fails_after_an_interrupt_of_the_same_process_is_known(ledger):
    small = ScriptedChatModel(model_name="small", replies=["a"])

    def ask(messages):
        interrupt("may I?")
        small.invoke(messages)
        raise ConnectionError("down")

    assistants = [
        Assistant(name="small", runnable=RunnableLambda(ask)),
        Assistant(name="large", runnable=large()),
    ]
    graph = create_hierarchy(assistants, success=ACCEPTED, checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}, "callbacks": [ledger]}
    for given in ({"messages": PROMPT}, Command(resume=True)):
        graph.invoke(given, config)
    assert hierarchy_decision(ledger).spent_usd == pytest.approx(SMALL_USD)
