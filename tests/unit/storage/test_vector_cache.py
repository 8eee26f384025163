"""A vector cache is bounded, drops the least recently used, and holds up under threads."""

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.storage.vector_cache import VectorCache


def test_a_vector_comes_back_in_the_precision_it_was_first_given_out_in():
    cache = VectorCache(2)
    first = cache.put("document", "a", [0.1, 0.2])
    assert first == cache.get("document", "a")
    assert abs(first[0] - 0.1) < 1e-8


def test_the_same_text_has_a_vector_a_kind():
    cache = VectorCache(4)
    cache.put("document", "a", [1.0])
    assert cache.get("query", "a") is None


def test_the_least_recently_used_goes_first():
    cache = VectorCache(2)
    for text in "ab":
        cache.put("document", text, [1.0])
    cache.get("document", "a")
    cache.put("document", "c", [1.0])
    assert [text for text in "abc" if cache.get("document", text)] == ["a", "c"]


@given(st.integers(0, 5), st.lists(st.text(max_size=2)))
def test_it_never_holds_more_than_it_may(size, texts):
    cache = VectorCache(size)
    for text in texts:
        cache.put("document", text, [1.0, 2.0, 3.0])
    info = cache.info()
    assert info.entries == min(size, len(set(texts)))
    assert info.bytes == info.entries * 12


@given(st.text(st.characters()), st.text(st.characters()))
def test_different_texts_never_share_a_vector(one, other):
    cache = VectorCache(2)
    cache.put("document", one, [1.0])
    assert (cache.get("document", other) is not None) == (one == other)


def test_lone_surrogates_are_texts_too():
    cache = VectorCache(2)
    cache.put("document", "\ud800", [1.0])
    assert cache.get("document", "\ud801") is None


def test_threads_share_it():
    cache = VectorCache(50)

    def work(number):
        for i in range(300):
            text = str((number * 7 + i) % 90)
            vector = cache.get("document", text)
            assert vector in (None, [float(text)])
            cache.put("document", text, [float(text)])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    info = cache.info()
    assert (info.entries, info.bytes, info.hits + info.misses) == (50, 200, 2400)
