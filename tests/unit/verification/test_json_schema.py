from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.verification.json_schema import schema_problem

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}},
        "friend": {"$ref": "#"},
        "home": {"$ref": "#/$defs/Home"},
    },
    "required": ["name"],
    "additionalProperties": False,
    "$defs": {"Home": {"type": "object", "required": ["city"]}},
}


@pytest.mark.parametrize(
    "value",
    [
        {"name": "Ada"},
        {"name": "Ada", "age": None, "tags": ["a"]},
        {"name": "Ada", "age": 36.0},
        {"name": "Ada", "friend": {"name": "Mary"}, "home": {"city": "Ham"}},
    ],
)
def test_what_fits_has_no_problem(value):
    assert schema_problem(value, PERSON) is None


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({}, "name is required"),
        ({"name": 3}, "name is not of type string"),
        ({"name": "Ada", "age": "old"}, "age fits none of its 2 alternatives"),
        ({"name": "Ada", "age": True}, "age fits none of its 2 alternatives"),
        ({"name": "Ada", "tags": ["a", "c"]}, "tags[1] is not one of ['a', 'b']"),
        ({"name": "Ada", "nickname": "x"}, "* holds what is not allowed"),
        ({"name": "Ada", "friend": {"age": 3}}, "friend.name is required"),
        ({"name": "Ada", "home": {}}, "home.city is required"),
        ("Ada", "* is not of type object"),
    ],
)
def test_what_does_not_fit_is_located(value, problem):
    assert schema_problem(value, PERSON) == problem


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        {"type": "STRING"},
        {"minimum": 7, "pattern": "x"},
        {"type": "string", "nullable": True},
        {"$ref": "https://example.com/elsewhere.json"},
        {"$ref": "#/nowhere"},
    ],
)
def test_what_is_not_understood_is_allowed(schema):
    assert schema_problem(None, schema) is None


def test_further_keywords_that_tools_use():
    assert schema_problem({"a": 1}, {"additionalProperties": {"type": "string"}}) == "* is not of type string"
    assert schema_problem({"ab": 1}, {"patternProperties": {"a": {}}, "additionalProperties": False}) is None
    assert schema_problem(2, {"allOf": [{"type": "integer"}, {"const": 1}]}) == "* is not 1"
    assert schema_problem("x", {"type": ["integer", "null"]}) == "* is not of type integer or null"


@pytest.mark.parametrize(
    "schema",
    [{"$ref": "#"}, {"anyOf": [{"$ref": "#"}] * 3}, {"allOf": [{"$ref": "#"}] * 3}],
)
def test_a_schema_that_refers_to_itself_without_end_ends(schema):
    assert schema_problem(1, schema) is None


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner)))
def test_every_value_has_exactly_the_types_that_accept_it(value):
    names = ["null", "boolean", "integer", "string", "array", "object"]
    assert sum(schema_problem(value, {"type": name}) is None for name in names) == 1


def test_names_that_the_schema_does_not_declare_are_not_repeated():
    schema = {"properties": {"totals": {"additionalProperties": {"type": "integer"}}}}
    assert schema_problem({"totals": {"the secret": "x"}}, schema) == "totals.* is not of type integer"
