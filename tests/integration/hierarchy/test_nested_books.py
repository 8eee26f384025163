"""An assistant that asks a hierarchy of its own: what that paid for is lost with it, and counted once."""

import asyncio

import pytest
from langgraph.graph import START, MessagesState, StateGraph
from sqlalchemy import select

from llmops_plugins.accounting.ledger import CostLedger
from llmops_plugins.hierarchy.assistant import Assistant
from llmops_plugins.hierarchy.graph import create_hierarchy
from llmops_plugins.storage.database import CALLS
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.predicate import Predicate
from tests.integration.hierarchy.test_interrupted_books import PRICES, SMALL_USD

MEDIUM_USD = 10 * 2e-6 + 5 * 4e-6


def answering(name):
    return Assistant(name=name, runnable=ScriptedChatModel(model_name=name, replies=[f"{name} says"]))


def never(message):
    return False


@pytest.mark.parametrize("way", ["sync", "async"])
def test_what_a_hierarchy_in_a_failed_attempt_said_is_rejected_and_charged_once(tmp_path, way):
    inner = create_hierarchy([answering("small"), answering("medium")], success=Predicate(never))

    def fail(state):
        inner.invoke({"messages": state["messages"]})
        raise ConnectionError("down")

    async def afail(state):
        await inner.ainvoke({"messages": state["messages"]})
        raise ConnectionError("down")

    builder = StateGraph(MessagesState).add_node("fail", fail if way == "sync" else afail)
    agent = Assistant(name="agent", runnable=builder.add_edge(START, "fail").compile())
    outer = create_hierarchy([agent, answering("large")], success=Predicate(lambda message: True))
    ledger = CostLedger(f"sqlite:///{tmp_path}/ledger.db", registry=PRICES)
    given, config = {"messages": ["hello"]}, {"callbacks": [ledger]}
    if way == "sync":
        outer.invoke(given, config)
    else:
        asyncio.run(outer.ainvoke(given, config))
    assert ledger.flush()
    with ledger.engine.connect() as connection:
        rows = list(connection.execute(select(CALLS).order_by(CALLS.c.started_at)))
    spent = {one.outcome: one.spent_usd for one in ledger.report().decisions}
    ledger.close()
    assert [(row.model, row.hidden, row.rejected) for row in rows] == [
        ("small", True, True),
        ("medium", True, True),
        ("large", False, False),
    ]
    assert spent == {"unresolved": pytest.approx(SMALL_USD), "escalated": pytest.approx(MEDIUM_USD)}
