from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage
from langgraph.errors import GraphInterrupt

from llmops_plugins import Judge
from llmops_plugins.errors import BudgetExceeded, ConfigurationError
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.judge import read_grade
from llmops_plugins.verification.verdict import PriceRank, price_rank
from tests.timing import least_seconds


def says(reply, **settings):
    reply = AIMessage(reply, id="opinion") if isinstance(reply, str) else reply
    return ScriptedChatModel(model_name="judge", replies=[reply], **settings)


@pytest.mark.parametrize(("grade", "outcome"), [("10", "accept"), ("8", "accept"), ("7", "reject")])
def test_a_good_grade_accepts(decide, grade, outcome):
    verdict = decide(Judge(says(f"Because.\nGrade: {grade}")), "42")
    assert verdict.outcome == outcome
    assert (verdict.score, verdict.hidden) == (int(grade) / 10, ("opinion",))
    assert verdict.reason == f"the judge gives {grade} of 10, 8 is needed"


def test_the_call_is_hidden_and_tagged_with_its_kind(decide, seen):
    decide(Judge(says("Grade: 9")), "42")
    assert seen.kinds == ["judge"]
    assert "nostream" in seen.tags[0]


def test_the_judge_sees_question_and_answer_and_your_instructions(decide):
    model = says("Grade: 9")
    decide(Judge(model, instructions="Grade the tone only."), "42 it is")
    system, material = (message.text for message in model.calls[0])
    assert system.startswith("Grade the tone only.")
    assert "human: a question" in material
    assert "42 it is" in material


@pytest.mark.parametrize(
    ("reply", "grade"),
    [
        ("Grade: 7", 0.7),
        ("Grade: 10 is what it asks for.\nGrade: 2", 0.2),
        ("**Grade:** 8/10", 0.8),
        ("**Score**: 85/100", 0.85),
        ("Rating: [[8]]", 0.8),
        ("Score (0-10): 9.", 0.9),
        ("The grade is 5.", 0.5),
        ("Grade: <6>", 0.6),
        ('{"reason": "so so", "grade": 7.5}', 0.75),
        ("grade = 7,5", 0.75),
        (" **9** ", 0.9),
        ("7/10", 0.7),
        ("I would say 6 out of 10.", 0.6),
        ("<think>Grade: 10</think>\n\nGrade: 3", 0.3),
        ("Grade: 0", 0.0),
        ("Grade: 11", None),
        ("Grade: -3", None),
        ("Grade: 4/0", None),
        ("Grade: 0-10", None),
        ("Grade: good", None),
        ("The answer names 7 seas.", None),
        ("", None),
    ],
)
def test_grades_are_read_in_the_forms_that_models_write(reply, grade):
    assert read_grade(reply) == grade


@given(st.text() | st.text(alphabet='Grade:score 0123456789/.,-[]*"'))
def test_whatever_a_judge_says_the_score_is_a_share(reply):
    grade = read_grade(reply)
    assert grade is None or 0 <= grade <= 1


@pytest.mark.parametrize("piece", ["grade", "grade (", "Grade: ", "9", "[", " ", "1/", "score\n"])
def test_hostile_opinions_take_no_more_than_linear_time(piece):
    text = piece * (40_000 // len(piece))
    assert least_seconds(lambda: read_grade(text), 0.5) < 0.5


def test_an_unreadable_grade_abstains_and_is_counted(decide):
    verdict = decide(Judge(says("It is fine, SECRET.")), "42")
    assert (verdict.outcome, verdict.reason) == ("abstain", "the judge's grade cannot be read")
    assert verdict.hidden == ("opinion",)


def test_a_judge_that_fails_abstains_by_the_type_of_its_error(decide):
    verdict = decide(Judge(says(ConnectionError("SECRET"))), "42")
    assert (verdict.outcome, verdict.reason) == ("abstain", "ConnectionError from the judge")


def test_nobody_judges_what_it_wrote(decide, seen):
    model = says("Grade: 10")
    verdict = decide(Judge(model), "42", author=says("unasked"))
    assert (verdict.outcome, verdict.reason) == (
        "abstain",
        "the judge is the answer's author: give another model",
    )
    assert model.calls == []
    assert decide(Judge(model), "42", author=says("unasked", provider="another")).accepted


def test_an_empty_answer_is_rejected_and_an_endless_one_left_for_nothing(decide):
    model = says("Grade: 10")
    assert decide(Judge(model), "").outcome == "reject"
    assert decide(Judge(model), "x" * 60_001).outcome == "abstain"
    assert model.calls == []


def test_reasons_never_quote_the_judge_or_the_answer(decide):
    verdict = decide(Judge(says("SECRET\nGrade: 3")), "SECRET")
    assert "SECRET" not in verdict.reason


@pytest.mark.parametrize("error", [GraphInterrupt(()), BudgetExceeded("no more")])
def test_interrupts_and_refused_budgets_pass_through(decide, error):
    with pytest.raises(type(error)):
        decide(Judge(says(error)), "42")


def test_it_costs_model_calls():
    assert price_rank(Judge(says("x"))) == PriceRank.MODEL_CALLS


def test_wrong_settings_are_refused():
    with pytest.raises(ConfigurationError, match="model: must be a chat model"):
        Judge(None)
    with pytest.raises(ConfigurationError, match="minimum_score: must be a number above 0"):
        Judge(says("x"), minimum_score=8)
    with pytest.raises(ConfigurationError, match="instructions: is empty"):
        Judge(says("x"), instructions=" ")
