"""Who is whose parent, and which calls are still open."""

from uuid import uuid4

from llmops_plugins.accounting import open_calls, run_trees
from llmops_plugins.accounting.observed import ObservedCall, Run, RunTree
from llmops_plugins.accounting.open_calls import OpenCalls
from llmops_plugins.accounting.run_trees import RunTrees


def call(run=None):
    return ObservedCall(
        run_id=str(uuid4()),
        parent_id=None,
        run=run or Run(RunTree("r")),
        messages=[],
        metadata={},
        parameters={},
        started_at=0.0,
        started_clock=0.0,
    )


class TestRunTrees:
    def test_children_belong_to_the_root_and_know_their_tool(self):
        trees, root, tool, inner = RunTrees(), uuid4(), uuid4(), uuid4()
        trees.start(root, None, {"tenant": "acme"}, inputs="?")
        trees.start(tool, root, None, tool="search")
        trees.start(inner, tool, None)
        run = trees.of_call(uuid4(), inner)
        assert (run.root, run.tool, run.tree.metadata) == (str(root), "search", {"tenant": "acme"})

    def test_only_the_root_ends_the_tree_and_only_once(self):
        trees, root, child = RunTrees(), uuid4(), uuid4()
        trees.start(root, None, None)
        trees.start(child, root, None)
        assert trees.end(child) is None
        assert trees.end(root).root == str(root)
        assert trees.end(root) is None

    def test_a_child_that_comes_late_still_finds_its_tree(self):
        trees, root = RunTrees(), uuid4()
        trees.start(root, None, None)
        tree = trees.end(root)
        assert trees.of_call(uuid4(), root).tree is tree

    def test_one_id_given_twice_is_two_trees(self):
        trees, root = RunTrees(), uuid4()
        trees.start(root, None, None)
        first = trees.end(root)
        trees.start(root, None, None)
        assert trees.end(root) is not first

    def test_calls_below_an_unseen_parent_belong_together(self):
        trees, parent = RunTrees(), uuid4()
        one, other = trees.of_call(uuid4(), parent), trees.of_call(uuid4(), parent)
        assert one.tree is other.tree
        assert one.tree.rootless

    def test_both_memories_are_bounded(self, monkeypatch):
        monkeypatch.setattr(run_trees, "_MAX_RUNNING", 5)
        monkeypatch.setattr(run_trees, "_MAX_ENDED", 5)
        trees, ids = RunTrees(), [uuid4() for _ in range(20)]
        for run_id in ids:
            trees.start(run_id, None, None)
        assert [trees.find(run_id) is not None for run_id in ids] == [False] * 15 + [True] * 5
        for run_id in ids:
            trees.of_call(uuid4(), run_id)
        assert trees.find(ids[15]) is not None


class TestOpenCalls:
    def test_a_call_closes_once(self):
        calls, one, run_id = OpenCalls(), call(), uuid4()
        calls.open(run_id, one)
        assert one.run.tree.open_calls == {one}
        assert calls.close(run_id) is one
        assert calls.close(run_id) is None
        assert one.run.tree.open_calls == set()

    def test_one_id_for_two_calls_at_once_closes_both(self):
        calls, one, other, run_id = OpenCalls(), call(), call(), uuid4()
        calls.open(run_id, one)
        calls.open(run_id, other)
        assert {calls.close(run_id), calls.close(run_id)} == {one, other}

    def test_giving_up_and_closing_exclude_each_other(self):
        from uuid import UUID

        calls, one = OpenCalls(), call()
        calls.open(UUID(one.run_id), one)
        assert calls.give_up(one)
        assert not calls.give_up(one)
        assert calls.close(UUID(one.run_id)) is one  # ended after all
        assert calls.close(UUID(one.run_id)) is None

    def test_the_oldest_is_given_up_to_make_room(self, monkeypatch):
        monkeypatch.setattr(open_calls, "_MAX_OPEN", 2)
        calls, three = OpenCalls(), [call() for _ in range(3)]
        ids = [uuid4() for _ in three]
        assert [calls.open(run_id, one) for run_id, one in zip(ids, three, strict=True)] == [
            [],
            [],
            [three[0]],
        ]
        assert calls.all() == three[1:]
        assert calls.close(ids[0]) is three[0]
