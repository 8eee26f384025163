"""An assistant that is late is paid all the same: what it says after the verdict is booked as thrown away."""

import asyncio
import threading

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from sqlalchemy import select

from llmops_plugins.accounting.ledger import CostLedger
from llmops_plugins.hierarchy.assistant import Assistant
from llmops_plugins.hierarchy.graph import create_hierarchy
from llmops_plugins.storage.database import CALLS
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.human import Human
from llmops_plugins.verification.predicate import Predicate
from tests.integration.hierarchy.test_interrupted_books import PRICES, SMALL_USD

ACCEPTED = Predicate(lambda message: True)
MEDIUM_USD = 10 * 2e-6 + 5 * 4e-6
LARGE_USD = 10 * 10e-6 + 5 * 20e-6


@pytest.fixture
def ledger(tmp_path):
    with_prices = CostLedger(f"sqlite:///{tmp_path}/ledger.db", registry=PRICES)
    yield with_prices
    with_prices.close()


class Late:
    """Answers when it is told to, which is after its hierarchy has stopped waiting."""

    def __init__(self):
        self.may_answer, self.has_answered = threading.Event(), threading.Event()
        self.model = ScriptedChatModel(model_name="small", replies=[self.reply])

    def reply(self, messages):
        self.may_answer.wait(20)
        return "the answer"

    def finish(self, ledger):
        self.may_answer.set()
        for _ in range(100):
            rows = rows_of(ledger)
            if any(row.model == "small" and row.status == "ok" for row in rows):
                return
            threading.Event().wait(0.05)
        raise AssertionError("the late call never ended")


def rows_of(ledger):
    assert ledger.flush()
    with ledger.engine.connect() as connection:
        return list(connection.execute(select(CALLS).order_by(CALLS.c.started_at)))


def judged(ledger):
    return [(row.model, row.hidden, row.rejected) for row in rows_of(ledger)]


def others():
    return [
        Assistant(name=name, runnable=ScriptedChatModel(model_name=name, replies=["the answer"]))
        for name in ("medium", "large")
    ]


def small(runnable):
    return Assistant(name="small", runnable=runnable, timeout=1.0)


@pytest.mark.parametrize("flushed", [False, True])
def test_a_reply_that_comes_after_the_answer_is_rejected_and_its_cost_is_counted(ledger, flushed):
    late = Late()
    graph = create_hierarchy([small(late.model), *others()], success=ACCEPTED)
    state = graph.invoke({"messages": ["hello"]}, {"callbacks": [ledger]})
    assert state["assistant"] == "medium"
    if flushed:
        assert ledger.flush()
    late.finish(ledger)
    assert judged(ledger) == [("small", True, True), ("medium", False, False)]
    report = ledger.report()
    assert report.totals.cost_usd == pytest.approx(SMALL_USD + MEDIUM_USD)
    (decision,) = report.decisions
    assert decision.spent_usd == pytest.approx(SMALL_USD + MEDIUM_USD)
    assert decision.saved_usd == pytest.approx(LARGE_USD - SMALL_USD - MEDIUM_USD)


def test_so_is_one_that_comes_while_the_next_assistant_is_asked(ledger):
    late = Late()

    def meanwhile(messages):
        late.finish(ledger)
        return "the answer"

    medium = Assistant(name="medium", runnable=ScriptedChatModel(model_name="medium", replies=[meanwhile]))
    create_hierarchy([small(late.model), medium], success=ACCEPTED).invoke(
        {"messages": ["hello"]}, {"callbacks": [ledger]}
    )
    assert judged(ledger) == [("small", True, True), ("medium", False, False)]
    (decision,) = ledger.report().decisions
    assert decision.spent_usd == pytest.approx(SMALL_USD)


def test_so_is_one_that_comes_while_a_person_is_asked(ledger):
    late = Late()
    graph = create_hierarchy([small(late.model), *others()], success=Human(), checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}, "callbacks": [ledger]}
    graph.invoke({"messages": ["hello"]}, config)
    late.finish(ledger)
    graph.invoke(Command(resume=True), config)
    assert judged(ledger) == [("small", True, True), ("medium", False, False)]


def test_so_is_one_that_comes_after_a_person_was_asked(ledger):
    late = Late()
    graph = create_hierarchy([small(late.model), *others()], success=Human(), checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}, "callbacks": [ledger]}
    graph.invoke({"messages": ["hello"]}, config)
    graph.invoke(Command(resume=True), config)
    late.finish(ledger)
    assert judged(ledger) == [("small", True, True), ("medium", False, False)]


@pytest.mark.parametrize("way", ["sync", "async"])
def test_what_a_failed_agent_said_on_its_way_is_rejected_too(ledger, way):
    def look_up(city: str) -> str:
        """Look up a city."""
        return "717,710"

    call = AIMessage("", tool_calls=[{"name": "look_up", "args": {"city": "Oslo"}, "id": "1"}])
    model = ScriptedChatModel(model_name="small", replies=[call, ConnectionError("down")])
    agent = Assistant(name="agent", runnable=create_agent(model, [look_up]))
    graph = create_hierarchy([agent, *others()], success=ACCEPTED)
    given, config = {"messages": ["hello"]}, {"callbacks": [ledger]}
    if way == "sync":
        graph.invoke(given, config)
    else:
        asyncio.run(graph.ainvoke(given, config))
    found = [(row.model, row.status, row.hidden, row.rejected) for row in rows_of(ledger)]
    assert found == [
        ("small", "ok", True, True),
        ("small", "error", True, False),
        ("medium", "ok", False, False),
    ]


def test_one_run_says_nothing_of_anothers_attempts(ledger):
    late, graphs = Late(), others()
    create_hierarchy([small(late.model), *graphs], success=ACCEPTED).invoke(
        {"messages": ["hello"]}, {"callbacks": [ledger]}
    )
    late.finish(ledger)
    prompt = ScriptedChatModel(model_name="prompt", replies=["the answer"])
    create_hierarchy([Assistant(name="small", runnable=prompt, timeout=5.0)], success=ACCEPTED).invoke(
        {"messages": ["hello"]}, {"callbacks": [ledger]}
    )
    assert judged(ledger)[-1] == ("prompt", False, False)
