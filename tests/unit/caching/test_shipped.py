"""The rule that ships is that of the shipped pairs and guards, and shows the default bound."""

from importlib import resources

import numpy as np
import pytest

from llmops_plugins.caching import calibration, shipped
from llmops_plugins.caching.guards.defaults import DEFAULT_GUARDS
from llmops_plugins.caching.pair_groups import connected_groups
from llmops_plugins.caching.shipped import shipped_pairs, shipped_rule
from llmops_plugins.caching.similarity_rule import SimilarityRule

REBUILD = "run `make minilm-rule`, which calibrates the rule anew"
NAME = "MiniLMEmbeddings(sentence-transformers/all-MiniLM-L6-v2)"


@pytest.fixture(scope="module")
def pairs():
    return shipped_pairs()


@pytest.fixture
def rule():
    return shipped_rule(NAME)


def test_it_was_calibrated_on_the_shipped_pairs(rule, pairs):
    assert rule.fingerprint == calibration._fingerprint(pairs), REBUILD
    assert rule.pairs == len(pairs)
    assert rule.different_share == shipped._DIFFERENT_SHARE, REBUILD


def test_and_with_the_guards_that_are_used_by_default(rule):
    assert rule.guards == tuple(guard.name for guard in DEFAULT_GUARDS), REBUILD


def test_which_refuse_the_same_pairs_today(rule, pairs):
    _, held_out = calibration._split(connected_groups(pairs), shipped._FIT_SHARE, 0)
    refused = [calibration._refused(pairs[row], DEFAULT_GUARDS) for row in held_out]
    np.testing.assert_array_equal(rule.calibration.refused, refused, REBUILD)


def test_it_shows_the_default_bound_and_the_more_generous_the_bound_the_more_it_serves(rule):
    tested = [rule.threshold(max_error, 0.9) for max_error in (0.01, 0.02, 0.05)]
    assert tested[0].error_upper <= 0.01
    assert tested[0].served >= 100
    assert [one.served for one in tested] == sorted(one.served for one in tested)


def test_there_are_500_pairs_at_least_of_both_kinds_and_none_twice(pairs):
    assert len(pairs) >= 500
    assert 0.25 < np.mean([pair.same for pair in pairs]) < 0.75
    assert len({frozenset((pair.a, pair.b)) for pair in pairs}) == len(pairs)
    assert all(pair.a != pair.b for pair in pairs)


def test_their_order_is_that_of_their_files(pairs):
    assert shipped_pairs() == pairs


def test_it_is_for_those_embeddings_only(rule):
    assert rule.embeddings == NAME
    assert rule.dimensions == 384
    assert shipped_rule("OtherEmbeddings(words)") is None


def test_without_its_file_there_is_none(monkeypatch):
    monkeypatch.setattr(shipped, "_FILE", "missing.json")
    shipped._read.cache_clear()
    try:
        assert shipped_rule(NAME) is None
    finally:
        monkeypatch.undo()
        shipped._read.cache_clear()
    assert shipped_rule(NAME) is not None


def test_its_file_can_be_given_by_path_as_any_rule():
    with resources.as_file(resources.files("llmops_plugins.caching") / "minilm_rule.json") as path:
        assert SimilarityRule.load(path).name == shipped_rule(NAME).name
