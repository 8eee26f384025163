"""Tasks fail: what the response is told, when it is planned again, and what a second plan may not do."""

import asyncio
import json

import pytest

from llmops_plugins.planning.earlier import Earlier
from llmops_plugins.planning.execution.assignment import Assignment, ExecutionLimits
from llmops_plugins.planning.execution.attempts import Attempts
from llmops_plugins.planning.execution.task_outcome import TaskOutcome
from llmops_plugins.planning.experts.expert import Expert
from llmops_plugins.planning.graph import create_planner
from llmops_plugins.planning.parsing.parsing import ParsedPlan
from llmops_plugins.planning.plan.errors import PlanFailedError
from llmops_plugins.planning.plan.plan import Task
from llmops_plugins.planning.plan_making import checked_plan
from tests.unit.planning.planner_world import ASKED, controller, degrees, plan_text, prompt_of, team, weather

ONCE = ExecutionLimits(attempts=Attempts(retries=0))
SETTINGS = {"plan": "always", "execution": ONCE}
LOST = {"id": "t2", "kind": "weather", "arguments": {"city": "Atlantis"}}
NEEDS_LOST = {"id": "t3", "kind": "difference", "arguments": {"a": {"ref": "t2"}, "b": {"ref": "t1"}}}
FAILING = plan_text(weather("t1"), LOST, NEEDS_LOST)
OTHER_WAY = plan_text(
    weather("t4", "Rome"),
    {"id": "t5", "kind": "difference", "arguments": {"a": {"ref": "t4"}, "b": {"ref": "t1"}}},
)


def send(text: str) -> str:
    """Send a mail."""
    raise ConnectionError("broken off")


MAILER = Expert(name="mailer", kinds=["mail"], runnable=send, side_effects=True)


def statuses(state):
    return {task_id: outcome["status"] for task_id, outcome in state["outcomes"].items()}


@pytest.mark.parametrize("run", ["invoke", "ainvoke"])
def test_what_failed_is_planned_again_given_what_succeeded(run):
    model = controller(FAILING, OTHER_WAY, "Rome is 16 degrees warmer [t5].")
    graph = create_planner(model, team(), **SETTINGS)
    state = graph.invoke(ASKED) if run == "invoke" else asyncio.run(graph.ainvoke(ASKED))
    assert statuses(state) == {
        "t1": "succeeded",
        "t2": "failed",
        "t3": "skipped",
        "t4": "succeeded",
        "t5": "succeeded",
    }
    assert state["outcomes"]["t5"]["result"] == 16
    assert [task["id"] for task in state["plan"]["tasks"]] == ["t1", "t2", "t3", "t4", "t5"]
    again = prompt_of(model, 1)
    assert "<done-before-" in again
    assert '"result": 3' in again
    assert '"failed": "\'Atlantis\'"' in again


def test_what_succeeded_is_not_done_again():
    asked = []

    def look(city: str) -> int:
        asked.append(city)
        return degrees(city)

    restated = plan_text(weather("t1"), weather("t4", "Rome"))
    expert = Expert(name="looker", kinds=["weather"], runnable=look)
    graph = create_planner(
        controller(plan_text(weather("t1"), LOST), restated, "So it is [t4]."), [expert], **SETTINGS
    )
    state = graph.invoke(ASKED)
    assert asked.count("Oslo") == 1
    assert statuses(state) == {"t1": "succeeded", "t2": "failed", "t4": "succeeded"}


def test_it_is_planned_again_once_at_most():
    again = plan_text({**LOST, "id": "t4"}, weather("t5", "Rome"))
    model = controller(FAILING, again, "Of Atlantis nothing is known [t4].")
    state = create_planner(model, team(), **SETTINGS).invoke(ASKED)
    assert len(model.calls) == 3
    assert statuses(state)["t4"] == "failed"


@pytest.mark.parametrize("second", ["[]", "I give up.", OSError("down")], ids=["nothing", "no plan", "down"])
def test_without_a_second_plan_the_answer_is_written_from_what_there_is(second):
    def answer(messages):
        return "Oslo has 3 degrees [t1]." if "<task-t1-" in messages[-1].text else "no plan"

    model = controller(FAILING, second, *[answer] * 3)
    state = create_planner(model, team(), on_invalid="fail", **SETTINGS).invoke(ASKED)
    assert state["messages"][-1].text == "Oslo has 3 degrees [t1]."
    assert state["planned"]


def test_the_answer_is_told_what_failed_and_what_was_left_out():
    model = controller(FAILING, "Oslo has 3 degrees [t1].")
    create_planner(model, team(), replan=False, **SETTINGS).invoke(ASKED)
    said = prompt_of(model)
    assert "No result. failed: 'Atlantis'" in said
    assert "No result. left out, because t2 failed" in said


def test_a_default_stands_in_and_nothing_is_planned_again():
    default = {**LOST, "on_failure": "default", "default": 10}
    model = controller(plan_text(weather("t1"), default, NEEDS_LOST), "It may be 7 degrees [t3].")
    state = create_planner(model, team(), **SETTINGS).invoke(ASKED)
    assert state["outcomes"]["t3"]["result"] == 7
    assert len(model.calls) == 2
    assert "this stands in for its result: 10" in prompt_of(model)


def test_if_every_task_failed_no_model_is_asked_to_answer():
    model = controller(plan_text(LOST), "[]")
    for state in (
        create_planner(model, team(), **SETTINGS).invoke(ASKED),
        asyncio.run(create_planner(model, team(), **SETTINGS).ainvoke(ASKED)),
    ):
        said = state["messages"][-1]
        assert "weather (t2): failed (KeyError)" in said.text
        assert said.response_metadata["llmops_statements"] == []


def test_if_every_task_failed_it_fails_where_that_is_wanted():
    graph = create_planner(controller(plan_text(LOST)), team(), on_invalid="fail", replan=False, **SETTINGS)
    with pytest.raises(PlanFailedError, match="t2: 'Atlantis'"):
        graph.invoke(ASKED)


def test_what_ran_out_of_time_is_not_planned_again():
    def hang(city: str) -> int:
        import time

        time.sleep(3)
        return 0

    slow = Expert(name="slow", kinds=["weather"], runnable=hang)
    model = controller(plan_text(weather("t1")), "unreachable")
    graph = create_planner(model, [slow], plan="always", execution=ExecutionLimits(deadline_s=0.2))
    assert statuses(graph.invoke(ASKED)) == {"t1": "cancelled"}
    assert len(model.calls) == 1


def test_a_failed_task_that_may_have_had_its_effect_is_not_tried_in_another_way():
    mail = {"id": "t2", "kind": "mail", "arguments": {"text": "It has 3 degrees."}}
    again = plan_text({**mail, "id": "t3", "arguments": {"text": "Again!"}})
    model = controller(plan_text(weather("t1"), mail), again, again, "The mail failed [t2].")
    state = create_planner(model, team(MAILER), **SETTINGS).invoke(ASKED)
    assert statuses(state) == {"t1": "succeeded", "t2": "failed"}
    assert "may have had its effect" in model.calls[2][-1].text


def earlier():
    tasks = [Task.model_validate(one) for one in (weather("t1"), LOST, NEEDS_LOST)]
    outcomes = [
        TaskOutcome(status="succeeded", result=3),
        TaskOutcome(status="failed", attempts=1),
        TaskOutcome(status="skipped", because_of="t2"),
    ]
    return Earlier(
        assignments=[Assignment(task=task, expert="thermometer") for task in tasks],
        outcomes={task.id: outcome for task, outcome in zip(tasks, outcomes, strict=True)},
    )


def complaints(*tasks):
    parsed = ParsedPlan(data=json.loads(json.dumps(tasks)))
    return [one.sentence for one in checked_plan(parsed, team(MAILER), earlier=earlier())[1]]


@pytest.mark.parametrize(
    ("task", "problem"),
    [
        ({**NEEDS_LOST, "id": "t9"}, 'refers to "t2", which failed or was skipped and has no result'),
        (weather("t9", after=["t3"]), 'refers to "t3", which failed or was skipped and has no result'),
        (weather("t2", "Rome"), '2 tasks have the id "t2"'),
        (weather("t1", "Rome"), '2 tasks have the id "t1"'),
        (weather("t9"), 'was done already: refer to "t1"'),
        (weather("t9", after=["t8"]), 'refers to task "t8", which the plan does not have'),
    ],
)
def test_a_second_plan_is_told_what_it_may_not_do(task, problem):
    assert any(problem in sentence for sentence in complaints(task))


def test_a_second_plan_may_be_as_large_as_the_first():
    assert complaints(*[weather(f"n{number}", f"City {number}") for number in range(32)]) == []
