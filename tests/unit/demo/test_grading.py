import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.demo.grading import grade
from llmops_plugins.errors import ConfigurationError


@pytest.mark.parametrize(
    ("answer", "fact"),
    [
        ("The total is $1,229.00.", "$1229.00"),
        ("That makes 1229 dollars", "$1229.00"),
        ("USD 54.5 in all", "$54.50"),
        ("It costs US$54.", "$54.00"),
        ("We have the JUNIPER desk\nlamp", "Juniper Desk Lamp"),
        ("Voyage Carry\u2011On Suitcase", "Voyage Carry-On Suitcase"),
        ("It is shipped.", "shipped"),
        ("Until 2026-03-30.", "2026-03-30"),
        ("You bought 3 x Drift", "3"),
        ("a 2-year warranty", "2-year"),
    ],
)
def test_a_fact_is_found_however_it_is_spelled(answer, fact):
    assert grade(answer, [fact])


@pytest.mark.parametrize(
    ("answer", "fact"),
    [
        ("You paid $159.98", "$59.98"),
        ("You paid $59.98", "$59"),
        ("Order A1033", "3"),
        ("It came on 2026-03-20", "20"),
        ("It costs $20", "20"),
        ("It takes 30 days", "$30.00"),
        ("We know nothing", "no"),
        ("It was unshipped", "shipped"),
        ("", "yes"),
    ],
)
def test_a_fact_inside_another_one_does_not_count(answer, fact):
    assert not grade(answer, [fact])


def test_every_fact_is_needed():
    assert grade("Yes, until 2026-03-30", ["yes", "2026-03-30"])
    assert not grade("Yes, until 2026-03-31", ["yes", "2026-03-30"])


def test_a_request_without_facts_cannot_be_graded():
    with pytest.raises(ConfigurationError, match="must_contain"):
        grade("anything", [])


@given(cents=st.integers(0, 10**8), other=st.integers(0, 10**8))
def test_amounts_are_compared_to_the_cent(cents, other):
    plain, spelled = f"${cents / 100:.2f}", f"That is ${cents / 100:,.2f}, all included."
    assert grade(spelled, [plain])
    assert grade(spelled, [f"${other / 100:.2f}"]) == (cents == other)
