"""The cascade's decisions, with replies sent by hand: a flow does no I/O."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain.agents.middleware.types import ModelRequest, ModelResponse
from langchain_core.messages import AIMessage, HumanMessage

from llmops_plugins.cascade.flow import Tier, cascade, shadow_cascade
from llmops_plugins.flow import CallModel, Emit, Forward, Gather, ModelReply
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.escalation import ByVerifier
from llmops_plugins.verification.verdict import Verdict

SMALL, MEDIUM, LARGE = (
    ScriptedChatModel(replies=["x"], model_name=name) for name in ("small", "medium", "large")
)
TIERS = [Tier(models=(SMALL,)), Tier(models=(MEDIUM,)), Tier(models=(LARGE,))]
REQUEST = ModelRequest(model=LARGE, messages=[HumanMessage("question")])


def reply(text, message_id):
    usage = {"input_tokens": 100, "output_tokens": 7, "total_tokens": 107}
    return ModelResponse(result=[AIMessage(text, id=message_id, usage_metadata=usage)])


def verdicts(*outcomes):
    remaining = iter(outcomes)

    def verify(request, replies):
        yield from ()
        return Verdict(outcome=next(remaining), reason="because")

    return ByVerifier(verify)


def drive(flow, *answers):
    """Send an answer for each effect but Emit; return the effects, the decision and the result."""
    effects, decision, answers = [], None, list(answers)
    outcome = None
    while True:
        try:
            effect = flow.send(outcome)
        except StopIteration as stop:
            return effects, decision, stop.value
        effects.append(effect)
        if isinstance(effect, Emit):
            decision, outcome = effect.decision, None
        else:
            outcome = answers.pop(0)


def models_of(effect):
    return [forward.request.model.model_name for forward in effect.effects]


def test_a_verified_cheap_answer_is_the_answer_and_no_other_model_is_asked():
    cheap = reply("cheap", "a")
    effects, decision, result = drive(cascade(REQUEST, TIERS, verdicts("accept")), cheap)
    assert result is cheap
    assert [type(effect) for effect in effects] == [Forward, Emit]
    assert effects[0].request.model is SMALL
    assert (decision.outcome, decision.returned, decision.rejected) == ("accepted", "a", ())


def test_cheap_answers_are_held_and_only_the_last_tier_may_stream():
    effects, _, _ = drive(
        cascade(REQUEST, TIERS, verdicts("reject", "reject")),
        reply("a", "a"),
        reply("b", "b"),
        reply("c", "c"),
    )
    asked = [effect for effect in effects if isinstance(effect, Forward)]
    assert [forward.live for forward in asked] == [False, False, True]
    assert asked[-1].request.model is LARGE


def test_an_escalation_names_every_reply_that_was_paid_for_and_thrown_away():
    _, decision, result = drive(
        cascade(REQUEST, TIERS, verdicts("reject", "reject")),
        reply("a", "a"),
        reply("b", "b"),
        reply("c", "c"),
    )
    assert result.result[0].id == "c"
    assert (decision.outcome, decision.returned, decision.rejected) == ("escalated", "c", ("a", "b"))
    assert decision.avoided is None


def test_what_is_avoided_is_the_own_models_call_for_the_accepted_tokens_and_marked_an_estimate():
    _, decision, _ = drive(
        cascade(REQUEST, TIERS, verdicts("reject", "accept")), reply("a", "a"), reply("b", "b")
    )
    avoided = decision.avoided
    assert (avoided.model, avoided.provider, avoided.basis) == ("large", "scripted", "estimated")
    assert (avoided.input_tokens, avoided.output_tokens) == (100, 7)


def test_an_own_model_other_than_the_last_tier_is_what_both_outcomes_are_compared_with():
    request = REQUEST.override(model=MEDIUM)
    tiers = [TIERS[0], TIERS[-1]]
    _, accepted, _ = drive(cascade(request, tiers, verdicts("accept")), reply("a", "a"))
    _, escalated, _ = drive(cascade(request, tiers, verdicts("reject")), reply("a", "a"), reply("c", "c"))
    assert (accepted.avoided.model, escalated.avoided.model) == ("medium", "medium")


def test_what_the_prompt_cache_served_is_avoided_at_the_cached_price():
    cached = reply("a", "a")
    cached.result[0].usage_metadata["input_token_details"] = {"cache_read": 90}
    _, decision, _ = drive(cascade(REQUEST, TIERS, verdicts("accept")), cached)
    assert decision.avoided.cache_read_tokens == 90


def test_without_usage_the_saving_is_unknown_and_not_zero():
    bare = ModelResponse(result=[AIMessage("a", id="a")])
    _, decision, _ = drive(cascade(REQUEST, TIERS, verdicts("accept")), bare)
    assert (decision.avoided.input_tokens, decision.avoided.output_tokens) == (None, None)


def test_an_abstention_escalates():
    _, decision, _ = drive(cascade(REQUEST, TIERS[1:], verdicts("abstain")), reply("b", "b"), reply("c", "c"))
    assert decision.outcome == "escalated"


def test_models_of_one_tier_are_asked_at_once_and_second_opinions_are_thrown_away():
    tiers = [Tier(models=(SMALL, MEDIUM)), TIERS[-1]]
    first, second = reply("a", "a"), reply("b", "b")
    effects, decision, result = drive(cascade(REQUEST, tiers, verdicts("accept")), [first, second])
    assert models_of(effects[0]) == ["small", "medium"]
    assert result is first
    assert decision.rejected == ("b",)


def test_a_tier_that_fails_escalates_and_what_its_other_model_said_is_paid_for():
    tiers = [Tier(models=(SMALL, MEDIUM)), TIERS[-1]]
    flow = cascade(REQUEST, tiers, verdicts())
    _, decision, _ = drive(flow, [ConnectionError("down"), reply("b", "b")], reply("c", "c"))
    assert (decision.outcome, decision.rejected) == ("escalated", ("b",))
    assert "ConnectionError" in decision.reason
    assert "down" not in decision.reason  # error texts hold prompts and keys


def test_a_verifier_may_make_calls_and_they_are_counted_as_hidden():
    def judged(request, replies):
        judge = yield CallModel(LARGE, [HumanMessage("right?")], "judge")
        return Verdict(outcome="accept", reason="the judge agrees", hidden=(judge.message.id,))

    verdict = ModelReply(message=AIMessage("yes", id="j"))
    _, decision, _ = drive(cascade(REQUEST, TIERS, ByVerifier(judged)), reply("a", "a"), verdict)
    assert decision.hidden == ("j",)


def test_an_error_of_the_last_tier_is_the_users_own():
    flow = cascade(REQUEST, TIERS[1:], verdicts("reject"))
    flow.send(None)
    flow.send(reply("b", "b"))
    announced = flow.throw(TimeoutError())
    assert (announced.decision.outcome, announced.decision.rejected) == ("escalated", ("b",))
    with pytest.raises(TimeoutError):
        flow.send(None)


def test_the_shadow_asks_the_cheap_tiers_only_and_marks_its_decision():
    flow = shadow_cascade(REQUEST, reply("own", "o"), TIERS, verdicts("reject", "reject"))
    effects, decision, result = drive(flow, reply("a", "a"), reply("b", "b"))
    assert result is None
    assert [type(effect) for effect in effects] == [Forward, Forward, Emit]
    assert (decision.mode, decision.outcome) == ("shadow", "escalated")


def test_what_a_shadow_would_have_avoided_is_the_call_that_was_made_so_it_is_measured():
    own = reply("own", "o")
    own.result[0].usage_metadata["output_tokens"] = 70
    _, decision, _ = drive(shadow_cascade(REQUEST, own, TIERS, verdicts("accept")), reply("a", "a"))
    assert (decision.avoided.basis, decision.avoided.output_tokens) == ("measured", 70)


@given(st.lists(st.sampled_from(["accept", "reject", "abstain"]), min_size=2, max_size=2))
def test_every_reply_is_returned_or_rejected_never_both(outcomes):
    answers = [reply("a", "a"), reply("b", "b"), reply("c", "c")]
    effects, decision, result = drive(cascade(REQUEST, TIERS, verdicts(*outcomes)), *answers)
    asked = ["a", "b", "c"][: sum(isinstance(effect, Gather | Forward) for effect in effects)]
    assert sorted([*decision.rejected, decision.returned]) == asked
    assert result.result[0].id == decision.returned
