"""What checks found out is kept as labelled pairs, without growing for ever."""

from langgraph.store.memory import InMemoryStore

from llmops_plugins.caching.labels import LABELS, label, read_labels
from llmops_plugins.caching.pair import LabelledPair


def test_labels_are_read_as_pairs():
    store = InMemoryStore()
    store.batch([label("a?", "b?", same=True, tenant="ada"), label("a?", "c?", same=False, tenant="ada")])
    assert sorted(read_labels(store), key=lambda pair: pair.b) == [
        LabelledPair(a="a?", b="b?", same=True),
        LabelledPair(a="a?", b="c?", same=False),
    ]


def test_the_last_label_of_a_pair_counts():
    store = InMemoryStore()
    for same in (True, False):
        store.batch([label("a?", "b?", same=same, tenant="")])
    assert [pair.same for pair in read_labels(store)] == [False]


def test_all_pages_are_read():
    store = InMemoryStore()
    store.batch([label(f"{number}?", "b?", same=True, tenant="") for number in range(2_300)])
    kept = len(store.search(LABELS, limit=10_000))
    assert len(read_labels(store)) == kept > 2_000


def test_there_is_room_for_so_many_only():
    keys = {label(f"{number}?", "b?", same=True, tenant="").key for number in range(1_000)}
    assert all(0 <= int(key) < 20_000 for key in keys)
