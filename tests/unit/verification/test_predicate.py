from __future__ import annotations

import functools

import pytest
from langgraph.errors import GraphInterrupt

from llmops_plugins.errors import BudgetExceeded, ConfigurationError
from llmops_plugins.verification.predicate import Predicate


def is_short(message):
    return len(message.text) < 10


def test_true_accepts_and_false_rejects_in_the_functions_name(judge):
    assert judge(Predicate(is_short), "brief").outcome == "accept"
    verdict = judge(Predicate(is_short), "far too long an answer")
    assert (verdict.outcome, verdict.reason) == ("reject", "is_short said no")


def test_a_name_replaces_the_functions_own(judge):
    assert judge(Predicate(lambda message: True, name="brevity"), "x").reason == "brevity said yes"


@pytest.mark.parametrize(("accepted", "outcome"), [(True, "accept"), (False, "reject")])
def test_a_pair_brings_its_own_reason(judge, accepted, outcome):
    verdict = judge(Predicate(lambda message: (accepted, "12 words"), name="brevity"), "x")
    assert (verdict.outcome, verdict.reason) == (outcome, "brevity: 12 words")


def test_a_function_of_two_arguments_is_given_the_request(judge):
    repeats = Predicate(lambda message, request: message.text == request.messages[-1].text, name="repeats")
    assert judge(repeats, "a question").accepted
    assert not judge(repeats, "an answer").accepted


def test_an_argument_with_a_default_is_the_users_own(judge):
    def is_under(message, limit=3):
        return len(message.text) < limit

    assert not judge(Predicate(is_under), "four").accepted
    assert judge(Predicate(functools.partial(is_under, limit=5)), "four").accepted


def test_only_the_first_reply_is_judged(judge):
    assert judge(Predicate(is_short), "brief", "far too long an answer").accepted


def test_an_exception_rejects_and_is_named(judge):
    def breaks(message):
        raise KeyError("total")

    verdict = judge(Predicate(breaks), "x")
    assert verdict.outcome == "reject"
    assert verdict.reason == "breaks raised KeyError"


@pytest.mark.parametrize("error", [GraphInterrupt(()), BudgetExceeded("spent")])
def test_interrupts_and_refused_budgets_pass_through(judge, error):
    def stops(message):
        raise error

    with pytest.raises(type(error)):
        judge(Predicate(stops), "x")


def test_a_coroutine_does_not_pass_for_true(judge):
    async def later(message):
        return False

    verdict = judge(Predicate(lambda message: later(message)), "x")
    assert verdict.outcome == "reject"
    assert "coroutine" in verdict.reason


async def asynchronous(message):
    return True


class AsynchronousCallable:
    async def __call__(self, message):
        return True


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (asynchronous, "is asynchronous"),
        (AsynchronousCallable(), "is asynchronous"),
        (lambda: True, "must take"),
        (lambda message, request, other: True, "must take"),
        (lambda message, *, other: True, "must take"),
        ("a string", "is not callable"),
    ],
)
def test_a_function_that_cannot_be_called_so_is_refused_when_built(function, problem):
    with pytest.raises(ConfigurationError, match=f"function: {problem}"):
        Predicate(function)
