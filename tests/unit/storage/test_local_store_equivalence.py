"""``LocalStore`` answers as ``InMemoryStore`` does, whatever is put, deleted, searched and listed.

Where they differ on purpose, the reference below is put right: an item replaced loses its old vectors, an
empty namespace is none, equal texts can be put together, and pages go on among unscored items. An index of
the whole value is left out, since the reference finds no text there.
"""

import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from langgraph.store.base import GetOp, ListNamespacesOp, MatchCondition, PutOp, SearchOp
from langgraph.store.memory import InMemoryStore

from llmops_plugins.storage.local_store import LocalStore
from tests.unit.storage.conftest import DIMS, embed

LABELS = ["a", "b", "ab", "A"]
TEXTS = ["red", "green apple", "blue", "ü", ""]
namespaces = st.lists(st.sampled_from(LABELS), min_size=1, max_size=3).map(tuple)
prefixes = st.lists(st.sampled_from(LABELS), max_size=2).map(tuple)
numbers = st.integers(-3, 3) | st.sampled_from([0.5, 2.0])
scalars = st.none() | st.booleans() | numbers | st.sampled_from(TEXTS)
values = st.fixed_dictionaries(
    {"n": numbers},
    optional={
        "text": st.sampled_from(TEXTS),
        "parts": st.lists(st.sampled_from(TEXTS), max_size=3),
        "any": scalars,
        "nested": st.fixed_dictionaries({"x": scalars}, optional={"y": scalars}),
    },
)
conditions = st.fixed_dictionaries(
    {},
    optional={
        "n": numbers
        | st.dictionaries(st.sampled_from(["$gt", "$gte", "$lt", "$lte", "$eq", "$ne"]), numbers),
        "text": st.sampled_from(TEXTS) | st.fixed_dictionaries({"$ne": st.sampled_from(TEXTS)}),
        "parts": st.lists(st.sampled_from(TEXTS), max_size=2),
        "any": scalars,
        "nested": st.fixed_dictionaries({"x": scalars}),
    },
)
indexes = st.sampled_from([None, None, None, False, ["parts[*]"], ["text", "nested.x"]])
puts = st.builds(PutOp, namespaces, st.sampled_from("kl"), st.none() | values | values, indexes, st.none())
gets = st.builds(GetOp, namespaces, st.sampled_from("kl"), st.just(True))
searches = st.builds(
    SearchOp,
    prefixes,
    filter=st.none() | conditions,
    limit=st.integers(0, 5),
    offset=st.integers(0, 3),
    query=st.none() | st.sampled_from(TEXTS),
    refresh_ttl=st.just(True),
)
paths = st.lists(st.sampled_from([*LABELS, "*"]), min_size=1, max_size=2).map(tuple)
listings = st.builds(
    ListNamespacesOp,
    st.lists(st.builds(MatchCondition, st.sampled_from(["prefix", "suffix"]), paths), max_size=2).map(tuple),
    max_depth=st.none() | st.integers(1, 3),
    limit=st.integers(0, 5),
    offset=st.integers(0, 3),
)
batches = st.lists(st.lists(puts | puts | gets | searches | listings, max_size=6), max_size=8)


class Reference(InMemoryStore):
    """LangGraph's own, put right where ``LocalStore`` differs on purpose."""

    def _does_something(self, op, ops):
        """A deletion of nothing makes a namespace there, which then comes before those put in the batch."""
        if not isinstance(op, PutOp) or op.value is not None or op.key in self._data.get(op.namespace, {}):
            return True
        return any(isinstance(one, PutOp) and one.value is not None and one[:2] == op[:2] for one in ops)

    def batch(self, ops):
        ops = list(ops)
        whole = [op._replace(offset=0, limit=1_000) if isinstance(op, SearchOp) else op for op in ops]
        whole = [op if self._does_something(op, ops) else GetOp(op.namespace, op.key) for op in whole]
        # Looking into a namespace that is not there makes it, likewise.
        absent = [isinstance(op, GetOp) and op.namespace not in self._data for op in whole]
        found = iter(super().batch([op for op, missing in zip(whole, absent, strict=True) if not missing]))
        results = [None if missing else next(found) for missing in absent]
        for space in [space for space, items in self._data.items() if not items]:
            del self._data[space]
        self.whole = results
        return [
            result[op.offset : op.offset + op.limit] if isinstance(op, SearchOp) else result
            for op, result in zip(ops, results, strict=True)
        ]

    def _handle_list_namespaces(self, op):
        for space in [space for space, items in self._data.items() if not items]:
            del self._data[space]
        return super()._handle_list_namespaces(op)

    def _extract_texts(self, put_ops):
        for space, key in put_ops:
            self._vectors[space].pop(key, None)
        return super()._extract_texts(put_ops)

    def _insertinmem_store(self, to_embed, embeddings):
        for vector, places in zip(embeddings, to_embed.values(), strict=True):
            for space, key, path in places:
                self._vectors[space][key][path] = vector


def plain(result):
    """Return a result as data, without its scores."""
    if isinstance(result, list):
        return [plain(one) for one in result]
    if result is None or isinstance(result, tuple):
        return result
    return result.namespace, result.key, result.value


def scores(result):
    return [getattr(item, "score", None) for item in result] if isinstance(result, list) else []


def check_ranked(mine, theirs, whole):
    """Check scored items against the reference's and all that it ranked.

    Which of two equal texts comes first is decided by the last bit of a sum, whose order is the machine's.
    """
    ranked = {(item.namespace, item.key): item for item in whole}
    assert len({(item.namespace, item.key) for item in mine}) == len(mine)
    for item in mine:
        same = ranked[item.namespace, item.key]
        assert plain(item) == plain(same)
        assert item.score == (None if same.score is None else pytest.approx(same.score, abs=1e-5))
    unscored = [[plain(item) for item in items if item.score is None] for items in (mine, theirs)]
    assert unscored[0] == unscored[1]


@settings(max_examples=150)
@given(batches=batches, reopened=st.booleans())
@example(
    batches=[
        [PutOp(("a", "a"), "k", {"n": 0}), GetOp(("a",), "k"), PutOp(("a",), "k", {"n": 0})],
        [PutOp(("a",), "k", None), SearchOp((), limit=1)],
    ],
    reopened=False,
)
@example(
    batches=[
        [
            PutOp(("a",), "k", {"n": 0, "text": "red"}),
            PutOp(("a", "a"), "k", {"n": 0, "text": "green apple"}),
            PutOp(("b",), "k", {"n": 0, "text": "green apple"}),
        ],
        [PutOp(("a",), "k", None), SearchOp((), limit=1, query="blue")],
    ],
    reopened=True,
)
def test_the_answers_are_those_of_the_store_in_memory(batches, reopened):
    index = {"dims": DIMS, "embed": embed, "fields": ["text"]}
    reference = Reference(index=index)
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder) / "store.db" if reopened else ":memory:"
        store = LocalStore(where, index=index)
        for operations in batches:
            got, expected = store.batch(operations), reference.batch(operations)
            results = zip(operations, got, expected, reference.whole, strict=True)
            for operation, mine, theirs, whole in results:
                if isinstance(operation, SearchOp) and operation.query:
                    check_ranked(mine, theirs, whole)
                else:
                    assert plain(mine) == plain(theirs), operation
                assert scores(mine) == [pytest.approx(score, abs=1e-5) for score in scores(theirs)], operation
            if reopened:
                store.close()
                store = LocalStore(where, index=index)
        store.close()
