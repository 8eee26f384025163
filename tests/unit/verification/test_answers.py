from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.verification.answers import extract_answer
from tests.timing import least_seconds


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ('{"reasoning": "6 * 7", "answer": "42"}', "42"),
        ('{"answer": 42.0}', "42"),
        ('{"final_answer": [1,2]}', "[1, 2]"),
        ('{"Answer": true}', "true"),
        ('Here it is:\n```json\n{"reasoning": "x",\n "answer": "42"}\n```\nI hope this helps!', "42"),
        ('{"reasoning": "an unescaped\nline and 7 others", "answer": "42"}', "42"),
        ('{"answer": "42", "reasoning": "cut off at 7', "42"),
        ('{"reasoning": "x", "answer": "42"', "42"),
        ('{"reasoning": "x", "answer": "42', "42"),
        ('{"reasoning": "x", "answer": "["a", "b"]"}', "['a', 'b']"),
        ("{'reasoning': 'x', 'answer': 'Paris', 'n': 7}", "paris"),
        ('{"answer": (1, 2)}', "(1, 2)"),
        ('{"answer": 42 apples,}', "42"),
        (r'{"reasoning": "not \"answer\": 7", "answer": "42"}', "42"),
    ],
)
def test_a_json_field_is_read_even_where_the_json_is_broken(reply, answer):
    assert extract_answer(reply) == answer


@pytest.mark.parametrize("reply", ['{"answer": ""}', '{"reasoning": "7", "answer": null}'])
def test_an_empty_field_is_no_answer_whatever_else_the_reply_holds(reply):
    assert extract_answer(reply) is None


def test_several_fields_are_one_answer_only_together():
    one = '[{"answer": "4"}, {"answer": "5"}]'
    other = '[{"answer": "6"}, {"answer": "5"}]'
    assert extract_answer(one) != extract_answer(other)
    assert extract_answer('{"answer": "5"}\nAgain: {"answer": 5}') == "5"


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("6 * 7 = 42\n#### 42", "42"),
        ("so the area is \\boxed{\\frac{3}{4}} then, of 7", "3/4"),
        ("The answer is 42. I checked it 7 times.", "42"),
        ("After 7 steps:\n**Answer:** $42", "42"),
        ("**Final answer**: 3.5 litres", "3.5"),
        ("The correct answer is (B) because 7 > 6.", "b"),
        ("Answer: B. The moon pulls at 7 seas.", "b"),
        ("The best option is **C**.", "c"),
        ("The answer to the second question is: Dr. Brown", "dr brown"),
        ("Answer: Yes. All 7 of them.", "yes"),
        (
            "The answer is 42, which I reached in a moment.\nThe answer is correct.",
            "42 which i reached in moment",
        ),
    ],
)
def test_a_stated_answer_is_found_among_other_numbers(reply, answer):
    assert extract_answer(reply) == answer


def test_a_json_field_outranks_a_mark_and_a_mark_outranks_a_statement():
    assert extract_answer('The answer is 1.\n{"answer": 3}\n#### 2') == "3"
    assert extract_answer("The answer is 1.\n#### 2") == "2"
    assert extract_answer("\\boxed{2}, so the answer is 1.") == "2"


def test_a_heading_is_not_a_mark():
    assert extract_answer("#### Conclusion\nThe answer is 42.") == "42"


@pytest.mark.parametrize(
    "reply", ["B", "(B)", "B.", "**B**", "['B']", "B) the moon", "B\n\nThe moon pulls at 7 seas."]
)
def test_a_chosen_option_is_its_letter(reply):
    assert extract_answer(reply) == "b"


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("The Pacific.", "pacific"),
        ("$1,200", "1200"),
        ("First 3 and 4.\nThat makes 7 in 2 days, or $1,200 in all.", "1200"),
        ("There are many.\n\nThe Pacific\n\nLet me know if you need 3 more!", None),
    ],
)
def test_without_a_mark_a_short_reply_or_the_end_of_a_long_one_answers(reply, answer):
    assert extract_answer(reply) == answer


@pytest.mark.parametrize("reply", ["", " \n\t", "**"])
def test_an_empty_reply_holds_no_answer(reply):
    assert extract_answer(reply) is None


@given(st.text() | st.text(alphabet="{}[]\"'\\:answer is#$boxed1,.*\n ()AB"))
def test_any_text_is_read_without_an_exception(text):
    answer = extract_answer(text)
    assert answer is None or answer


@pytest.mark.parametrize(
    "piece",
    [
        '{"answer": [',
        '"answer": "',
        "answer to " + " " * 50,
        "answer: ",
        "\\boxed{",
        "\\text{",
        "(",
        "[[",
        "**a",
        "}",
        '"answer": 1}',
        "#### ",
        "1,111",
        "the a ",
        "A) ",
        "'",
        "$",
        "\\frac{",
        "let me know ",
        "Dr. ",
        "9" * 50,
        "{,}",
    ],
)
def test_hostile_text_takes_no_more_than_linear_time(piece):
    text = piece * (40_000 // len(piece))
    assert least_seconds(lambda: extract_answer(text), 0.5) < 0.5


def test_prose_that_denies_does_not_agree_with_prose_that_grants():
    start = "Let me look at the policy for this order and at when it was delivered.\n"
    granted = extract_answer(start + "Yes, it can be returned within 30 days.")
    denied = extract_answer(start + "No, it cannot be returned within 30 days.")
    assert granted != denied
