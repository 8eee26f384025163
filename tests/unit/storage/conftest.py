import hashlib

import numpy as np
import pytest

from llmops_plugins.storage.local_store import LocalStore

DIMS = 12


def embed(texts):
    """Give each text its own direction, the same one in every process."""
    seeds = [int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:8]) for text in texts]
    return [np.random.default_rng(seed).standard_normal(DIMS).tolist() for seed in seeds]


@pytest.fixture
def index():
    return {"dims": DIMS, "embed": embed, "fields": ["text"]}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.db"


@pytest.fixture
def open_store(path):
    """Open stores on one file, closed after the test."""
    opened = []

    def open_one(where=path, **settings):
        opened.append(LocalStore(where, **settings))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store, index):
    return open_store(index=index)
