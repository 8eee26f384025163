from __future__ import annotations

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.verification.canonical import canonical_answer

LITERALS = st.recursive(
    st.booleans() | st.none() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("1234.50", "1234.5"),
        ("$1,234.50", "1234.5"),
        ("-$5", "-5"),
        ("$-5", "-5"),
        ("70000.0", "70000"),
        ("7e4", "70000"),
        (".5", "0.5"),
        ("50%", "50"),
        ("12 apples", "12"),
        ("12 km/h", "12"),
        ("12 square metres", "12"),
        ("€12 per day", "12"),
        ("**12**", "12"),
        ("12.", "12"),
        ("-0", "0"),
        ("\N{MINUS SIGN}3", "-3"),
        (r"\$1{,}234", "1234"),
        (r"\(12\text{ cm}\)", "12"),
        (r"\frac{3}{4}", "3/4"),
    ],
)
def test_a_number_loses_how_it_is_written(written, canonical):
    assert canonical_answer(written) == canonical


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3 am", "3 pm"),
        ("3 million", "3 thousand"),
        ("5 or more", "5"),
        ("1,23", "123"),
        ("007", "7"),
        ("3 of 7", "3"),
        ("12345678901234567890123456789012345678901", "12345678901234567890123456789012345678902"),
        ("E. coli", "E. faecalis"),
        ("usAr", "USaR"),
        ("a+b", "a-b"),
        ("'two  spaces'", "'two spaces'"),
        ("[1, '2']", "[1, 2]"),
        ("(1, 2)", "[1, 2]"),
        ("(A) and (C)", "(A) and (D)"),
    ],
)
def test_answers_that_may_mean_different_things_stay_apart(one, other):
    assert canonical_answer(one) != canonical_answer(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("'a b'", '"a b"'),
        ("'abc'", "abc"),
        ("[1,2]", "[1, 2]"),
        ("['x', 1.0]", '["x", 1]'),
        ("{'b': 1, 'a': 2}", '{"a": 2, "b": 1}'),
        ("[True, None]", "[true, null]"),
        ("True", "true"),
        ("{3, 1}", "{1, 3}"),
    ],
)
def test_literals_are_compared_by_value(one, other):
    assert canonical_answer(one) == canonical_answer(other)


@pytest.mark.parametrize(
    "written", ["D", "d", "(D)", "D.", "**D**", "['D']", "D) the moon", "Option D", r"$D$", "D:"]
)
def test_the_choice_of_an_option_is_its_letter(written):
    assert canonical_answer(written) == "d"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The Eiffel Tower.", "eiffel tower"),
        ("YES!", "yes"),
        ("Twenty-one", "twenty one"),
        ("**Paris**, France", "Paris (France)"),
        ("\N{LEFT DOUBLE QUOTATION MARK}Paris\N{RIGHT DOUBLE QUOTATION MARK}", "Paris"),
    ],
)
def test_prose_loses_case_punctuation_and_articles(one, other):
    assert canonical_answer(one) == canonical_answer(other)


@pytest.mark.parametrize("written", ["", "  ", "**", "``"])
def test_nothing_is_no_answer(written):
    assert canonical_answer(written) is None


@given(st.integers(min_value=-(10**60), max_value=10**60))
def test_an_integer_is_itself_with_and_without_separators(number):
    assert canonical_answer(str(number)) == canonical_answer(f"{number:,}") == str(number)


@given(st.lists(LITERALS, min_size=2, max_size=3), st.lists(LITERALS, min_size=2, max_size=3))
def test_lists_are_equal_exactly_when_they_print_alike(one, other):
    assert canonical_answer(repr(one)) == canonical_answer(f" {one!r}\n")
    if canonical_answer(repr(one)) == canonical_answer(repr(other)):
        assert one == other


@given(st.text(alphabet="[](){}'\"\\0123456789.,:abN xTrue+-", max_size=60))
def test_no_text_warns_on_the_users_console(text):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        canonical_answer(text)
