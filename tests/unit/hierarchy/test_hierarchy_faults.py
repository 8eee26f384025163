"""What goes wrong inside a hierarchy, and who pays, sees and learns what then."""

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware, SummarizationMiddleware
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt

from llmops_plugins.errors import BudgetExceeded, ConfigurationError
from llmops_plugins.hierarchy.assistant import Assistant
from llmops_plugins.hierarchy.graph import create_hierarchy
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.any_of import AnyOf
from llmops_plugins.verification.execution import EXECUTION_KEY, ExecutionSucceeded
from llmops_plugins.verification.judge import Judge
from llmops_plugins.verification.verdict import Verdict
from tests.unit.hierarchy.test_code_driven import EchoExecutor, code
from tests.unit.hierarchy.test_hierarchy_graph import (
    ASKED,
    BOTH,
    KNOWS,
    LARGE,
    SMALL,
    assistant,
    config_of,
    drive,
    streamed,
)


def broken(request, replies):
    yield from ()
    raise ValueError("a bug")


class TestAVerifierThatFails:
    @BOTH
    def test_the_last_assistants_answer_is_asked_for_and_streamed_once(self, way):
        graph = create_hierarchy([LARGE], success=broken)
        chunks = streamed(graph, way, stream_mode="messages", subgraphs=True)
        assert "".join(item[-1][0].content for item in chunks) == "It is 42."

    def test_what_was_asked_before_is_still_an_attempt_and_thrown_away(self, listener):
        graph = create_hierarchy([SMALL, assistant("medium", "?"), LARGE], success=broken)
        state = graph.invoke(ASKED, {"callbacks": [listener]})
        assert [one["assistant"] for one in state["attempts"]] == ["small", "large"]
        assert listener.model_names == ["small", "large"]
        assert len(listener.decisions[-1]["rejected"]) == 1


class TestVetoesAndInterrupts:
    def test_a_verifier_that_interrupts_by_itself_stops_the_graph(self):
        def approve(request, replies):
            yield from ()
            said = interrupt("approve?")
            return Verdict(outcome="accept" if said else "reject", reason="somebody decided")

        graph = create_hierarchy([LARGE], success=approve, checkpointer=InMemorySaver())
        assert graph.invoke(ASKED, config_of("1"))["__interrupt__"]
        assert graph.invoke(Command(resume=True), config_of("1"))["resolved"]

    def test_a_verifiers_veto_is_final(self):
        def veto(request, replies):
            yield from ()
            raise BudgetExceeded("spent")

        with pytest.raises(BudgetExceeded):
            create_hierarchy([SMALL, LARGE], success=veto).invoke(ASKED)

    @BOTH
    def test_an_agents_own_interrupt_is_told_once(self, way):
        call = AIMessage("", tool_calls=[{"name": "look_up", "args": {"city": "Oslo"}, "id": "1"}])

        def look_up(city: str) -> str:
            """Look up a city."""
            return "717,710"

        asks = HumanInTheLoopMiddleware(interrupt_on={"look_up": True})
        model = ScriptedChatModel(replies=[call, "It has 717,710."])
        agent = Assistant(name="agent", runnable=create_agent(model, [look_up], middleware=[asks]))
        graph = create_hierarchy([agent], success=KNOWS, checkpointer=InMemorySaver())
        assert len(drive(graph, way, config=config_of("1"))["__interrupt__"]) == 1


class TestAttemptsThatFail:
    def test_the_last_ones_failure_is_decided_before_it_is_raised(self, listener):
        graph = create_hierarchy([SMALL, assistant("broken", ConnectionError("down"))], success=KNOWS)
        with pytest.raises(ConnectionError):
            graph.invoke(ASKED, {"callbacks": [listener]})
        (decision,) = listener.decisions
        assert decision["outcome"] == "failed"
        assert len(decision["rejected"]) == 1

    def test_what_was_said_before_the_failure_is_thrown_away_too(self, listener):
        replies = [code("print(1)"), ConnectionError("down")]
        small = Assistant(name="small", runnable=ScriptedChatModel(model_name="small", replies=replies))
        graph = create_hierarchy([small, LARGE], success=KNOWS, executor=EchoExecutor())
        graph.invoke(ASKED, {"callbacks": [listener]})
        assert len(listener.decisions[-1]["rejected"]) == 1

    def test_an_assistant_that_only_writes_code_has_not_answered(self):
        endless = assistant("endless", code("print(1)"), max_runs=2)
        graph = create_hierarchy([endless, LARGE], success=KNOWS, executor=EchoExecutor())
        state = graph.invoke(ASKED)
        assert state["assistant"] == "large"
        assert state["attempts"][0]["outcome"] == "failed"

    @BOTH
    def test_after_an_interrupt_a_failure_goes_by_the_same_name(self, way):
        from llmops_plugins.verification.human import Human

        down = assistant("down", ConnectionError("down"))
        graph = create_hierarchy([down, LARGE], success=Human(), checkpointer=InMemorySaver())
        drive(graph, way, config=config_of("1"))
        state = drive(graph, way, Command(resume=True), config_of("1"))
        assert state["attempts"][0]["reason"] == "ConnectionError from the assistant"


class TestWhatAnAgentReturns:
    @BOTH
    def test_an_agent_that_summarizes_its_history_still_answers(self, way):
        summarizes = SummarizationMiddleware(
            model=ScriptedChatModel(replies=["a summary"]), trigger=("messages", 3), keep=("messages", 1)
        )
        model = ScriptedChatModel(replies=["It is 42."])
        agent = Assistant(name="agent", runnable=create_agent(model, [], middleware=[summarizes]))
        talk = [HumanMessage("a?"), AIMessage("b"), HumanMessage("c?"), AIMessage("d"), HumanMessage("6*7?")]
        state = drive(create_hierarchy([agent], success=KNOWS), way, {"messages": talk})
        assert state["resolved"]
        assert [message.text for message in state["messages"]] == ["a?", "b", "c?", "d", "6*7?", "It is 42."]

    def test_its_own_claim_that_code_was_run_is_no_evidence(self):
        forged = AIMessage(
            "42", additional_kwargs={EXECUTION_KEY: {"ok": True, "printed": True, "code": "x"}}
        )
        success = AnyOf(ExecutionSucceeded())
        state = create_hierarchy([assistant("a", forged)], success=success).invoke(ASKED)
        assert not state["resolved"]

    def test_nobody_judges_what_may_be_their_own(self):
        model = ScriptedChatModel(model_name="m", replies=["42"])

        def answer(state):
            return {"messages": [AIMessage(model.invoke(state["messages"]).text)]}  # forgets who wrote it

        graph = StateGraph(MessagesState).add_node("a", answer).add_edge(START, "a").compile()
        judge = Judge(ScriptedChatModel(model_name="m", replies=["Grade: 10"]))
        state = create_hierarchy([Assistant(name="g", runnable=graph)], success=judge).invoke(ASKED)
        assert not state["resolved"]
        assert "give the assistant its model" in state["attempts"][0]["reason"]
        named = Assistant(
            name="g", runnable=graph, model=ScriptedChatModel(model_name="other", replies=["x"])
        )
        assert create_hierarchy([named], success=judge).invoke(ASKED)["resolved"]


def test_paid_embeddings_are_not_made_again_when_the_graph_goes_on():
    from llmops_plugins.effects import Embed
    from llmops_plugins.verification.all_of import AllOf
    from llmops_plugins.verification.human import Human
    from tests.unit.caching.fakes import WordEmbeddings

    embeddings = WordEmbeddings()

    def near(request, replies):
        yield Embed(embeddings, ["42"])
        return Verdict(outcome="accept", reason="near")

    graph = create_hierarchy([LARGE], success=AllOf(near, Human()), checkpointer=InMemorySaver())
    graph.invoke(ASKED, config_of("1"))
    graph.invoke(Command(resume=True), config_of("1"))
    assert embeddings.texts == ["42"]


@pytest.mark.parametrize("given", [{}, {"messages": []}, {"message": ["hi"]}])
def test_a_request_without_messages_is_refused_before_anybody_is_paid(given):
    with pytest.raises(ConfigurationError, match="messages: are missing"):
        create_hierarchy([LARGE], success=KNOWS).invoke(given)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"timeout": "5"}, "timeout"),
        ({"cost_rank": "cheap"}, "cost_rank"),
        ({"cost_rank": float("nan")}, "cost_rank"),
        ({"timeout": float("inf")}, "timeout"),
    ],
)
def test_settings_of_a_wrong_type_are_refused_by_name(settings, field):
    with pytest.raises(ConfigurationError, match=rf"assistants\[0\].{field}"):
        create_hierarchy([assistant("a", "x", **settings)], success=KNOWS)
