"""Pairs that share a question hang together."""

from llmops_plugins.caching.pair import LabelledPair
from llmops_plugins.caching.pair_groups import connected_groups

APART = [(f"question {number}", f"another {number}") for number in range(20)]


def groups(*pairs):
    """The groups of some pairs among many that share nothing."""
    labelled = [LabelledPair(a=a, b=b, same=True) for a, b in (*pairs, *APART)]
    return connected_groups(labelled).tolist()[: len(pairs)]


def test_pairs_that_share_no_question_are_apart():
    assert groups(("one", "two"), ("three", "four")) == [0, 1]


def test_a_question_on_either_side_joins_them_also_in_other_spelling():
    assert groups(("one", "two"), ("three", "Two?"), ("three", "four"), ("five", "six")) == [0, 0, 0, 1]


def test_what_joins_them_may_come_last():
    assert groups(("one", "two"), ("three", "four"), ("four", "one")) == [0, 0, 0]


def test_where_nearly_all_hang_together_each_is_its_own():
    chain = [LabelledPair(a=f"q {number}", b=f"q {number + 1}", same=True) for number in range(30)]
    assert connected_groups(chain).tolist() == list(range(30))
