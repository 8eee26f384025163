"""Tasks start while the controller still writes the plan, and what it writes later can do no harm."""

import asyncio
import json
import threading

import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.planning.execution.assignment import ExecutionLimits
from llmops_plugins.planning.execution.attempts import Attempts
from llmops_plugins.planning.experts.expert import Expert
from llmops_plugins.planning.graph import create_planner
from llmops_plugins.planning.plan_streaming import StreamedPlan
from llmops_plugins.planning.planner import Planner
from llmops_plugins.testing import ScriptedChatModel
from tests.timing import least_seconds
from tests.unit.planning.planner_world import (
    ANSWER,
    ASKED,
    DIFFERENCE,
    PLAN,
    controller,
    degrees,
    plan_text,
    prompt_of,
    team,
    weather,
)

STREAMED = {
    "plan": "always",
    "stream_plan": True,
    "execution": ExecutionLimits(attempts=Attempts(retries=0)),
}
SPACED = json.dumps(json.loads(PLAN), indent=1)
CALLS = '1. weather("Oslo")\n2. weather("Rome")\n3. difference($2, $1)\n4. join()'


def run(graph, way="invoke"):
    return graph.invoke(ASKED) if way == "invoke" else asyncio.run(graph.ainvoke(ASKED))


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
@pytest.mark.parametrize("text", [SPACED, f"Here it is:\n```json\n{SPACED}\n```", CALLS])
def test_the_result_is_that_of_a_plan_that_is_not_streamed(way, text):
    state = run(create_planner(controller(text, ANSWER), team(), **STREAMED), way)
    assert sorted(outcome["result"] for outcome in state["outcomes"].values()) == [3, 16, 19]
    assert state["messages"][-1].text == ANSWER
    assert len(state["plan"]["tasks"]) == 3


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_a_task_starts_before_the_plan_is_complete(way):
    looked = threading.Event()

    def look(city: str) -> int:
        looked.set()
        return degrees(city)

    class Waiting(ScriptedChatModel):
        """Writes the last task once the first has started."""

        def _stream(self, *arguments, **settings):
            for chunk in super()._stream(*arguments, **settings):
                assert '"t3"' not in chunk.text or looked.wait(10)
                yield chunk

        async def _astream(self, *arguments, **settings):
            async for chunk in super()._astream(*arguments, **settings):
                assert '"t3"' not in chunk.text or await asyncio.to_thread(looked.wait, 10)
                yield chunk

    expert = Expert(name="looker", kinds=["weather"], runnable=look)
    graph = create_planner(
        Waiting(replies=[SPACED, ANSWER]), [expert, *team()[1:]], on_invalid="fail", **STREAMED
    )
    assert run(graph, way)["outcomes"]["t3"]["result"] == 16


def test_tasks_with_side_effects_wait_for_the_whole_plan():
    happened = []

    def send(text: str) -> str:
        happened.append("sent")
        return "sent"

    def reply(messages):
        if len(model.calls) > 1:
            return "Sent [t1]."
        return plan_text({"id": "t1", "kind": "mail", "arguments": {"text": "hi"}}, weather("t2"))

    def look(city: str) -> int:
        happened.append("looked")
        return 3

    mailer = Expert(name="mailer", kinds=["mail"], runnable=send, side_effects=True)
    model = ScriptedChatModel(replies=[reply])
    graph = create_planner(
        model, [mailer, Expert(name="looker", kinds=["weather"], runnable=look)], **STREAMED
    )
    state = graph.invoke(ASKED)
    assert happened == ["looked", "sent"]
    assert {one["status"] for one in state["outcomes"].values()} == {"succeeded"}


def test_complaints_of_the_rest_are_mended_given_what_was_done_meanwhile():
    asked = []

    def look(city: str) -> int:
        asked.append(city)
        return degrees(city)

    expert = Expert(name="looker", kinds=["weather"], runnable=look)
    wrong = json.dumps(
        {"tasks": [weather("t1"), weather("t2", "Rome"), {**DIFFERENCE, "kind": "minus"}]}, indent=1
    )
    model = controller(wrong, plan_text({**DIFFERENCE, "id": "t4"}), "It is 16 [t4].")
    state = create_planner(model, [expert, *team()[1:]], **STREAMED).invoke(ASKED)
    repair = "\n".join(message.text for message in model.calls[1])
    assert "unknown kind" in repair
    assert "<done-before-" in repair
    assert sorted(asked) == ["Oslo", "Rome"]
    assert state["outcomes"]["t4"]["result"] == 16
    assert [task["id"] for task in state["plan"]["tasks"]] == ["t1", "t2", "t4"]


def test_a_plan_that_is_wrong_to_its_end_is_answered_by_the_controller():
    model = controller("No plan.", "Still none.", "It is warmer.")
    state = create_planner(model, team(), **STREAMED).invoke(ASKED)
    assert (state["messages"][-1].text, state["planned"], state["outcomes"]) == ("It is warmer.", False, {})


@pytest.mark.parametrize(
    ("policy", "statuses"),
    [
        ("skip_dependants", {"t1": "failed", "t2": "skipped", "t3": "succeeded"}),
        ("fail_plan", {"t1": "failed", "t2": "skipped", "t3": "skipped"}),
    ],
)
def test_what_failed_early_is_no_ground_for_side_effects(policy, statuses):
    def send(text: str) -> str:
        return text

    mailer = Expert(name="mailer", kinds=["mail"], runnable=send, side_effects=True)
    plan = plan_text(
        weather("t1", "Atlantis", on_failure=policy),
        {"id": "t2", "kind": "mail", "arguments": {"text": "It has ${t1} degrees."}},
        {"id": "t3", "kind": "mail", "arguments": {"text": "hello"}},
    )
    graph = create_planner(
        controller(plan, "It failed [t1]."), team(mailer), replan=False, on_invalid="answer", **STREAMED
    )
    events = list(graph.stream(ASKED, stream_mode=["custom", "values"]))
    state = [data for kind, data in events if kind == "values"][-1]
    found = {one: outcome["status"] for one, outcome in state["outcomes"].items()}
    # A plan that has failed is not read to its end: how much of the rest is known depends on who is faster.
    assert found.items() <= statuses.items()
    assert found.keys() == statuses.keys() or policy == "fail_plan"
    assert found["t1"] == "failed"
    ended = [data["task"] for kind, data in events if kind == "custom" and data["type"] == "task_ended"]
    assert sorted(ended) == sorted(found)


def test_a_controller_that_dies_while_it_writes_answers_without_a_plan():
    class Dying(ScriptedChatModel):
        def _stream(self, *arguments, **settings):
            chunks = list(super()._stream(*arguments, **settings))
            if len(self.calls) > 1:
                yield from chunks
                return
            yield from chunks[: len(chunks) // 2]
            raise ConnectionError("broken off")

    graph = create_planner(Dying(replies=[SPACED, "It is warmer."]), team(), **STREAMED)
    assert graph.invoke(ASKED)["messages"][-1].text == "It is warmer."


def test_a_plan_that_takes_longer_to_write_than_its_time_is_given_up():
    slow = ScriptedChatModel(replies=[SPACED, "It is warmer."], delay=0.02)
    settings = {**STREAMED, "execution": ExecutionLimits(deadline_s=0.1)}
    state = create_planner(slow, team(), **settings).invoke(ASKED)
    assert not state["planned"]


def test_a_task_that_the_whole_plan_has_otherwise_is_done_again():
    nodes = {"task_nodes": [{"task": "weather", "arguments": {"city": "Oslo"}}] * 2}
    links = {**nodes, "task_links": [{"source": "0", "target": "1"}]}
    text = json.dumps(links, indent=1)
    state = create_planner(controller(text, "3 [1]."), team(), **STREAMED).invoke(ASKED)
    assert {one["result"] for one in state["outcomes"].values()} == {3}
    assert [task["after"] for task in state["plan"]["tasks"]] in ([[], ["0"]], [[], ["1"]])


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
@pytest.mark.parametrize("replan", [False, True])
def test_a_task_that_ends_the_plan_while_it_is_written_is_named_in_the_answer(way, replan):
    first = [weather("t0"), weather("t1", "Atlantis", on_failure="fail_plan")]
    text = json.dumps({"tasks": [*first, *(weather(f"u{n}") for n in range(20))]}, indent=1)
    # When planned again there is nothing more to do.
    model = ScriptedChatModel(replies=[text, *(["[]"] if replan else []), "It failed [t1]."], delay=0.005)
    state = run(create_planner(model, team(), replan=replan, **STREAMED), way)
    assert state["planned"]
    assert state["messages"][-1].text == "It failed [t1]."
    assert state["outcomes"]["t0"]["result"] == 3
    assert state["outcomes"]["t1"]["status"] == "failed"
    assert len(model.calls) == 2 + replan
    assert "t1" in prompt_of(model)


def test_a_long_plan_is_read_in_time_in_proportion_to_its_length():
    def look(rows: list[list[int]]) -> int:
        return len(rows)

    tasks = [
        {"id": f"t{n}", "kind": "look", "arguments": {"rows": [[one, one] for one in range(8)]}}
        for n in range(60)
    ]
    text = json.dumps({"tasks": tasks}, indent=1)
    assert len(text) > 20_000
    looker = Expert(name="looker", kinds=["look"], runnable=look)
    planner = Planner(controller=controller(text), experts=[looker], plan="always", stream_plan=True)

    class Letters:
        """Writes a few letters at a time, as providers do."""

        def stream(self, *_):
            for at in range(0, len(text), 4):
                yield AIMessageChunk(text[at : at + 4])

    def read():
        plan = StreamedPlan(planner, [HumanMessage("Look.")], "default")
        plan._controller = Letters()
        assert len(list(plan.read())) >= 50

    assert least_seconds(read, 1.5) < 1.5


def test_settings_are_checked():
    with pytest.raises(ConfigurationError, match="experts: is empty"):
        create_planner(controller(PLAN), [], stream_plan=True)
