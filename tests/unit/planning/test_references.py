"""References from a task's arguments to other tasks' results, found and filled in."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from llmops_plugins.errors import LlmopsError
from llmops_plugins.planning.plan.plan import Task
from llmops_plugins.planning.plan.references import (
    ArgumentsTooLargeError,
    Reference,
    UnresolvedReferenceError,
    find,
    resolve,
)


class Page(BaseModel):
    title: str
    links: list[str] = []


RESULTS = {"t1": {"path": [{"a b": 5}], "text": "tea"}, "t-2": Page(title="Home", links=["x"]), "3": None}


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ({"ref": "t1.path.0.a b"}, 5),
        ({"ref": "t1"}, RESULTS["t1"]),
        ({"ref": "t-2.links"}, ["x"]),
        ("${t1.path}", [{"a b": 5}]),
        ("${3}", None),
        ("a ${t1.text}, ${t1.path}", 'a tea, [{"a b": 5}]'),
        ("of ${t-2}", 'of {"title": "Home", "links": ["x"]}'),
        ("is ${3}", "is null"),
        ([{"x": [{"ref": "t1.text"}, "${t1.text}!"]}], [{"x": ["tea", "tea!"]}]),
        ("$${t1.text} ${t1.text}", "${t1.text} tea"),
        ("$${t1}", "${t1}"),
        ("${} ${a b} $t1 {t1}", "${} ${a b} $t1 {t1}"),
        ({"ref": "t1", "more": 1}, {"ref": "t1", "more": 1}),
        ({"ref": "not a task"}, {"ref": "not a task"}),
        (7, 7),
    ],
)
def test_a_reference_becomes_what_it_refers_to(argument, value):
    assert resolve({"x": argument}, RESULTS) == {"x": value}


def test_a_result_is_data_in_which_nothing_is_filled_in():
    results = {"t1": "${t2}", "t2": "secret"}
    assert resolve({"a": {"ref": "t1"}, "b": "say ${t1}"}, results) == {"a": "${t2}", "b": "say ${t2}"}


def test_references_are_found_wherever_they_are_and_in_order():
    arguments = {"a": [{"b": {"ref": "t2.x"}}], "c": "${t1} and ${t2.y.0}", "d": "$${t9}"}
    found = [Reference("t2", ("x",)), Reference("t1"), Reference("t2", ("y", "0"))]
    assert find(arguments) == found
    task = Task(id="t3", kind="k", arguments=arguments, after=["t0", "t1"])
    assert task.dependencies == ("t2", "t1", "t0")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("t9", 'reference "t9": task t9 has no result'),
        ("t1.path.1", 'reference "t1.path.1": "t1.path" has no "1", name what it has'),
        ("t1.path.-1", 'reference "t1.path.-1": "t1.path" has no "-1", name what it has'),
        ("t1.text.x", 'reference "t1.text.x": "t1.text" has no "x", name what it has'),
        ("t-2.model_fields", 'reference "t-2.model_fields": "t-2" has no "model_fields", name what it has'),
        ("t1.__class__", 'reference "t1.__class__": "t1" has no "__class__", name what it has'),
    ],
)
def test_what_is_not_there_is_a_typed_error_that_names_it(text, problem):
    with pytest.raises(UnresolvedReferenceError) as caught:
        resolve({"x": {"ref": text}}, RESULTS)
    assert str(caught.value) == problem
    assert caught.value.reference.text == text
    assert isinstance(caught.value, LlmopsError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == problem


@pytest.mark.parametrize("argument", ["${t1}" * 100_000, [{"ref": "t1"}] * 100_000, {"a": "of ${t2} ${t2}"}])
def test_no_more_is_put_in_than_there_is_room_for(argument):
    results = {"t1": "x" * 10_000, "t2": [["x" * 100] * 200, {"y" * 100: 2**300}]}
    with pytest.raises(ArgumentsTooLargeError, match="may have 30,000 characters in all") as caught:
        resolve({"x": argument}, results, 30_000)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_what_there_is_room_for_is_put_in():
    assert resolve({"x": "${t1}${t1}"}, {"t1": "tea"}, 20) == {"x": "teatea"}


NAMES = st.text("abcXYZ019_-", min_size=1, max_size=8)


@given(NAMES, st.lists(NAMES, max_size=3), st.integers() | st.text(max_size=5))
def test_both_spellings_say_the_same(task_id, path, value):
    result = value
    for part in reversed(path):
        result = {part: result}
    text = Reference(task_id, tuple(path)).text
    for argument in ({"ref": text}, f"${{{text}}}"):
        assert find({"x": argument}) == [Reference(task_id, tuple(path))]
        assert resolve({"x": argument}, {task_id: result}) == {"x": value}


@given(st.text(max_size=60))
def test_text_without_references_stays_as_it_is(text):
    if not find(text) and "$${" not in text:
        assert resolve({"x": text}, {}) == {"x": text}
