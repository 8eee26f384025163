"""Search by meaning: exact scores, filters that lose nothing, pages that do not overlap."""

import numpy as np
import pytest
from langgraph.store.base import PutOp

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.storage import vector_block


def keys(items):
    return [item.key for item in items]


def cosine(one, other):
    return np.dot(one, other) / np.linalg.norm(one) / np.linalg.norm(other)


def vector_of(index, text):
    return index["embed"]([text])[0]


def test_the_nearest_comes_first_with_its_cosine(store, index):
    for text in ("apple", "pear", "plum"):
        store.put(("fruit",), text, {"text": text})
    found = store.search(("fruit",), query="pear")
    expected = {text: cosine(vector_of(index, "pear"), vector_of(index, text)) for text in keys(found)}
    assert keys(found) == sorted(expected, key=expected.get, reverse=True)
    assert [item.score for item in found] == pytest.approx(sorted(expected.values(), reverse=True), abs=1e-6)


def test_the_best_of_an_items_vectors_counts(store):
    store.put(("a",), "both", {"parts": [{"text": "apple"}, {"text": "pear"}]}, index=["parts[*].text"])
    store.put(("a",), "one", {"text": "plum"})
    found = store.search(("a",), query="pear")
    assert keys(found) == ["both", "one"]
    assert found[0].score == pytest.approx(1)


def test_an_item_without_vectors_comes_last_and_unscored(store):
    store.put(("a",), "hidden", {"text": "pear"}, index=False)
    store.put(("a",), "other field", {"note": "pear"})
    store.put(("a",), "scored", {"text": "plum"})
    found = store.search(("a",), query="pear")
    assert keys(found) == ["scored", "hidden", "other field"]
    assert [item.score is None for item in found] == [False, True, True]
    assert keys(store.search(("a",), query="pear", limit=2, offset=1)) == ["hidden", "other field"]
    assert store.search(("a",), query="")[0].key == "hidden"


def test_an_update_replaces_vectors_and_one_without_an_index_removes_them(store):
    store.put(("a",), "k", {"text": "pear"})
    assert store.search(("a",), query="pear")[0].score == pytest.approx(1)
    store.put(("a",), "k", {"text": "plum"})
    assert store.search(("a",), query="pear")[0].score < 0.99
    store.put(("a",), "k", {"text": "plum"}, index=False)
    assert store.search(("a",), query="plum")[0].score is None
    store.delete(("a",), "k")
    assert store.search(("a",), query="plum") == []


def test_equal_texts_are_embedded_once_and_found_in_the_order_put(open_store, index):
    embedded = []

    def embed(texts):
        embedded.extend(texts)
        return index["embed"](texts)

    store = open_store(index={**index, "embed": embed})
    store.batch([PutOp(("a",), str(n), {"text": "same"}) for n in range(5)])
    assert embedded == ["same"]
    assert keys(store.search(("a",), query="same")) == ["0", "1", "2", "3", "4"]


def test_pages_of_a_search_follow_each_other(store):
    for n in range(30):
        store.put(("a", str(n % 3)), str(n), {"text": f"text {n}"}, index=False if n % 5 == 0 else None)
    complete = keys(store.search(("a",), query="text 7", limit=100))
    pages = [keys(store.search(("a",), query="text 7", limit=4, offset=at)) for at in range(0, 32, 4)]
    assert [key for page in pages for key in page] == complete
    assert len(set(complete)) == 30


def test_a_search_stays_below_its_prefix(store):
    for space in (("a",), ("a", "b"), ("ab",), ("c",)):
        store.put(space, "k", {"text": "same"})
    assert {item.namespace for item in store.search(("a",), query="same")} == {("a",), ("a", "b")}
    assert len(store.search((), query="same")) == 4
    assert store.search(("nowhere",), query="same") == []


def test_a_rare_match_of_a_filter_is_found_wherever_it_ranks(store):
    store.batch([PutOp(("a",), str(n), {"text": f"text {n}", "n": n}) for n in range(3_000)])
    everything = store.search(("a",), query="text 0", limit=3_000)
    last = everything[-1]
    assert keys(store.search(("a",), query="text 0", filter={"n": last.value["n"]})) == [last.key]
    assert keys(store.search(("a",), query="text 0", filter={"text": last.value["text"]})) == [last.key]


def test_large_and_small_namespaces_are_searched_together(store):
    sizes = {"large": 1_500, "small": 20, "other": 1_100}
    for space, size in sizes.items():
        store.batch([PutOp((space,), str(n), {"text": f"{space} {n}"}) for n in range(size)])
        found = store.search((), query=f"{space} 7", limit=1)[0]
        assert (found.namespace, found.key, found.score) == ((space,), "7", pytest.approx(1))
    store.batch([PutOp(("large",), str(n), None) for n in range(1_490)])
    assert len(store.search(("large",), query="x", limit=100)) == 10
    assert len(store.search((), query="x", limit=10_000)) == 10 + 20 + 1_100


def test_above_the_limit_a_shortlist_finds_what_reading_everything_finds(store, index, monkeypatch):
    monkeypatch.setattr(vector_block, "SKETCHED_FROM", 3_000)
    monkeypatch.setattr(vector_block, "_SHORTLIST", 800)
    store.batch([PutOp(("a",), str(n), {"text": f"text {n}", "n": n}) for n in range(6_000)])
    for n in range(0, 6_000, 97):
        assert keys(store.search(("a",), query=f"text {n}", limit=1)) == [str(n)]
    store.batch([PutOp(("a",), str(n), None) for n in range(0, 6_000, 2)])
    for n in range(1, 6_000, 97):
        found = store.search(("a",), query=f"text {n}", limit=1)
        assert found[0].key == (str(n) if n % 2 else found[0].key)
        assert int(found[0].key) % 2
    assert keys(store.search(("a",), query="text 1", filter={"n": 5_999})) == ["5999"]
    assert len(store.search(("a",), query="text 1", limit=5_000)) == 3_000


def test_a_vector_of_zeros_scores_zero(open_store):
    store = open_store(index={"dims": 2, "embed": lambda texts: [[0.0, 0.0] for _ in texts]})
    store.put(("a",), "k", {"text": "x"})
    assert store.search(("a",), query="x")[0].score == 0


@pytest.mark.parametrize("vector", [[1.0], [1.0, 2.0, 3.0], [float("nan"), 0.0]])
def test_vectors_of_another_shape_are_refused_and_nothing_is_put(open_store, vector):
    store = open_store(index={"dims": 2, "embed": lambda texts: [vector for _ in texts]})
    with pytest.raises(ConfigurationError, match=r"index\.(dims|embed)"):
        store.put(("a",), "k", {"text": "x"})
    assert store.search(("a",)) == []


def test_without_an_index_a_query_changes_nothing(open_store):
    store = open_store()
    store.put(("a",), "k", {"text": "x"}, index=["text"])
    assert [(item.key, item.score) for item in store.search(("a",), query="x")] == [("k", None)]
