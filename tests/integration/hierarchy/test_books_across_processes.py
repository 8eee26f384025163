"""A person answers days later, in another process: what the first one wrote is put right in the database."""

import asyncio
import subprocess
import sys
from contextlib import closing

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage
from langgraph.types import Command
from sqlalchemy import insert, select

from llmops_plugins.accounting.ledger import CostLedger
from llmops_plugins.hierarchy.assistant import Assistant
from llmops_plugins.hierarchy.graph import create_hierarchy
from llmops_plugins.storage.database import CALLS
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.human import Human
from llmops_plugins.verification.predicate import Predicate
from tests.file_saver import FileSaver
from tests.integration.hierarchy.test_interrupted_books import PRICES, SMALL_USD

ASKED = {"messages": ["hello"]}
MEDIUM_USD = 10 * 2e-6 + 5 * 4e-6


def open_ledger(folder):
    return CostLedger(f"sqlite:///{folder}/ledger.db", registry=PRICES)


def step(folder, given, way="sync", thread="1", first=(), success=None):
    """Do one step of the conversation with nothing in memory of those before, as another process would."""
    ledger = open_ledger(folder)
    assistants = [*first] + [
        Assistant(name=name, runnable=ScriptedChatModel(model_name=name, replies=[f"{name} says"]))
        for name in ("small", "medium", "large")
    ]
    graph = create_hierarchy(assistants, success=success or Human(), checkpointer=FileSaver(folder / "saved"))
    config = {"configurable": {"thread_id": thread}, "callbacks": [ledger]}
    with closing(ledger):
        return graph.invoke(given, config) if way == "sync" else asyncio.run(graph.ainvoke(given, config))


def judged(folder):
    ledger = open_ledger(folder)
    with ledger.engine.connect() as connection:
        rows = list(connection.execute(select(CALLS).order_by(CALLS.c.started_at)))
    ledger.close()
    return [(row.model, row.kind, row.hidden, row.rejected) for row in rows]


def decided(folder):
    ledger = open_ledger(folder)
    (decision,) = ledger.report().decisions
    ledger.close()
    return decision


@pytest.mark.parametrize("way", ["sync", "async"])
def test_what_a_person_rejects_is_rejected_and_what_they_accept_is_the_answer(tmp_path, way):
    for given in (ASKED, Command(resume=False), Command(resume=True)):
        step(tmp_path, given, way)
    assert judged(tmp_path) == [("small", "step", True, True), ("medium", "answer", False, False)]
    decision = decided(tmp_path)
    assert (decision.unpriced, decision.spent_usd) == (0, pytest.approx(SMALL_USD + MEDIUM_USD))
    assert decision.saved_usd == pytest.approx(10 * 10e-6 + 5 * 20e-6 - SMALL_USD - MEDIUM_USD)


def test_real_processes_that_end_leave_it_to_those_that_go_on(tmp_path):
    for given in ("ASKED", "Command(resume=False)", "Command(resume=True)"):
        program = (
            "import sys; from pathlib import Path; from langgraph.types import Command\n"
            "from tests.integration.hierarchy.test_books_across_processes import ASKED, step\n"
            f"step(Path(sys.argv[1]), {given})"
        )
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", program, str(tmp_path)],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert (done.returncode, done.stderr) == (0, "")
    assert judged(tmp_path) == [("small", "step", True, True), ("medium", "answer", False, False)]


def test_an_answer_that_every_process_rejected_is_given_all_the_same(tmp_path):
    for given in (ASKED, *[Command(resume=False)] * 3):
        state = step(tmp_path, given)
    assert not state["resolved"]
    assert judged(tmp_path) == [
        ("small", "step", True, True),
        ("medium", "step", True, True),
        ("large", "answer", False, False),
    ]


def test_the_same_conversation_again_changes_nothing_of_the_first(tmp_path):
    for _ in range(2):
        for given in (ASKED, Command(resume=False), Command(resume=True)):
            step(tmp_path, given)
    once = [("small", "step", True, True), ("medium", "answer", False, False)]
    assert judged(tmp_path) == once * 2


def copied(folder, **values):
    """Write a row that is as the first one but for some columns."""
    ledger = open_ledger(folder)
    with ledger.engine.begin() as connection:
        row = dict(connection.execute(select(CALLS)).mappings().first())
        connection.execute(insert(CALLS).values(**{**row, "call_id": "another", "model": "copy", **values}))
    ledger.close()


def test_another_conversations_call_is_left_alone_though_its_reply_has_the_same_id(tmp_path):
    step(tmp_path, ASKED)
    copied(tmp_path, thread_id="2")
    step(tmp_path, Command(resume=False))
    step(tmp_path, Command(resume=True))
    assert ("copy", "step", True, False) in judged(tmp_path)
    assert ("small", "step", True, True) in judged(tmp_path)


def test_where_two_calls_of_a_conversation_have_replies_of_one_id_neither_is_guessed_at(tmp_path):
    step(tmp_path, ASKED)
    copied(tmp_path)
    step(tmp_path, Command(resume=False))
    step(tmp_path, Command(resume=True))
    assert {one for one in judged(tmp_path) if one[0] in ("copy", "small")} == {
        ("copy", "step", True, False),
        ("small", "step", True, False),
    }
    assert decided(tmp_path).unpriced == 1


def failing_agent():
    def look_up(city: str) -> str:
        """Look up a city."""
        return "717,710"

    call = AIMessage("", tool_calls=[{"name": "look_up", "args": {"city": "Oslo"}, "id": "1"}])
    model = ScriptedChatModel(model_name="medium", replies=[call, ConnectionError("down")])
    return Assistant(name="agent", runnable=create_agent(model, [look_up]))


def test_what_a_failed_agent_said_in_another_process_is_unknown_and_not_nothing(tmp_path):
    for given in (ASKED, Command(resume=True)):
        step(tmp_path, given, first=[failing_agent()])
    decision = decided(tmp_path)
    assert (decision.unpriced, decision.spent_usd, decision.saved_usd) == (1, None, None)


def test_so_it_is_where_the_other_process_was_stopped_and_not_answered(tmp_path):
    stopped = ScriptedChatModel(model_name="small", replies=[KeyboardInterrupt(), "small says"])
    assistants = [failing_agent(), Assistant(name="stopped", runnable=stopped)]
    accepted = Predicate(lambda message: True)
    with pytest.raises(KeyboardInterrupt):
        step(tmp_path, ASKED, first=assistants, success=accepted)
    step(tmp_path, None, first=assistants, success=accepted)
    assert [one[0] for one in judged(tmp_path)] == ["medium", "medium", "small", "small"]
    assert decided(tmp_path).spent_usd is None
