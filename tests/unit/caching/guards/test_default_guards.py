"""What all guards promise: symmetry, peace with any text, time in proportion to it, and short reasons."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_plugins.caching.guards.defaults import DEFAULT_GUARDS, first_refusal
from llmops_plugins.caching.guards.guard import Refusal
from tests.timing import least_seconds

WORDS = """
not can't without only why or enable disable turn on off allowed forbidden 5 km 5km miles $20 20 dollars
twenty three half a dozen hundred first second Paris london US us New York Alice iPhone 15 A-113 v2.1 10 am
pm monday in May may from to than better worse cheaper at least most before after , ? . " ' - % \u20ac \u00bd
\u0663 \u4f60\u597d \ufdfa x_y --flag a@b.co II 1/2 24/7 -5 1,000 3.50 M L
"""
TEXTS = st.one_of(st.text(), st.lists(st.sampled_from(WORDS.split()), max_size=25).map(" ".join))
each_guard = pytest.mark.parametrize("guard", DEFAULT_GUARDS, ids=lambda guard: guard.name)


@each_guard
@settings(max_examples=200, deadline=None)
@given(question=TEXTS, stored=TEXTS)
def test_a_guard_refuses_either_way_round_and_in_few_words(guard, question, stored):
    reason, mirrored = guard(question, stored), guard(stored, question)
    assert (reason is None) == (mirrored is None)
    assert reason is None or len(reason) < 140


@each_guard
@settings(max_examples=100, deadline=None)
@given(text=TEXTS)
def test_a_question_is_itself_whatever_its_spacing(guard, text):
    assert guard(text, text) is None
    assert guard(text, f"  {text} ") is None


@each_guard
@pytest.mark.parametrize(
    "part",
    ["a", "1,", '"', "a@", "1-a", "hundred and two ", "Xyzzyx ", "log ", "10:"],
)
def test_the_longest_question_that_is_compared_takes_no_time(guard, part):
    text = part * (2_000 // len(part))  # longer ones are not compared at all
    assert least_seconds(lambda: guard(text, f"{text} Paris 7 not monday cheapest"), 0.5) < 0.5


def test_the_first_guard_that_refuses_is_named():
    found = first_refusal(DEFAULT_GUARDS, "Is order 44 not late?", "Is order 45 late?")
    assert found == Refusal(guard="numbers", reason="'44' is only in the new question")
    assert first_refusal(DEFAULT_GUARDS, "Where is it?", "Where might it be?") is None


def test_a_guard_left_out_is_turned_off():
    others = [guard for guard in DEFAULT_GUARDS if guard.name != "numbers"]
    assert first_refusal(others, "Where is order 44?", "Where is order 45?") is None


def test_every_guard_has_a_name_of_its_own():
    assert [guard.name for guard in DEFAULT_GUARDS] == [
        "numbers",
        "entities",
        "negation",
        "time",
        "comparatives",
        "asking",
        "substitution",
    ]


def test_what_is_too_long_to_be_compared_is_refused():
    assert first_refusal((), "a" * 2_001, "b").guard == "length"
    assert first_refusal((), "a" * 2_000, "b") is None
