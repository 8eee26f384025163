"""What recalling demonstrations takes among 100,000 in a ``LocalStore``, embedding left out.

Run as ``python -m tests.benchmarks.demonstrations``, with ``--quick`` among 10,000. Vectors are looked up, so
embedding costs nothing. They are unit vectors in 384 dimensions around 200 centres, as questions of one
application are; a query is a stored one moved a little. Nine in ten demonstrations are shared, the others are
the own of a hundred users, who ask in turn. Solutions are code of some 600 characters. Fails where the median
is above 5 ms.
"""

import argparse
import sys
import tempfile
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
from langchain_core.embeddings import Embeddings

from llmops_plugins.hierarchy.demonstrations.adding import stored_calls
from llmops_plugins.hierarchy.demonstrations.demonstration import (
    Demonstration,
    Evidence,
    Provenance,
    content_id,
)
from llmops_plugins.hierarchy.demonstrations.store import DemonstrationStore
from llmops_plugins.storage.local_store import LocalStore

DIMS, CENTRES, ROUNDS, USERS = 384, 200, 200, 100
TARGET_MS = 5.0
ATTEMPTS = 3
SERVICES = ("rail", "tides", "museums", "recipes", "postal", "parking", "orchids", "ferries")


class Vectors(Embeddings):
    """Embeddings that look up the number a text ends with: ``near 7`` asks for the seventh query."""

    def __init__(self, count):
        generator = np.random.default_rng(0)
        centres = generator.standard_normal((CENTRES, DIMS), dtype=np.float32)
        spread = generator.standard_normal((count, DIMS), dtype=np.float32)
        self.stored = unit(centres[generator.integers(0, CENTRES, count)] + spread)
        self.asked = generator.integers(0, count, ROUNDS).tolist()
        noise = generator.standard_normal((ROUNDS, DIMS), dtype=np.float32) * 0.03
        self.queries = unit(self.stored[self.asked] + noise)

    def embed_documents(self, texts):
        return [self.stored[int(text.rsplit(" ", 1)[1])].tolist() for text in texts]

    def embed_query(self, text):
        return self.queries[int(text.rsplit(" ", 1)[1])].tolist()


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def question(number):
    service = SERVICES[number % len(SERVICES)]
    return f"When does the {service} office of district {number % 97} open on weekdays, entry {number}"


def solution(number):
    service = SERVICES[number % len(SERVICES)]
    lines = [
        f'hours = look_up_{service}("{service}", district={number % 97}, part={part})' for part in range(8)
    ]
    return "\n".join(["import json", *lines, f"print(json.dumps(hours))  # {number}"])


@cache
def calls_of(service):
    """Return what all solutions for a service call."""
    return stored_calls(solution(service))


def demonstration(collection, number):
    texts = question(number), solution(number)
    is_own = number % 10 == 0
    return Demonstration(
        demonstration_id=content_id(collection.tenant, *texts),
        question=texts[0],
        solution=texts[1],
        tenant=collection.tenant,
        user=collection.user_hash(f"user {number // 10 % USERS}") if is_own else "",
        provenance=Provenance(
            assistant="large",
            model="large-1",
            model_version="2026-01",
            evidence=Evidence(kind="execution", source="sandbox", statement="It printed hours."),
            solved_at=datetime.now(UTC),
            cost_usd=0.01,
        ),
        calls=calls_of(number % len(SERVICES)),
        helped=number % 4,
        tried=number % 4 + number % 3,
        shared=not is_own,
        expires_at=collection.expires_at,
    )


def filled(folder, count):
    """Return a store of so many demonstrations, and the LangGraph store under it."""
    vectors = Vectors(count)
    index = {"dims": DIMS, "embed": vectors, "fields": ["question"]}
    local = LocalStore(folder / "demonstrations.db", index=index)
    store = DemonstrationStore(local, tenant="acme", max_entries=2 * count)
    collection = store.collection(None)
    for start in range(0, count, 5_000):
        numbers = range(start, min(start + 5_000, count))
        local.batch([collection.put(demonstration(collection, number)) for number in numbers])
    return store, local


def measured(store):
    """Return a recall's median, 95th percentile and median on the CPU in ms, and what was recalled."""
    taken, computed, recalled = [], [], []
    for number in range(ROUNDS):
        asked = f"When does the office of district {number % 97} open on weekdays, near {number}"
        started, on_cpu = time.perf_counter(), time.thread_time()
        recalled.append(store.recall(asked, user=f"user {number % USERS}"))
        taken.append((time.perf_counter() - started) * 1_000)
        computed.append((time.thread_time() - on_cpu) * 1_000)
    return np.percentile(taken, 50), np.percentile(taken, 95), np.percentile(computed, 50), recalled


def searched(local, collection):
    """Return the median in milliseconds of the store's search for one: how fast the machine is."""
    taken = []
    for number in range(ROUNDS):
        started = time.perf_counter()
        local.search(collection.shared, query=f"near {number}", limit=1)
        taken.append((time.perf_counter() - started) * 1_000)
    return np.percentile(taken, 50)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="among 10,000")
    count = 10_000 if parser.parse_args().quick else 100_000
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        store, local = filled(Path(folder), count)
        print(f"{count:,} demonstrations, filled in {time.perf_counter() - started:.1f} s")
        store.recall("Warm up, near 0", user="user 0")
        best = np.inf
        for _ in range(ATTEMPTS):  # a busy machine only adds time
            median, tail, computed, recalled = measured(store)
            bare = searched(local, store.collection(None))
            print(f"recall p50 {median:.2f} ms ({computed:.2f} ms on the CPU), p95 {tail:.2f} ms; ", end="")
            print(f"the store's search for one {bare:.2f} ms")
            best = min(best, median)
            if best <= TARGET_MS:
                break
        local.close()
    assert all(len(shown) == 3 for shown in recalled)
    print(f"target: p50 at most {TARGET_MS} ms")
    return 0 if best <= TARGET_MS else 1


if __name__ == "__main__":
    sys.exit(main())
