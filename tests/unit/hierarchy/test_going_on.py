"""A thread that goes on: after the last assistant failed, after a person's word, and with a new turn."""

import subprocess
import sys

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from llmops_plugins.accounting.ledger import CostLedger
from llmops_plugins.hierarchy.assistant import Assistant
from llmops_plugins.hierarchy.graph import create_hierarchy
from llmops_plugins.models.registry import ModelRegistry, ModelSpec, Price
from llmops_plugins.storage.database import DECISIONS
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.human import Human
from tests.unit.hierarchy.test_code_driven import EchoExecutor, code
from tests.unit.hierarchy.test_hierarchy_graph import ASKED, BOTH, KNOWS, assistant, config_of, drive

DOWN = ConnectionError("down")


def fails(graph, way, given, config, error=ConnectionError):
    with pytest.raises(error, match="down"):
        drive(graph, way, given, config)


@BOTH
@pytest.mark.parametrize("timeout", [None, 60])
def test_the_last_assistant_is_asked_again_where_it_ended_the_graph(way, timeout, listener):
    team = [assistant("small", "I cannot say."), assistant("large", DOWN, DOWN, "42", timeout=timeout)]
    graph = create_hierarchy(team, success=KNOWS, checkpointer=InMemorySaver())
    config = config_of("1", callbacks=[listener])
    fails(graph, way, ASKED, config)
    fails(graph, way, None, config)
    state = drive(graph, way, None, config)
    assert (state["messages"][-1].text, state["assistant"], state["resolved"]) == ("42", "large", True)
    assert [one["outcome"] for one in state["attempts"]] == ["not_accepted", "accepted"]
    assert listener.model_names == ["small", "large", "large", "large"]
    assert [one["outcome"] for one in listener.decisions] == ["failed", "failed", "escalated"]
    # What the first assistant took is in the books once.
    assert [len(one["rejected"]) for one in listener.decisions] == [1, 0, 0]


@BOTH
def test_an_earlier_assistant_that_failed_is_not_asked_again(way, listener):
    team = [assistant("small", DOWN, "43"), assistant("large", DOWN, "42")]
    graph = create_hierarchy(team, success=KNOWS, checkpointer=InMemorySaver())
    config = config_of("1", callbacks=[listener])
    fails(graph, way, ASKED, config)
    assert drive(graph, way, None, config)["messages"][-1].text == "42"
    assert listener.model_names == ["small", "large", "large"]


@BOTH
def test_what_was_asked_again_and_rejected_by_a_person_is_followed_by_no_one_twice(way, listener):
    graph = create_hierarchy([assistant("a", DOWN, "41")], success=Human(), checkpointer=InMemorySaver())
    config = config_of("1", callbacks=[listener])
    fails(graph, way, ASKED, config)
    assert drive(graph, way, None, config)["__interrupt__"][0].value["answer"] == "41"
    assert not drive(graph, way, Command(resume=False), config)["resolved"]
    assert listener.model_names == ["a", "a"]


@BOTH
def test_one_that_failed_after_its_code_ran_begins_anew(way, listener):
    team = [assistant("only", code("print(42)"), DOWN, code("print(42)"), "It is 42.")]
    graph = create_hierarchy(team, success=KNOWS, executor=EchoExecutor(), checkpointer=InMemorySaver())
    config = config_of("1", callbacks=[listener])
    fails(graph, way, ASKED, config)
    assert drive(graph, way, None, config)["messages"][-1].text == "It is 42."
    assert len(listener.model_names) == 4


@BOTH
def test_what_the_turn_before_came_to_is_not_shown_of_one_that_waits(way):
    graph = create_hierarchy([assistant("a", "one", "two")], success=Human(), checkpointer=InMemorySaver())
    config = config_of("1")
    drive(graph, way, ASKED, config)
    drive(graph, way, Command(resume=True), config)
    waiting = drive(graph, way, {"messages": [HumanMessage("and now?")]}, config)
    assert "__interrupt__" in waiting
    assert (waiting["assistant"], waiting["resolved"], waiting["attempts"]) == ("", False, [])


@BOTH
def test_keys_and_addresses_in_a_persons_reason_are_in_no_decision_and_no_state(way, listener):
    graph = create_hierarchy([assistant("a", "one")], success=Human(), checkpointer=InMemorySaver())
    config = config_of("1", callbacks=[listener])
    drive(graph, way, ASKED, config)
    reason = "wrong, mail carl@example.com, key sk-live-reasonreasonreason1234"
    state = drive(graph, way, Command(resume={"accept": False, "reason": reason}), config)
    (decision,) = listener.decisions
    assert decision["reason"] == "a person rejects it: wrong, mail [email], key [secret]"
    assert "carl" not in repr((decision, state["attempts"]))


PROGRAM = """
import time
from tests.unit.hierarchy.test_hierarchy_graph import ASKED, KNOWS, LARGE, assistant
from llmops_plugins.hierarchy.graph import create_hierarchy
hung = assistant("hung", "42", delay=600, timeout=0.1)
print(create_hierarchy([hung, LARGE], success=KNOWS).invoke(ASKED)["assistant"])
"""


def test_a_late_assistant_does_not_keep_the_process():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120)
    assert (done.stdout.strip(), done.returncode) == ("large", 0), done.stderr


@BOTH
def test_what_a_resumed_decision_spent_is_known_though_an_attempt_asked_no_model(way):
    def down(messages):
        raise ConnectionError("down")

    usage = {"input_tokens": 1_000_000, "output_tokens": 0, "total_tokens": 1_000_000}
    model = ScriptedChatModel(replies=["42"], model_name="priced", usage=usage)
    team = [
        Assistant(name="none", runnable=RunnableLambda(down)),
        Assistant(name="priced", runnable=model),
        assistant("large", "42"),
    ]
    registry = ModelRegistry([ModelSpec(name="priced", prices=(Price(input=2.0, output=0.0),))])
    graph = create_hierarchy(team, success=Human(), checkpointer=InMemorySaver())
    with CostLedger("sqlite://", registry=registry) as ledger:
        config = config_of("a", callbacks=[ledger])
        drive(graph, way, config=config)
        drive(graph, way, Command(resume=True), config)
        assert ledger.flush()
        with ledger.engine.connect() as connection:
            (decision,) = connection.execute(DECISIONS.select())
    assert decision.spent_usd == pytest.approx(2.0)
