"""What a filter lets through."""

import pytest

from llmops_plugins.storage.item_filters import check_filter, matches, needle_of, to_json

VALUE = {
    "n": 4.5,
    "text": "2026-03-01",
    "digits": "12",
    "flag": True,
    "none": None,
    "tags": ["a", "b"],
    "user": {"access-level": "nested", "age": 3},
    "user.name": "literal",
}


@pytest.mark.parametrize(
    "conditions",
    [
        {},
        {"n": 4.5, "flag": True},
        {"n": {"$gt": 4, "$lt": 5}},
        {"n": {"$gte": 4.5}},
        {"n": {"$lt": float("inf")}},
        {"n": {"$lt": 10**400}},
        {"digits": {"$gt": 9}},
        {"text": {"$gte": "2026-02-01"}},
        {"text": {"$ne": "x"}},
        {"none": None},
        {"missing": None},
        {"missing": {"$ne": 1}},
        {"tags": ["a", "b"]},
        {"user": {"age": 3}},
        {"user.access-level": "nested"},
        {"user.age": {"$lte": 3}},
        {"user.name": "literal"},
        {"n": {"$eq": 4.5}},
    ],
)
def test_a_value_that_meets_every_condition_passes(conditions):
    check_filter(conditions)
    assert matches(VALUE, conditions)
    needle = needle_of(conditions)
    assert needle is None or needle in to_json(VALUE)


@pytest.mark.parametrize(
    "conditions",
    [
        {"n": 4.5, "flag": False},
        {"n": {"$gt": 4, "$lt": 4.2}},
        {"n": {"$eq": float("nan")}},
        {"missing": {"$gt": 0}},
        {"none": {"$lt": 1}},
        {"text": {"$gt": 3}},
        {"tags": ["a"]},
        {"tags": "a"},
        {"user": {"age": 4}},
        {"user.age.x": 3},
        {"n": {"x": 1}},
    ],
)
def test_a_value_that_misses_one_condition_does_not(conditions):
    assert not matches(VALUE, conditions)


@pytest.mark.parametrize("key", ["a'b", 'a"', "a[0]", "", "$.a"])
def test_a_key_that_is_no_fields_name_is_refused(key):
    with pytest.raises(ValueError, match="Invalid filter key"):
        check_filter({key: 1})


def test_an_unknown_operator_is_refused():
    with pytest.raises(ValueError, match=r"Unsupported operator: \$in"):
        check_filter({"n": {"$in": [1]}})


def test_quotes_and_other_alphabets_in_text_are_found():
    value = {"größe": 'O\'Brien said "ü"'}
    assert needle_of(value) in to_json({"other": 1, **value})
