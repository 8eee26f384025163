from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins import Agreement, choice_answer, json_field, normalized_text, number_answer
from llmops_plugins.errors import ConfigurationError
from tests.timing import least_seconds

EVERY = [number_answer, choice_answer, normalized_text, json_field("answer")]


@pytest.mark.parametrize(
    ("reply", "number"),
    [
        ("0.75", "3/4"),
        ("The answer is \\frac{6}{8}.", "3/4"),
        ("#### $1,200.00", "1200"),
        ("First 3 and 4.\nThat makes 7 in 2 days, or -5 in all.", "-5"),
        ("So it makes $1,200.00 in all.", "1200"),
        ("There are 42 of them!", "42"),
        ("It grew by -5.", "-5"),
        ("That is 3/4 of it.", "3/4"),
        ("It is due on 3/4/2026.", None),
        ("I do not know.", None),
        ("3 million", None),
        ("There are 3 million of them.", None),
        ("It is more than 42.", None),
        ("It isn't 42.", None),
        ("It is COVID-19.", None),
        ("It is the 5th.", None),
        ("Of 7 there are 3 left.", None),
        ("Paris", None),
        ("1/0", None),
        ("", None),
    ],
)
def test_a_number_is_one_answer_however_it_is_written(reply, number):
    assert number_answer(reply) == number


@given(st.integers(-(10**30), 10**30), st.integers(0, 6))
def test_a_number_keeps_its_value(number, zeros):
    assert number_answer(f"The answer is {number}") == str(number)
    assert number_answer(f"{number}.{'0' * zeros}") == str(number)


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ("B", "b"),
        ("B. Paris", "b"),
        ("**B.** Paris", "b"),
        ("Option B: Paris\n\nIt is the capital.", "b"),
        ("b) Paris, since A is no capital", "b"),
        ('{"answer": "B"}', "b"),
        ("Paris is a capital.\nThe answer is (B).", "b"),
        ("A. Rome\nB. Paris", None),
        ("A man walked home.", None),
        ("Paris", None),
        ("K. Paris", None),
        ("", None),
    ],
)
def test_a_choice_is_its_letter(reply, letter):
    assert choice_answer(reply) == letter


def test_text_is_compared_without_case_punctuation_articles_and_breaks():
    assert normalized_text("The refund\n\nwas  **granted**!") == normalized_text("refund was granted")
    assert normalized_text("refund granted") != normalized_text("refund not granted")
    assert normalized_text(" \n ") is None


@pytest.mark.parametrize(
    ("path", "reply", "answer"),
    [
        ("total", '{"total": "12.50"}', "12.5"),
        ("total", '{"total": 12.5}', "12.5"),
        ("order.total", 'So:\n```json\n{"order": {"total": 12.50}}\n```', "12.5"),
        ("items.1.sku", '{"items": [{"sku": "x"}, {"sku": "Blue"}]}', "blue"),
        ("ok", '{"ok": true}', "true"),
        ("tags", '{"tags": ["a", 1.0]}', "['a', 1]"),
        ("total", '{"total": null}', None),
        ("total", '{"total": ""}', None),
        ("total", "{}", None),
        ("order.total", '{"order": 3}', None),
        ("items.7", '{"items": []}', None),
        ("total", "the total is 3", None),
    ],
)
def test_a_json_field_is_found_by_its_path(path, reply, answer):
    assert json_field(path)(reply) == answer


@pytest.mark.parametrize("name", ["", "a.", ".a", "a..b", None])
def test_an_empty_path_is_refused(name):
    with pytest.raises(ConfigurationError, match="name: must be a field's name"):
        json_field(name)


@pytest.mark.parametrize("extract", EVERY)
@given(st.text() | st.text(alphabet="{}[]\"':answer #$.,0123\n()AB/"))
def test_any_text_is_read_without_an_exception(extract, text):
    answer = extract(text)
    assert answer is None or answer


@pytest.mark.parametrize("extract", EVERY)
@pytest.mark.parametrize("piece", ["```\n", "[", '{"a":', "9", "B.\n", "(", "* ", "1/", "the a "])
def test_hostile_text_takes_no_more_than_linear_time(extract, piece):
    text = piece * (40_000 // len(piece))
    assert least_seconds(lambda: extract(text), 0.5) < 0.5


@pytest.mark.parametrize(
    ("extract", "one", "other"),
    [
        (number_answer, "0.5 litres", "The answer is 1/2"),
        (choice_answer, "B. Paris", "The answer is B."),
        (normalized_text, "Refund granted.", "refund granted"),
        (json_field("sum"), '{"sum": 3, "why": "x"}', '{"sum": "3.0"}'),
    ],
)
def test_they_serve_agreement(judge, extract, one, other):
    assert judge(Agreement(extract=extract), one, other).accepted
    assert judge(Agreement(extract=extract), one, "no idea").outcome == "reject"
