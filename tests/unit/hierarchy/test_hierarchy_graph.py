"""A hierarchy as a graph: escalation, what users see of it, people who answer later, and what goes wrong."""

import asyncio
import subprocess
import sys
import time

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command

from llmops_plugins.errors import BudgetExceeded, ConfigurationError
from llmops_plugins.hierarchy.assistant import Assistant
from llmops_plugins.hierarchy.graph import RUN_ID_KEY, create_hierarchy
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.agreement import Agreement
from llmops_plugins.verification.all_of import AllOf
from llmops_plugins.verification.execution import ExecutionSucceeded
from llmops_plugins.verification.human import Human
from llmops_plugins.verification.judge import Judge
from llmops_plugins.verification.later_feedback import LaterFeedback
from llmops_plugins.verification.predicate import Predicate
from tests.file_saver import FileSaver

KNOWS = Predicate(lambda message: "cannot" not in message.text, name="knows")
ASKED = {"messages": [HumanMessage("6 * 7?")]}


def assistant(name, *replies, **settings):
    model = ScriptedChatModel(model_name=name, replies=list(replies), delay=settings.pop("delay", 0))
    return Assistant(name=name, runnable=model, **settings)


SMALL, LARGE = assistant("small", "I cannot say."), assistant("large", "It is 42.")


def drive(graph, way, given=ASKED, config=None):
    if way == "sync":
        return graph.invoke(given, config)
    return asyncio.run(graph.ainvoke(given, config))


BOTH = pytest.mark.parametrize("way", ["sync", "async"])


@BOTH
def test_the_next_assistant_is_asked_where_the_first_fails(way, listener):
    graph = create_hierarchy([SMALL, LARGE], success=KNOWS)
    state = drive(graph, way, config={"callbacks": [listener]})
    assert [message.text for message in state["messages"]] == ["6 * 7?", "It is 42."]
    assert (state["assistant"], state["resolved"]) == ("large", True)
    assert [(one["assistant"], one["outcome"]) for one in state["attempts"]] == [
        ("small", "not_accepted"),
        ("large", "accepted"),
    ]
    (decision,) = listener.decisions
    assert decision["outcome"] == "escalated"
    assert decision["returned"] == state["messages"][-1].id
    assert len(decision["rejected"]) == 1


@BOTH
def test_a_first_answer_that_holds_is_compared_with_what_the_last_would_have_cost(way, listener):
    graph = create_hierarchy([assistant("small", "42"), LARGE], success=KNOWS)
    state = drive(graph, way, config={"callbacks": [listener]})
    assert state["assistant"] == "small"
    (decision,) = listener.decisions
    assert decision["avoided"]["model"] == "large"
    assert decision["avoided"]["basis"] == "estimated"
    assert listener.model_names == ["small"]


def test_the_last_answer_is_given_whatever_is_found_of_it():
    state = create_hierarchy([SMALL, SMALL_TOO], success=KNOWS).invoke(ASKED)
    assert (state["assistant"], state["resolved"]) == ("small too", False)
    assert state["messages"][-1].text == "Nor can I, cannot I."


SMALL_TOO = assistant("small too", "Nor can I, cannot I.")


def test_each_assistant_starts_from_the_request_alone():
    seen = []

    def reply(messages):
        seen.append([message.text for message in messages])
        return "I cannot say."

    create_hierarchy([assistant("a", reply), assistant("b", reply)], success=KNOWS).invoke(ASKED)
    assert seen == [["6 * 7?"], ["6 * 7?"]]


def test_on_request_it_is_told_in_one_line_why_the_one_before_failed():
    seen = []

    def reply(messages):
        seen.append(messages[-1].text)
        return "I cannot say."

    graph = create_hierarchy([assistant("a", reply), assistant("b", reply)], success=KNOWS, tell_reason=True)
    graph.invoke(ASKED)
    assert seen == ["6 * 7?", "6 * 7?\n\nAnother assistant failed at this before: knows said no."]


def test_ranks_go_before_the_order_of_the_list():
    dear, cheap = assistant("dear", "42", cost_rank=2), assistant("cheap", "42", cost_rank=1)
    assert create_hierarchy([dear, cheap], success=KNOWS).invoke(ASKED)["assistant"] == "cheap"


@BOTH
def test_agents_are_assistants_and_their_steps_are_part_of_the_answer(way):
    call = AIMessage("", tool_calls=[{"name": "look_up", "args": {"city": "Oslo"}, "id": "1"}])

    def look_up(city: str) -> str:
        """Look up a city."""
        return "717,710"

    agent = create_agent(ScriptedChatModel(replies=[call, "It has 717,710."]), [look_up])
    graph = create_hierarchy([SMALL, Assistant(name="agent", runnable=agent)], success=KNOWS)
    state = drive(graph, way)
    assert [message.type for message in state["messages"]] == ["human", "ai", "tool", "ai"]
    assert state["messages"][-1].text == "It has 717,710."


@BOTH
def test_it_is_a_node_of_any_graph_with_messages(way):
    graph = StateGraph(MessagesState).add_node("answer", create_hierarchy([SMALL, LARGE], success=KNOWS))
    state = drive(graph.add_edge(START, "answer").compile(), way)
    assert [message.text for message in state["messages"]] == ["6 * 7?", "It is 42."]
    assert state["messages"][-1].response_metadata[RUN_ID_KEY]


@BOTH
@pytest.mark.parametrize("subgraphs", [False, True])
def test_rejected_answers_reach_no_stream_of_messages_and_the_last_streams(way, subgraphs):
    graph = create_hierarchy([SMALL, LARGE], success=KNOWS)
    chunks = streamed(graph, way, stream_mode="messages", subgraphs=subgraphs)
    texts = [item[-1][0].content if subgraphs else item[0].content for item in chunks]
    assert "cannot" not in "".join(texts)
    assert "".join(texts).count("It is 42.") == 1
    assert (len([text for text in texts if text]) > 1) is subgraphs


@BOTH
@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("sort", ["agent", "graph"])
def test_neither_do_those_of_agents_and_graphs(way, nested, sort):
    def answering(*replies):
        model = ScriptedChatModel(replies=list(replies))
        if sort == "agent":
            return create_agent(model, [])
        graph = StateGraph(MessagesState)
        graph.add_node("answer", lambda state: {"messages": [model.invoke(state["messages"])]})
        return graph.add_edge(START, "answer").compile()

    graph = create_hierarchy(
        [
            Assistant(name="small", runnable=answering("I cannot say.")),
            Assistant(name="large", runnable=answering("It is 42.")),
        ],
        success=KNOWS,
    )
    if nested:
        graph = StateGraph(MessagesState).add_node("solve it", graph).add_edge(START, "solve it").compile()
    chunks = streamed(graph, way, stream_mode="messages", subgraphs=True)
    assert "".join(item[-1][0].content for item in chunks) == "It is 42."


@BOTH
def test_rejected_answers_are_in_no_update_of_the_graph(way):
    graph = create_hierarchy([SMALL, LARGE], success=KNOWS)
    updates = streamed(graph, way, stream_mode="updates")
    assert [next(iter(update)) for update in updates] == ["recall", "solve", "learn"]
    assert "cannot" not in str(updates)


def streamed(graph, way, **settings):
    async def astream():
        return [item async for item in graph.astream(ASKED, **settings)]

    return list(graph.stream(ASKED, **settings)) if way == "sync" else asyncio.run(astream())


def config_of(thread, **more):
    return {"configurable": {"thread_id": thread}, **more}


def test_it_says_what_it_takes_and_gives_as_servers_ask():
    graph = create_hierarchy([LARGE], success=KNOWS)
    assert set(graph.get_input_jsonschema()["properties"]) == {"messages"}
    given = set(graph.get_output_jsonschema()["properties"])
    assert given == {"messages", "run_id", "assistant", "resolved", "attempts"}


@BOTH
def test_a_person_decides_and_nothing_is_asked_twice(way, listener):
    judge = Judge(ScriptedChatModel(model_name="judge", replies=["Grade: 10"]))
    graph = create_hierarchy(
        [SMALL, LARGE], success=AllOf(Human("Right?"), judge), checkpointer=InMemorySaver()
    )
    config = config_of("1", callbacks=[listener])
    asked = drive(graph, way, config=config)["__interrupt__"][0].value
    assert asked == {"question": "6 * 7?", "answer": "I cannot say.", "instructions": "Right?"}
    again = drive(graph, way, Command(resume=False), config)["__interrupt__"][0].value
    assert again["answer"] == "It is 42."
    state = drive(graph, way, Command(resume={"accept": True, "reason": "checked"}), config)
    assert (state["assistant"], state["resolved"]) == ("large", True)
    assert "checked" in state["attempts"][-1]["reason"]
    assert listener.model_names == ["small", "judge", "large", "judge"]
    (decision,) = listener.decisions
    assert len(decision["hidden"]) == 2


PROGRAM = """
import sys
from langgraph.types import Command
from tests.unit.hierarchy.test_hierarchy_graph import ASKED, config_of, waiting_for_a_person
graph = waiting_for_a_person(sys.argv[1])
state = graph.invoke(Command(resume=True) if sys.argv[2] == "resume" else ASKED, config_of("7"))
print(state["assistant"] or None, len(state.get("__interrupt__", ())))
"""


def waiting_for_a_person(path):
    def reply(messages):
        with open(f"{path}.asked", "a") as log:
            log.write("small\n")
        return "42"

    return create_hierarchy([assistant("small", reply), LARGE], success=Human(), checkpointer=FileSaver(path))


def test_another_process_goes_on_where_one_asked_a_person(tmp_path):
    def process(command):
        arguments = [sys.executable, "-c", PROGRAM, str(tmp_path / "saved"), command]
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    assert process("ask") == "None 1"
    assert process("resume") == "small 0"
    assert (tmp_path / "saved.asked").read_text() == "small\n"


@BOTH
def test_an_assistant_that_fails_or_is_late_is_followed_by_the_next(way):
    broken = assistant("broken", ConnectionError("down"))
    slow = assistant("slow", "42", delay=4.0, timeout=0.1)
    started = time.monotonic()
    state = drive(create_hierarchy([broken, slow, LARGE], success=KNOWS), way)
    assert time.monotonic() - started < 3.5
    assert state["assistant"] == "large"
    outcomes = [(one["outcome"], one["reason"]) for one in state["attempts"]]
    assert outcomes[0] == ("failed", "ConnectionError from the assistant")
    assert outcomes[1] == ("failed", "TimeoutError from the assistant")


@BOTH
def test_what_the_last_assistant_raises_is_the_users(way):
    graph = create_hierarchy([SMALL, assistant("broken", ConnectionError("down"))], success=KNOWS)
    with pytest.raises(ConnectionError, match="down"):
        drive(graph, way)


@BOTH
def test_a_veto_is_final(way):
    graph = create_hierarchy([assistant("a", BudgetExceeded("spent")), LARGE], success=KNOWS)
    with pytest.raises(BudgetExceeded):
        drive(graph, way)


@BOTH
def test_a_verifier_that_fails_leaves_the_last_assistants_answer(way, listener, warnings_logged):
    def broken(request, replies):
        yield from ()
        raise ValueError("a bug")

    state = drive(create_hierarchy([SMALL, LARGE], success=broken), way, config={"callbacks": [listener]})
    assert state["messages"][-1].text == "It is 42."
    assert (state["assistant"], state["resolved"]) == ("large", False)
    assert listener.outcomes == ["failed_open", "unresolved"]
    assert "success verifier" in warnings_logged()[0]


@pytest.mark.parametrize("limit", [{"max_steps": 6}, {}, {"max_steps": 26}])
def test_a_graph_is_stopped_at_its_steps(limit):
    call = AIMessage("", tool_calls=[{"name": "again", "args": {}, "id": "1"}])

    def again() -> str:
        """Go on."""
        return "more"

    agent = create_agent(ScriptedChatModel(replies=[call]), [again])
    endless = Assistant(name="endless", runnable=agent, **limit)
    state = create_hierarchy([endless, LARGE], success=KNOWS).invoke(ASKED)
    assert state["attempts"][0]["reason"] == "GraphRecursionError from the assistant"
    assert state["assistant"] == "large"


def test_the_judge_does_not_judge_what_it_wrote_itself():
    judge = ScriptedChatModel(model_name="large", replies=["Grade: 10"])
    state = create_hierarchy([LARGE], success=Judge(judge)).invoke(ASKED)
    assert not state["resolved"]


def test_feedback_finds_the_run_by_the_id_it_was_given():
    graph = create_hierarchy([LARGE], success=KNOWS)
    state = graph.invoke(ASKED, {"run_id": "0190b6a5-0000-7000-8000-000000000001"})
    assert state["run_id"] == "0190b6a5-0000-7000-8000-000000000001"
    assert state["messages"][-1].response_metadata[RUN_ID_KEY] == state["run_id"]
    assert graph.invoke(ASKED)["run_id"] != graph.invoke(ASKED)["run_id"]


class NoLimits:
    limits = None
    description = ""

    def run(self, code):
        raise AssertionError

    async def arun(self, code):
        raise AssertionError


@pytest.mark.parametrize(
    ("assistants", "settings", "problem"),
    [
        ([], {}, "assistants: is empty"),
        ([SMALL, LARGE, SMALL], {}, "assistants: two are called 'small'"),
        (["gpt"], {}, r"assistants\[0\]: must be an Assistant"),
        ([assistant("a", "x", timeout=0)], {}, r"assistants\[0\].timeout"),
        ([assistant("a", "x", max_steps=0)], {}, r"assistants\[0\].max_steps"),
        ([Assistant(name="a", runnable=7)], {}, r"assistants\[0\].runnable"),
        ([Assistant(name=" ", runnable=LARGE.runnable)], {}, r"assistants\[0\].name"),
        ([Assistant(name="a", runnable="nobody:x")], {}, r"assistants\[0\].runnable: 'nobody:x'"),
        ([LARGE], {"success": Agreement()}, "success: Agreement compares replies"),
        ([LARGE], {"success": lambda message: True}, "success: must be a verifier"),
        ([LARGE], {"executor": NoLimits()}, "executor: has no limits"),
        ([LARGE], {"success": ExecutionSucceeded()}, "success: is judged by runs of code"),
        ([LARGE], {"success": LaterFeedback()}, "success: waits for feedback"),
        (LARGE, {}, "assistants: must be a list"),
        ([Assistant(name="a", runnable="")], {}, r"assistants\[0\].runnable"),
        ([LARGE], {"demonstrations": {}}, "demonstrations: must be a DemonstrationStore"),
    ],
)
def test_bad_settings_are_refused_when_it_is_built(assistants, settings, problem):
    with pytest.raises(ConfigurationError, match=problem):
        create_hierarchy(assistants, **{"success": KNOWS, **settings})


def test_a_graph_without_messages_is_refused():
    builder = StateGraph(dict).add_node("a", lambda state: state).add_edge(START, "a")
    with pytest.raises(ConfigurationError, match="without messages in its state"):
        create_hierarchy([Assistant(name="a", runnable=builder.compile())], success=KNOWS)


@BOTH
def test_an_agents_own_interrupts_go_through_it(way):
    looked_up = []

    def look_up(city: str) -> str:
        """Look up a city."""
        looked_up.append(city)
        return "717,710"

    call = AIMessage("", tool_calls=[{"name": "look_up", "args": {"city": "Oslo"}, "id": "1"}])
    model = ScriptedChatModel(replies=[call, "It has 717,710."])
    asks = HumanInTheLoopMiddleware(interrupt_on={"look_up": True})
    agent = Assistant(name="agent", runnable=create_agent(model, [look_up], middleware=[asks]))
    graph = create_hierarchy([SMALL, agent], success=KNOWS, checkpointer=InMemorySaver())
    assert drive(graph, way, config=config_of("1"))["__interrupt__"]
    assert looked_up == []
    state = drive(graph, way, Command(resume={"decisions": [{"type": "approve"}]}), config_of("1"))
    assert state["messages"][-1].text == "It has 717,710."
    assert looked_up == ["Oslo"]
