"""A user's extractor may fail in any way but one: what must never be swallowed passes through it."""

import numpy as np
import pytest
from langchain_core.messages import AIMessage
from langgraph.errors import GraphInterrupt

from llmops_plugins.cascade.acceptance import extracted
from llmops_plugins.cascade.traffic import read_traffic
from llmops_plugins.effects import NEVER_SWALLOWED
from llmops_plugins.errors import BudgetExceeded
from llmops_plugins.models.prices import PriceBook
from llmops_plugins.records.reading import Record, RecordedResponse
from llmops_plugins.verification.comparable import answer_or_none
from llmops_plugins.verification.scorer_features import text_values
from llmops_plugins.verification.self_consistency import SelfConsistency

VETOES = (BudgetExceeded("no"), GraphInterrupt())


def raises(error):
    def extract(text):
        raise error

    return extract


def test_an_answer_is_what_the_extractor_finds():
    assert answer_or_none(str.upper, "a") == "A"
    assert answer_or_none(lambda text: None, "a") is None


@pytest.mark.parametrize("error", [ValueError("no"), KeyError(), RecursionError(), ZeroDivisionError()])
def test_a_failure_is_no_answer(error):
    assert answer_or_none(raises(error), "a") is None


@pytest.mark.parametrize("error", [*VETOES, KeyboardInterrupt()])
def test_interrupts_and_vetoes_are_no_failure(error):
    with pytest.raises(type(error)):
        answer_or_none(raises(error), "a")


def test_the_two_are_what_nobody_may_swallow():
    assert all(isinstance(error, NEVER_SWALLOWED) for error in VETOES)
    assert not isinstance(ValueError(), NEVER_SWALLOWED)


def calibrating(extract):
    answer = RecordedResponse(text="4", score=1.0, cost_usd=0.1)
    row = Record(line=1, record_id="1", prompt="2 + 2?", responses={"a": answer})
    traffic, _ = read_traffic([row], PriceBook(), extract)
    return traffic.facts[0][0].answer


def accepting(extract):
    return extracted(AIMessage("4"), extract)


def fitting(extract):
    with_it, without = text_values("2 + 2?", ["4"], extract), text_values("2 + 2?", ["4"], lambda text: None)
    return None if np.array_equal(with_it, without) else "4"


@pytest.mark.parametrize("use", [calibrating, accepting, fitting])
@pytest.mark.parametrize("error", VETOES)
def test_wherever_an_extractor_is_used_a_veto_passes_and_a_failure_is_no_answer(use, error):
    assert use(lambda text: text) == "4"
    assert use(raises(ValueError("no"))) is None
    with pytest.raises(type(error)):
        use(raises(error))


@pytest.mark.parametrize("error", VETOES)
def test_self_consistency_is_no_exception(decide, error):
    assert decide(SelfConsistency(extract=raises(ValueError("no"))), "42").outcome == "reject"
    with pytest.raises(type(error)):
        decide(SelfConsistency(extract=raises(error)), "42")
