"""The shipped rule is what its pairs give, serves hardly any trap and most of what is said in other words."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage

from llmops_plugins.caching.entry import CacheEntry
from llmops_plugins.caching.pair import read_pairs
from llmops_plugins.caching.semantic import SemanticTier
from llmops_plugins.caching.shipped import build_shipped_rule, shipped_rule
from llmops_plugins.storage.item_indexing import embeddings_name

DATA = Path(__file__).parents[2] / "data"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Most of a file's traps that may be served, and least of its paraphrases that must be, as shares."""

    different: float
    same: float


LIMITS = {
    "traps.jsonl": Limits(different=0.01, same=0.60),
    "traps_unseen.jsonl": Limits(different=0.01, same=0.60),
    # When it was first asked, by guards that had seen none of it: 2.3% and 73.0%.
    "traps_held_out.jsonl": Limits(different=0.025, same=0.60),
}


@pytest.fixture(scope="module")
def tier(minilm):
    return SemanticTier(embeddings=minilm)


def served(tier, pair):
    """Whether b is answered while a is stored."""
    if not (tier.can_compare(pair.a) and tier.can_compare(pair.b)):
        return False
    vectors = tier.embeddings.embed_documents([pair.b, pair.a])
    (match,) = tier.matches(pair.b, vectors, [pair.a], [""])
    entry = CacheEntry(question=pair.a, reply=(AIMessage(""),), usage=None, created_at=0.0)
    return tier.candidate("", entry, match, pair.b).refused_by is None


@pytest.fixture(scope="module")
def built(minilm):
    return build_shipped_rule()


@pytest.mark.parametrize("max_error", [0.01, 0.02, 0.05])
def test_the_shipped_file_is_what_its_pairs_give(built, tier, max_error):
    file = shipped_rule(embeddings_name(tier.embeddings))
    assert file.fingerprint == built.fingerprint, "run `make minilm-rule`"
    one, other = file.threshold(max_error, 0.9), built.threshold(max_error, 0.9)
    assert one.probability == pytest.approx(other.probability, abs=1e-3)
    assert one.error_upper == pytest.approx(other.error_upper, abs=1e-3)


def test_it_is_the_one_a_tier_takes_by_itself(tier):
    assert tier.rule is shipped_rule(embeddings_name(tier.embeddings))
    assert tier.tested.error_upper <= tier.max_error


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_traps_are_not_served_and_paraphrases_of_the_same_questions_are(tier, name):
    pairs = read_pairs(DATA / name)
    texts = [text for pair in pairs for text in (pair.a, pair.b)]
    tier.embeddings.embed_documents(texts)  # all at once, which is quicker; each then comes from the cache
    shares, wrong = {}, []
    for same in (False, True):
        chosen = [pair for pair in pairs if pair.same == same]
        found = [pair for pair in chosen if served(tier, pair)]
        shares[same] = len(found) / len(chosen)
        wrong += [] if same else [f"{pair.a} | {pair.b}" for pair in found]
    told = f"{name}: {shares[False]:.1%} of the traps are served, {shares[True]:.1%} of the paraphrases"
    print(told)
    assert shares[False] <= LIMITS[name].different, "\n".join([told, *wrong])
    assert shares[True] >= LIMITS[name].same, told
