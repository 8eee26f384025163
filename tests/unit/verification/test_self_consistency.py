from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage
from langgraph.errors import GraphInterrupt

from llmops_plugins import SelfConsistency
from llmops_plugins.errors import BudgetExceeded, ConfigurationError
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.verdict import PriceRank, price_rank


class Tempered(ScriptedChatModel):
    """A scripted model that can be told its temperature."""

    temperature: float | None = None


def author(*replies, **settings):
    return Tempered(model_name="author", replies=list(replies), **settings)


def numbered(*texts):
    return [AIMessage(text, id=f"sample-{number}") for number, text in enumerate(texts, 1)]


@pytest.mark.parametrize(
    ("samples", "outcome", "score"),
    [
        (["42", "The answer is 42.", "Answer: 42", "41"], "accept", 0.8),
        (["42", "The answer is 42.", "40", "41"], "reject", 0.6),
        (["40", "40", "40", "40"], "reject", 0.2),
        (["42", "42", "", "42"], "accept", 0.8),
    ],
)
def test_the_share_of_samples_with_the_replys_answer_decides(decide, samples, outcome, score):
    model = author(*samples)
    verdict = decide(SelfConsistency(samples=4, minimum_share=0.8), "The answer is 42.", author=model)
    assert (verdict.outcome, verdict.score) == (outcome, score)
    assert verdict.reason == f"{round(score * 5)} of 5 samples agree"


def test_the_author_is_asked_the_same_again_and_every_sample_is_hidden(decide, seen):
    model = author(*numbered("42", "41", "42"))
    verdict = decide(SelfConsistency(samples=3), "42", author=model)
    assert sorted(verdict.hidden) == ["sample-1", "sample-2", "sample-3"]
    assert [[message.text for message in call] for call in model.calls] == [["a question"]] * 3
    assert all("nostream" in tags for tags in seen.tags)
    assert len(seen.tags) == 3


def test_a_failed_sample_counts_as_disagreement(decide):
    model = author("42", ConnectionError("down"))
    verdict = decide(SelfConsistency(samples=2, minimum_share=0.6), "42", author=model)
    assert verdict.outcome == "accept"
    assert (verdict.score, verdict.reason) == (pytest.approx(2 / 3), "2 of 3 samples agree, 1 failed")
    assert not decide(SelfConsistency(samples=2), "42", author=author(ConnectionError("down"))).accepted


def test_a_reply_without_an_answer_is_refused_for_nothing(decide):
    model = author("42")
    verdict = decide(SelfConsistency(), "", author=model)
    assert (verdict.outcome, verdict.reason) == ("reject", "the reply holds no answer to compare")
    assert model.calls == []


def test_at_temperature_zero_it_is_blind_and_says_so_for_nothing(decide):
    model = author("42", temperature=0.0)
    verdict = decide(SelfConsistency(), "42", author=model)
    assert (verdict.outcome, verdict.reason) == ("abstain", "at temperature 0 samples cannot differ")
    assert model.calls == []
    assert decide(SelfConsistency(), "42", author=model, model_settings={"temperature": 1}).accepted
    settings = {"temperature": 0}
    assert decide(SelfConsistency(), "42", author=author("42"), model_settings=settings).outcome == "abstain"


def test_tool_calls_are_compared_as_calls(decide):
    def calling(**arguments):
        return AIMessage("", tool_calls=[{"name": "search", "args": arguments, "id": "1"}])

    verify = SelfConsistency(samples=1, minimum_share=1)
    assert decide(verify, calling(a=1, b=2), author=author(calling(b=2, a=1))).accepted
    assert not decide(verify, calling(a=1), author=author(calling(a=2))).accepted


def test_reasons_never_quote_an_answer(decide):
    verdict = decide(SelfConsistency(), "the code is 7315", author=author("the code is 7316"))
    assert "731" not in verdict.reason


def test_another_way_to_find_the_answer_can_be_given(decide):
    verify = SelfConsistency(samples=1, minimum_share=1, extract=lambda text: text.split()[0])
    assert decide(verify, "yes indeed", author=author("yes of course")).accepted
    verdict = decide(verify, "yes indeed", author=author(" "))  # where extract raises
    assert verdict.score == 0.5
    assert decide(verify, " ", author=author("yes")).outcome == "reject"


@pytest.mark.parametrize("error", [GraphInterrupt(()), BudgetExceeded("no more")])
def test_interrupts_and_refused_budgets_pass_through(decide, error):
    def raises(text):
        raise error

    with pytest.raises(type(error)):
        decide(SelfConsistency(), "42", author=author(error))
    with pytest.raises(type(error)):
        decide(SelfConsistency(extract=raises), "42", author=author("42"))


def test_it_costs_model_calls():
    assert price_rank(SelfConsistency()) == PriceRank.MODEL_CALLS


@pytest.mark.parametrize("samples", [0, -1, 41, 2.5])
def test_a_wrong_number_of_samples_is_refused(samples):
    with pytest.raises(ConfigurationError, match="samples: must be a whole number from 1 to 40"):
        SelfConsistency(samples=samples)


@pytest.mark.parametrize("share", [0, 1.2, "most"])
def test_a_wrong_share_is_refused(share):
    with pytest.raises(ConfigurationError, match="minimum_share: must be a number above 0"):
        SelfConsistency(minimum_share=share)
