from __future__ import annotations

import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.messages import AIMessage

from llmops_plugins import SimilarAnswers
from llmops_plugins.errors import BudgetExceeded, ConfigurationError
from llmops_plugins.flow import Embed
from llmops_plugins.verification.verdict import PriceRank, price_rank


class Table(Embeddings):
    """Looks vectors up; what it looks up may be an exception to raise."""

    def __init__(self, **vectors):
        self.vectors = vectors
        self.asked = []

    def embed_documents(self, texts):
        self.asked.append(texts)
        found = [self.vectors[text] for text in texts]
        for vector in found:
            if isinstance(vector, Exception):
                raise vector
        return found

    def embed_query(self, text):
        return self.embed_documents([text])[0]


TABLE = Table(
    east=[1.0, 0.0],
    far_east=[9.0, 0.0],
    north_east=[0.6, 0.8],
    west=[-1.0, 0.0],
    nowhere=[0.0, 0.0],
    longer=[1.0, 0.0, 0.0],
    broken=OSError("the secret is out"),
)


@pytest.mark.parametrize(
    ("replies", "outcome", "score"),
    [
        (["east", "far_east"], "accept", 1.0),
        (["east", "north_east"], "accept", 0.6),
        (["east", "far_east", "west"], "reject", 0.0),
        (["north_east", "east", "north_east"], "accept", 0.6),
    ],
)
def test_the_least_similar_reply_decides_and_is_the_score(decide, replies, outcome, score):
    verdict = decide(SimilarAnswers(TABLE, minimum_similarity=0.6), *replies)
    assert (verdict.outcome, verdict.score) == (outcome, pytest.approx(score))


def test_equal_texts_are_similar_enough_for_any_minimum(decide):
    table = Table(x=[0.1] * 7, y=[0.1] * 7)
    assert decide(SimilarAnswers(table, minimum_similarity=1), "x", "y").accepted


def test_the_reason_says_how_similar_and_quotes_nothing(decide):
    verdict = decide(SimilarAnswers(TABLE), "east", "north_east")
    assert verdict.reason == "the lowest similarity is 0.600, 0.9 is needed"


def test_all_texts_are_embedded_in_one_effect():
    flow = SimilarAnswers(TABLE)(None, [reply("east"), reply("west"), reply("east")])
    effect = next(flow)
    assert isinstance(effect, Embed)
    assert list(effect.texts) == ["east", "west", "east"]


def reply(text):
    from langchain.agents.middleware.types import ModelResponse

    return ModelResponse(result=[AIMessage(text)])


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ("broken", "OSError from the embeddings"),
        ("longer", "ValueError from the embeddings"),
        ("nowhere", "an embedding has no direction to compare"),
    ],
)
def test_without_embeddings_to_compare_it_abstains(decide, other, reason):
    verdict = decide(SimilarAnswers(TABLE), "east", other)
    assert (verdict.outcome, verdict.reason, verdict.score) == ("abstain", reason, None)


def test_a_refused_budget_passes_through(decide):
    with pytest.raises(BudgetExceeded):
        decide(SimilarAnswers(Table(a=BudgetExceeded("no more"), b=[1.0])), "a", "b")


def test_one_reply_or_tool_calls_leave_nothing_to_compare(decide):
    call = AIMessage("east", tool_calls=[{"name": "search", "args": {}, "id": "1"}])
    assert decide(SimilarAnswers(TABLE), "east").outcome == "abstain"
    assert decide(SimilarAnswers(TABLE), "east", call).outcome == "abstain"


def test_an_empty_reply_is_rejected_without_an_embedding(decide):
    table = Table()
    verdict = decide(SimilarAnswers(table), "east", " ")
    assert (verdict.outcome, verdict.reason) == ("reject", "reply 2 holds no text to compare")
    assert table.asked == []


def test_it_needs_two_replies_and_costs_an_embedding():
    assert SimilarAnswers.minimum_replies == 2
    assert price_rank(SimilarAnswers(TABLE)) == PriceRank.EMBEDDING


def test_wrong_settings_are_refused():
    with pytest.raises(ConfigurationError, match="embeddings: must be LangChain embeddings"):
        SimilarAnswers("openai:text-embedding-3-small")
    for minimum in (0, 1.1, -1, "0.9", True, float("nan")):
        with pytest.raises(ConfigurationError, match="minimum_similarity: must be a number above 0"):
            SimilarAnswers(TABLE, minimum_similarity=minimum)
