"""A person answers in between, so what was asked before is in another trace: the books tell of both."""

import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt
from sqlalchemy import select

from llmops_plugins.accounting.ledger import CostLedger
from llmops_plugins.hierarchy.assistant import Assistant
from llmops_plugins.hierarchy.graph import create_hierarchy
from llmops_plugins.models.registry import ModelRegistry, ModelSpec, Price
from llmops_plugins.storage.database import CALLS
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.human import Human

PRICES = ModelRegistry(
    [
        ModelSpec(name="small", model="scripted:small", prices=(Price(input=1.0, output=2.0),)),
        ModelSpec(name="medium", model="scripted:medium", prices=(Price(input=2.0, output=4.0),)),
        ModelSpec(name="large", model="scripted:large", prices=(Price(input=10.0, output=20.0),)),
    ]
)
SMALL_USD = 10 * 1e-6 + 5 * 2e-6


@pytest.mark.parametrize("flushed", [False, True])
def test_what_a_person_rejects_is_rejected_and_what_they_accept_is_the_answer(tmp_path, flushed):
    ledger = CostLedger(f"sqlite:///{tmp_path}/ledger.db", registry=PRICES)
    assistants = [
        Assistant(name=name, runnable=ScriptedChatModel(model_name=name, replies=[f"{name} says"]))
        for name in ("small", "large")
    ]
    graph = create_hierarchy(assistants, success=Human(), checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}, "callbacks": [ledger]}
    for given in ({"messages": ["hello"]}, Command(resume=False), Command(resume=True)):
        graph.invoke(given, config)
        if flushed:
            assert ledger.flush()
    report = ledger.report(by=["model"])
    with ledger.engine.connect() as connection:
        rows = list(connection.execute(select(CALLS).order_by(CALLS.c.started_at)))
    ledger.close()
    assert [(row.model, row.kind, row.hidden, row.rejected) for row in rows] == [
        ("small", "step", True, True),
        ("large", "answer", False, False),
    ]
    (decision,) = report.decisions
    assert decision.spent_usd == pytest.approx(SMALL_USD)
    assert decision.unpriced == 0


def test_a_call_that_two_people_have_to_approve_is_no_answer_after_the_first_has(tmp_path):
    call = AIMessage("", tool_calls=[{"name": "pay", "args": {}, "id": "1"}])
    model = ScriptedChatModel(model_name="small", replies=[call])

    def ask(state):
        return {"messages": [model.invoke(state["messages"])]}

    def approve(state):
        return {"messages": []} if interrupt("first?") and interrupt("second?") else {}

    builder = StateGraph(MessagesState).add_node(ask)
    builder.add_node(approve)
    builder.add_edge(START, "ask").add_edge("ask", "approve")
    ledger = CostLedger(f"sqlite:///{tmp_path}/ledger.db", registry=PRICES)
    graph = builder.compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}, "callbacks": [ledger]}
    for given in ({"messages": ["pay"]}, Command(resume=True)):
        graph.invoke(given, config)
        assert ledger.trace().calls[0].kind == "step"
    ledger.close()


@pytest.mark.parametrize("flushed", [False, True])
def test_an_answer_that_was_given_before_a_crash_is_the_answer_once_the_graph_has_gone_on(tmp_path, flushed):
    model, crashes = ScriptedChatModel(model_name="small", replies=["hello"]), [ConnectionError("down")]

    def ask(state):
        return {"messages": [model.invoke(state["messages"])]}

    def post(state):
        if crashes:
            raise crashes.pop()
        return {}

    builder = StateGraph(MessagesState).add_node(ask)
    builder.add_node(post)
    builder.add_edge(START, "ask").add_edge("ask", "post")
    ledger = CostLedger(f"sqlite:///{tmp_path}/ledger.db", registry=PRICES)
    graph = builder.compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}, "callbacks": [ledger]}
    with pytest.raises(ConnectionError):
        graph.invoke({"messages": ["hi"]}, config)
    if flushed:
        assert ledger.flush()
    graph.invoke(None, config)
    assert ledger.flush()
    with ledger.engine.connect() as connection:
        found = list(connection.execute(select(CALLS.c.kind, CALLS.c.hidden)))
    ledger.close()
    assert found == [("answer", False)]
