"""An argument that looks like a reference and is none is written in an object with the single key literal."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.planning.experts.expert import Expert
from llmops_plugins.planning.graph import create_planner
from llmops_plugins.planning.parsing.parsing import parse_plan
from llmops_plugins.planning.plan.plan import Plan, Task
from llmops_plugins.planning.plan.references import Reference, find, resolve
from llmops_plugins.planning.validation.kind_spec import KindSpec
from llmops_plugins.planning.validation.validation import check_parsed
from tests.unit.planning.planner_world import ASKED, controller, plan_text, prompt_of

GIT = KindSpec(
    arguments={
        "type": "object",
        "properties": {
            "target": {"type": "object", "properties": {"ref": {"type": "string"}}, "required": ["ref"]},
            "count": {"type": "integer"},
            "lists": {"type": "array", "items": {"type": "object", "required": ["ref"]}},
        },
        "additionalProperties": False,
    }
)
MAIN = {"literal": {"ref": "main"}}
json_values = st.recursive(
    st.none()
    | st.integers(-(2**63), 2**64 - 1)
    | st.sampled_from(["${t1}", "$${", "<node-0>", "$1", "main"]),
    lambda values: (
        st.lists(values, max_size=3)
        | st.dictionaries(st.sampled_from(["ref", "$ref", "literal", "x"]), values, max_size=2)
    ),
    max_leaves=8,
)


def checked(arguments, kinds=None, written=None):
    task = {"id": "t1", "kind": "git", "arguments": arguments}
    text = json.dumps({"tasks": [task]}) if written is None else written(task)
    plan, complaints = check_parsed(parse_plan(text), kinds=kinds)
    return plan, [one.sentence for one in complaints]


def untyped(task):
    return json.dumps([{"task": task["kind"], "id": 1, "args": task["arguments"]}])


@given(json_values)
@pytest.mark.parametrize("written", [None, untyped])
def test_what_is_in_it_is_given_unchanged_and_not_read(written, value):
    plan, complaints = checked({"x": {"literal": value}, "y": [{"literal": value}]}, written=written)
    assert complaints == []
    (task,) = plan.tasks
    assert task.dependencies == ()
    assert resolve(task.arguments, {}) == {"x": value, "y": [value]}


def test_only_an_object_whose_single_key_it_is_is_one():
    arguments = {"x": {"literal": {"ref": "t2"}, "more": {"ref": "t3"}}}
    assert find(arguments) == [Reference("t2"), Reference("t3")]
    assert resolve(arguments, {"t2": 2, "t3": 3}) == {"x": {"literal": 2, "more": 3}}


@pytest.mark.parametrize("name", ["literal", "ref"])
def test_an_argument_of_that_name_is_an_argument(name):
    plan, complaints = checked({name: "main"}, {"git": KindSpec()})
    assert complaints == []
    assert plan.tasks[0].dependencies == ()
    assert resolve(plan.tasks[0].arguments, {}) == {name: "main"}
    assert find({name: {"ref": "t2"}}) == [Reference("t2")]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"target": MAIN}, None),
        ({"count": {"literal": 3}}, None),
        ({"lists": [MAIN, {"literal": {"ref": 3}}]}, None),
        ({"target": {"literal": {"branch": "main"}}}, '"target'),
        ({"count": {"literal": "3"}}, '"count" is not of type integer'),
        ({"lists": [{"literal": {"branch": 3}}, {"ref": "t0"}]}, '"lists.0'),
    ],
)
def test_a_schema_looks_at_what_is_in_it(arguments, problem):
    before = {"id": "t0", "kind": "free", "arguments": {}}
    kinds = {"git": GIT, "free": KindSpec()}
    _, sentences = checked(arguments, kinds, lambda task: json.dumps({"tasks": [before, task]}))
    if problem is None:
        assert sentences == []
    else:
        (sentence,) = sentences
        assert problem in sentence


@pytest.mark.parametrize("ref", ["main", "feature/x"])
def test_a_reference_to_nothing_is_told_how_to_write_what_is_none(ref):
    _, (sentence,) = checked({"target": {"ref": ref}})
    assert '{"literal": {"ref": ...}}' in sentence


def test_a_controller_that_is_told_gets_its_literal_through_to_the_expert():
    shown = []

    def show(target: dict[str, str]) -> str:
        shown.append(target)
        return "shown"

    first = plan_text({"id": "t1", "kind": "git", "arguments": {"target": {"ref": "main"}}})
    second = plan_text({"id": "t1", "kind": "git", "arguments": {"target": MAIN}})
    model = controller(first, second, "It is [t1].")
    graph = create_planner(model, [Expert(name="git", kinds=["git"], runnable=show)], plan="always")
    state = graph.invoke(ASKED)
    assert shown == [{"ref": "main"}]
    assert state["messages"][-1].text == "It is [t1]."
    assert "literal" not in prompt_of(model, 0)
    assert "literal" in prompt_of(model, 1)


def test_a_schema_of_a_plan_says_nothing_of_it():
    assert "literal" not in json.dumps(Plan.model_json_schema())
    assert "literal" in Task.__doc__
