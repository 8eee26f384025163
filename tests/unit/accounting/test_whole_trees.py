"""Which run trees this process knows from the beginning of what they do."""

import pytest
from langgraph.types import Command

from llmops_plugins.accounting import whole_trees
from llmops_plugins.accounting.observed import RunTree
from llmops_plugins.accounting.whole_trees import WholeTrees


def interrupted(at, **fields):
    return RunTree("a", interrupted=True, interrupted_at=at, **fields)


@pytest.mark.parametrize(
    ("fields", "is_whole"),
    [
        ({"inputs": {"messages": []}}, True),
        ({"inputs": Command(resume=True)}, False),
        ({"resumed": True}, False),
        ({"resumed": True, "resumed_at": "elsewhere"}, False),
        ({"resumed": True, "resumed_at": "here"}, True),
    ],
)
def test_a_tree_is_whole_where_it_or_the_one_it_goes_on_from_began_here(fields, is_whole):
    known = WholeTrees()
    known.note_end(interrupted("here"))
    assert (RunTree("b", **fields) in known) is is_whole


def test_so_is_one_after_several_interrupts():
    known = WholeTrees()
    known.note_end(interrupted("1"))
    known.note_end(interrupted("2", resumed=True, resumed_at="1"))
    assert RunTree("c", resumed=True, resumed_at="2") in known


def test_what_was_begun_elsewhere_stays_so_after_an_interrupt_here():
    known = WholeTrees()
    known.note_end(interrupted("2", resumed=True, resumed_at="1"))
    assert RunTree("c", resumed=True, resumed_at="2") not in known


def test_a_tree_that_has_ended_is_judged_as_before():
    tree = RunTree("a", inputs=Command(resume=True))
    tree.end()
    assert tree not in WholeTrees()


def test_only_the_latest_are_remembered(monkeypatch):
    monkeypatch.setattr(whole_trees, "_MAX_INTERRUPTED", 2)
    known = WholeTrees()
    for at in ("1", "2", "1", "3"):
        known.note_end(interrupted(at))
    assert [RunTree("b", resumed=True, resumed_at=at) in known for at in "123"] == [True, False, True]
