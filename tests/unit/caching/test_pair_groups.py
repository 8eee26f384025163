"""Pairs that share a question hang together."""

from llmops_plugins.caching.pair import LabelledPair
from llmops_plugins.caching.pair_groups import connected_groups


def groups(*pairs):
    return connected_groups([LabelledPair(a=a, b=b, same=True) for a, b in pairs]).tolist()


def test_pairs_that_share_no_question_are_apart():
    assert groups(("one", "two"), ("three", "four")) == [0, 1]


def test_a_question_on_either_side_joins_them_also_in_other_spelling():
    assert groups(("one", "two"), ("three", "Two?"), ("three", "four"), ("five", "six")) == [0, 0, 0, 1]


def test_what_joins_them_may_come_last():
    assert groups(("one", "two"), ("three", "four"), ("four", "one")) == [0, 0, 0]
