"""Tasks whose ids are no ids of this package's: two that are written differently stay two tasks."""

import json
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.planning.parsing.parsing import parse_plan
from llmops_plugins.planning.validation.validation import check_parsed


def look(task_id, city="Oslo", **fields):
    return {"id": task_id, "kind": "look", "arguments": {"city": city}, **fields}


def checked(*tasks):
    plan, complaints = check_parsed(parse_plan(json.dumps({"tasks": list(tasks)})), kinds=None)
    return plan, [one.sentence for one in complaints]


@pytest.mark.parametrize(
    "ids",
    [
        ("погода", "разница"),
        ("天気", "差"),
        ("wetter-ö", "wetter-ä"),
        ("a b", "a_b"),
        ("a_b", "a b"),
        ("a b", "a  b", "a/b", "a_b_2"),
        ("x" * 70, "x" * 71),
        ("ж" * 30, "task", "task_2"),
    ],
)
def test_two_different_ids_stay_two_tasks(ids):
    plan, complaints = checked(*(look(one) for one in ids))
    assert complaints == []
    found = [task.id for task in plan.tasks]
    assert len(set(found)) == len(ids)
    assert all(one in found for one in ids if re.fullmatch("[a-z0-9_]{1,64}", one))


@pytest.mark.parametrize("task_id", ["погода", "a b"])
def test_the_same_id_twice_is_still_a_fault(task_id):
    plan, (sentence,) = checked(look(task_id), look(task_id, "Rome"))
    assert plan is None
    assert sentence.startswith("2 tasks have the id")


def test_whatever_refers_to_them_refers_to_the_one_that_is_meant():
    plan, complaints = checked(
        look("погода ж"),
        look("погода я", "Rome"),
        {
            "id": "сравнить",
            "kind": "compare",
            "arguments": {
                "whole": {"ref": "погода я"},
                "part": {"ref": "погода ж.градусы"},
                "text": "${погода ж.градусы} and ${погода я}, not $${погода я}",
            },
            "after": ["погода ж"],
        },
    )
    assert complaints == []
    first, second, third = plan.tasks
    assert third.arguments == {
        "whole": {"ref": second.id},
        "part": {"ref": f"{first.id}.градусы"},
        "text": f"${{{first.id}.градусы}} and ${{{second.id}}}, not $${{погода я}}",
    }
    assert third.after == [first.id]


def test_an_id_stays_what_it_is_as_more_of_the_plan_is_written():
    whole = [look(one) for one in ("ж", "я", "щ", "ю")]
    read = [
        [task["id"] for task in parse_plan(json.dumps({"tasks": whole[:end]})).data] for end in range(1, 5)
    ]
    assert all(longer[: len(shorter)] == shorter for shorter, longer in pairwise(read))


IDS = st.text("жящ ab_-./", min_size=1, max_size=8).filter(str.strip)


@given(st.lists(IDS, min_size=1, max_size=6, unique_by=str.strip))
def test_different_ids_never_become_one(ids):
    plan = parse_plan(json.dumps({"tasks": [look(one) for one in ids]}))
    assert len({task["id"] for task in plan.data}) == len(ids)
