"""A default stands in for a result, so it has to be one: of the kind's type, with what others refer to."""

import pytest

from llmops_plugins.planning.earlier import Earlier
from llmops_plugins.planning.execution.assignment import Assignment
from llmops_plugins.planning.execution.task_outcome import TaskOutcome
from llmops_plugins.planning.experts.expert import Expert
from llmops_plugins.planning.experts.kinds import kind_specs
from llmops_plugins.planning.graph import create_planner
from llmops_plugins.planning.parsing.parsing import ParsedPlan
from llmops_plugins.planning.plan.plan import Task
from llmops_plugins.planning.plan_making import checked_plan
from llmops_plugins.planning.validation.kind_spec import KindSpec
from llmops_plugins.planning.validation.validation import check
from tests.unit.planning.expert_stubs import TEXT, card
from tests.unit.planning.planner_world import ASKED, controller, plan_text, prompt_of, team, weather

FOUND = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "count": {"type": "integer"}},
    "required": ["title"],
}
KINDS = {"search": KindSpec(output=FOUND), "free": KindSpec()}


def task(task_id, kind="search", default=None, **arguments):
    return {"id": task_id, "kind": kind, "arguments": arguments, "on_failure": "default", "default": default}


def sentences(*tasks, kinds=KINDS):
    _, complaints = check(list(tasks), kinds=kinds)
    return [one.sentence for one in complaints]


@pytest.mark.parametrize(
    ("default", "problem"),
    [
        ("unknown", '"default" is not of type object'),
        (None, '"default" is not of type object'),
        ({"title": "x", "count": "3"}, '"default.count" is not of type integer'),
        ({"count": 3}, "title"),
    ],
)
def test_one_that_is_not_what_the_kind_gives_is_named(default, problem):
    (sentence,) = sentences(task("t1", default=default))
    assert sentence.startswith('Task "t1" has a default that is not what "search" gives: ')
    assert problem in sentence


def test_one_that_fits_and_one_of_a_kind_that_promises_nothing_are_taken():
    assert sentences(task("t1", default={"title": "none"}), task("t2", "free", default=3)) == []
    assert sentences(task("t1", default=3), kinds=None) == []


def test_one_that_does_not_stand_in_is_not_looked_at():
    assert sentences({**task("t1", default=3), "on_failure": "fail_plan"}) == []


@pytest.mark.parametrize("argument", [{"ref": "t1.count"}, "${t1.count} of them", [{"ref": "t1.count"}]])
def test_what_others_refer_to_has_to_be_in_it(argument):
    (sentence,) = sentences(task("t1", default={"title": "none"}), task("t2", "free", about=argument))
    assert sentence == (
        'Task "t2" refers to "t1.count", which the default of task "t1" does not have: add it there, or '
        "choose another on_failure."
    )
    assert sentences(task("t1", default={"title": "", "count": 0}), task("t2", "free", about=argument)) == []


def test_of_several_experts_of_a_kind_what_one_of_them_gives_is_enough_and_all_stay_eligible():
    number, text = {"type": "integer"}, {"type": "string"}
    experts = [card("a", output=number), card("b", output=text)]
    kinds = kind_specs(experts)
    for default in (3, "three"):
        raw = task("t1", "translate", default, text="hi")
        parsed = ParsedPlan(data=[raw])
        assert checked_plan(parsed, experts)[1] == []
    (sentence,) = sentences(task("t1", "translate", [3], text="hi"), kinds=kinds)
    assert "has a default" in sentence
    assert TEXT["required"] == ["text"]


@pytest.mark.parametrize(("status", "count"), [("succeeded", 0), ("defaulted", 1)])
def test_a_second_plan_refers_to_what_a_task_gave_and_not_to_a_default_that_was_not_needed(status, count):
    done = Task(id="t1", kind="look", on_failure="default", default={}, arguments={"text": "x"})
    earlier = Earlier(
        assignments=[Assignment(task=done, expert="looker")],
        outcomes={"t1": TaskOutcome(status=status, result={"title": "tea"} if count == 0 else {})},
    )
    looker = Expert(name="looker", kinds=["look"], arguments=TEXT)
    new = {"id": "t2", "kind": "look", "arguments": {"text": {"ref": "t1.title"}}}
    _, complaints = checked_plan(ParsedPlan(data=[new]), [looker], None, earlier)
    assert [one.code for one in complaints] == ["bad_default"] * count


def test_a_plan_with_such_a_default_is_mended():
    wrong = plan_text(weather("t1", "Atlantis", on_failure="default", default="mild"))
    mended = plan_text(weather("t1", "Atlantis", on_failure="default", default=0))
    model = controller(wrong, mended, "It has 0 degrees [t1].")
    state = create_planner(model, team(), plan="always").invoke(ASKED)
    assert '"default" is not of type integer' in prompt_of(model, 1)
    assert state["outcomes"]["t1"]["result"] == 0
