import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.cli.render import literal, percent, usd


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (None, "unknown"),
        (0, "$0"),
        (-0.0, "$0"),
        (1234.5, "$1,234.50"),
        (12.34567, "$12.3457"),
        (0.012345678, "$0.012346"),
        (-0.5, "-$0.5000"),
        (0.00000012, "$1e-07"),
        (-0.00000012, "-$1e-07"),
    ],
)
def test_amounts_have_the_digits_they_need(amount, shown):
    assert usd(amount) == shown


def test_a_partial_amount_is_marked_and_an_unknown_one_is_unknown_all_the_same():
    assert usd(1.0, partial=True) == "$1.0000*"
    assert usd(None, partial=True) == "unknown"


@given(st.floats(min_value=1e-12, max_value=1e9))
def test_something_never_looks_like_nothing(amount):
    assert any(digit in usd(amount) for digit in "123456789")


@pytest.mark.parametrize(("share", "shown"), [(None, "unknown"), (0.0, "0.0%"), (0.1234, "12.3%")])
def test_shares(share, shown):
    assert percent(share) == shown


@given(st.text())
def test_a_literal_is_one_printable_line_of_the_same_length(text):
    assert literal(text).isprintable()
    assert len(literal(text)) == len(text)
