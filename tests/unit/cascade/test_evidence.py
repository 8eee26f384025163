"""What replies say of an answer: the same at calibration and at run time, whatever the replies."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain.agents.middleware.types import ModelRequest, ModelResponse
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from llmops_plugins.cascade.acceptance import ByPolicy
from llmops_plugins.cascade.policy import CascadePolicy
from llmops_plugins.cascade.traffic import read_traffic
from llmops_plugins.models.prices import PriceBook
from llmops_plugins.records.reading import Record, RecordedResponse
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.answers import extract_answer
from llmops_plugins.verification.evidence import (
    ReplyFacts,
    evidence,
    evidence_names,
    is_of_texts,
    reply_facts,
)


def facts(answer, length=3.0, hedges=0):
    return ReplyFacts(answer=answer, length=length, hedges=hedges)


replies = st.builds(
    reply_facts,
    st.text(max_size=60) | st.sampled_from(["perhaps 4", "I think it might be 4, maybe"]),
    st.none() | st.sampled_from(["1", "2", "3"]),
)


@st.composite
def asked(draw, fewest=1):
    """Replies of one to five models, with each model's place by accuracy."""
    given_replies = draw(st.lists(replies, min_size=fewest, max_size=5))
    return given_replies, draw(st.permutations(range(len(given_replies))))


def named(given_replies, ranks, prompt_length=2.0):
    """Return the values by name, the models called by their rank."""
    found = evidence(given_replies, ranks, prompt_length)
    return dict(zip(evidence_names([f"m{rank}" for rank in ranks]), found.values, strict=True))


def test_the_names_are_readable_and_in_the_order_asked():
    assert evidence_names(["a"]) == ("no answer", "prompt length", "reply length", "hedging")
    assert evidence_names(["b", "a"]) == (
        "agrees: b",
        "agrees: a",
        "all agree",
        "dissenters agree",
        "no answer",
        "prompt length",
        "reply length",
        "length spread",
        "hedging",
    )


def test_only_how_a_text_is_written_is_doubted_more():
    doubted = [name for name in evidence_names(["a", "b"]) if is_of_texts(name)]
    assert doubted == ["prompt length", "reply length", "length spread", "hedging"]


@pytest.mark.parametrize(
    ("answers", "ranks", "candidate"),
    [
        (["4"], [0], 0),
        (["4", "5"], [1, 0], 1),  # one each: the more accurate model's
        (["4", "5"], [0, 1], 0),
        (["4", "5", "5"], [0, 1, 2], 2 - 1),  # two against one, of the two the more accurate
        (["4", "5", "5"], [0, 2, 1], 2),
        (["4", "4", "5", "5"], [1, 3, 2, 0], 3),
        ([None, "5"], [0, 1], 1),  # any answer goes before none, from whomever
        ([None, None], [1, 0], 1),
    ],
)
def test_the_candidate_is_what_most_answer_and_of_equals_the_most_accurate_models(answers, ranks, candidate):
    assert evidence([facts(answer) for answer in answers], ranks, 0.0).candidate == candidate


@pytest.mark.parametrize(
    ("answers", "agreeing", "all_agree", "dissenters", "no_answer"),
    [
        (["4", "4", "4"], [1, 1, 1], 1, 0, 0),
        (["4", "4", "5"], [1, 1, 0], 0, 0, 0),
        (["4", "5", "6"], [1, 0, 0], 0, 0, 0),
        (["4", "5", "4", "5"], [1, 0, 1, 0], 0, 1, 0),
        (["4", "4", "4", "5", "5"], [1, 1, 1, 0, 0], 0, 1, 0),
        ([None, "5", None], [0, 1, 0], 0, 0, 0),
        ([None, None, None], [1, 0, 0], 0, 0, 1),
    ],
)
def test_who_agrees(answers, agreeing, all_agree, dissenters, no_answer):
    values = named([facts(answer) for answer in answers], range(len(answers)))
    assert [values[f"agrees: m{rank}"] for rank in range(len(answers))] == agreeing
    assert (values["all agree"], values["dissenters agree"]) == (all_agree, dissenters)
    assert values["no answer"] == no_answer


def test_lengths_and_doubts_are_the_candidates_and_the_spread_is_everybodys():
    said = [facts("4", 2.0, 1), facts("5", 7.0, 3), facts("5", 4.0, 2)]
    values = named(said, [0, 1, 2], prompt_length=6.5)
    assert (values["reply length"], values["hedging"]) == (7.0, 3)
    assert (values["length spread"], values["prompt length"]) == (5.0, 6.5)


@pytest.mark.parametrize(
    ("text", "hedges"),
    [
        ("It is 4.", 0),
        ("I think it is 4.", 1),
        ("Perhaps 4, MAYBE 5; I'm not sure.", 3),
        ("not entirely sure", 1),
        ("maybe " * 50, 5),
        ("almighty mights of mapping", 0),
    ],
)
def test_words_of_doubt_are_counted_up_to_five(text, hedges):
    assert reply_facts(text, None).hedges == hedges


def test_a_length_is_the_logarithm_of_one_plus_the_characters():
    assert reply_facts("", None).length == 0.0
    assert reply_facts("abc", None).length == math.log(4)


@given(asked())
def test_there_is_one_finite_value_for_each_name(case):
    given_replies, ranks = case
    found = evidence(given_replies, ranks, 3.0)
    assert len(found.values) == len(evidence_names([str(rank) for rank in ranks]))
    assert all(math.isfinite(value) for value in found.values)


@given(asked(), st.randoms())
def test_the_order_of_asking_changes_no_value_and_no_candidate(case, chance):
    given_replies, ranks = case
    order = list(range(len(ranks)))
    chance.shuffle(order)
    mixed, mixed_ranks = [given_replies[one] for one in order], [ranks[one] for one in order]
    assert named(mixed, mixed_ranks) == named(given_replies, ranks)
    before, after = evidence(given_replies, ranks, 2.0), evidence(mixed, mixed_ranks, 2.0)
    assert mixed_ranks[after.candidate] == ranks[before.candidate]


@given(asked(fewest=2))
def test_no_answer_agrees_with_nothing(case):
    given_replies, ranks = case
    found = evidence(given_replies, ranks, 2.0)
    for index, reply in enumerate(given_replies):
        if reply.answer is None and index != found.candidate:
            assert found.values[index] == 0.0
    if any(reply.answer is not None for reply in given_replies):
        assert given_replies[found.candidate].answer is not None


@given(st.integers(2, 5))
def test_one_reply_that_stands_for_several_models_does_not_agree_with_itself(models):
    silent = facts(None)
    assert sum(evidence([silent] * models, range(models), 2.0).values[:models]) == 1.0


@given(asked(), st.permutations(["x", "y", "z"]))
def test_what_the_answers_are_called_changes_no_value(case, names):
    given_replies, ranks = case
    renamed = dict(zip(["1", "2", "3"], names, strict=True))
    others = [facts(renamed.get(one.answer), one.length, one.hedges) for one in given_replies]
    assert named(others, ranks) == named(given_replies, ranks)


class Noting(CascadePolicy):
    """A policy that notes what it is asked with."""

    def choose(self, stage, given_replies, prompt_length, *, margin=0.0):
        self.measured_on.__dict__["seen"] = (list(given_replies), prompt_length)
        return super().choose(stage, given_replies, prompt_length, margin=margin)


@given(
    st.lists(st.text(max_size=80) | st.sampled_from(["Maybe. Answer: 4", "4"]), min_size=2, max_size=2),
    st.text(min_size=1, max_size=80),
)
def test_calibration_and_the_running_cascade_read_the_same_from_the_same_texts(simulation, texts, prompt):
    record = Record(
        line=1,
        record_id="1",
        prompt=prompt,
        responses={
            name: RecordedResponse(text=text, score=1.0, cost_usd=1.0)
            for name, text in zip("ab", texts, strict=True)
        },
    )
    calibrated, _ = read_traffic([record], PriceBook(), extract_answer)
    policy = Noting.model_validate(simulation.agreement_policy().model_dump())
    rule = ByPolicy(policy, extract=extract_answer, verify=None, margin=lambda: 0.0)
    request = ModelRequest(
        model=ScriptedChatModel(replies=["x"]), messages=[SystemMessage("Be brief."), HumanMessage(prompt)]
    )
    running = rule(request, [[ModelResponse(result=[AIMessage(text)]) for text in texts]])
    with pytest.raises(StopIteration):
        next(running)
    assert policy.measured_on.__dict__["seen"] == (
        list(calibrated.facts[0]),
        calibrated.prompt_lengths[0],
    )
