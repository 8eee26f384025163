"""The forward pass is BERT's, as a second implementation has it: float64, padded, masked, head by head."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_plugins.storage import bert_encoder
from llmops_plugins.storage.bert_encoder import BertEncoder

WIDTH, HEADS, LAYERS, WORDS, POSITIONS = 12, 3, 2, 50, 16


def random_weights():
    random = np.random.default_rng(7)
    shapes = {
        "embeddings.word_embeddings": (WORDS, WIDTH),
        "embeddings.position_embeddings": (POSITIONS, WIDTH),
        "embeddings.token_type_embeddings": (2, WIDTH),
    }
    dense, norms = {}, ["embeddings.LayerNorm"]
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}."
        dense |= {f"{layer}attention.self.{part}": (WIDTH, WIDTH) for part in ("query", "key", "value")}
        dense[f"{layer}attention.output.dense"] = (WIDTH, WIDTH)
        dense[f"{layer}intermediate.dense"] = (4 * WIDTH, WIDTH)
        dense[f"{layer}output.dense"] = (WIDTH, 4 * WIDTH)
        norms += [f"{layer}attention.output.LayerNorm", f"{layer}output.LayerNorm"]
    weights = {f"{name}.weight": random.normal(size=shape) for name, shape in (shapes | dense).items()}
    weights |= {f"{name}.bias": random.normal(size=shape[0]) for name, shape in dense.items()}
    weights |= {f"{name}.weight": 1 + random.normal(size=WIDTH) / 4 for name in norms}
    weights |= {f"{name}.bias": random.normal(size=WIDTH) for name in norms}
    return {name: array.astype(np.float32) for name, array in weights.items()}


WEIGHTS = random_weights()
ENCODER = BertEncoder(WEIGHTS, heads=HEADS)


def reference(sequences, weights=WEIGHTS, heads=HEADS):
    """What the published model computes, step by step, in float64."""
    weights = {name: array.astype(np.float64) for name, array in weights.items()}
    longest = max(map(len, sequences))
    tokens = np.array([[*one, *[0] * (longest - len(one))] for one in sequences])
    mask = np.array([[1.0] * len(one) + [0.0] * (longest - len(one)) for one in sequences])

    def dense(rows, name):
        return rows @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(rows, name):
        centred = rows - rows.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def attention(rows, layer):
        query, key, value = (dense(rows, f"{layer}attention.self.{p}") for p in ("query", "key", "value"))
        size = rows.shape[-1] // heads
        parts = []
        for head in range(heads):
            own = slice(head * size, (head + 1) * size)
            scores = query[..., own] @ key[..., own].swapaxes(1, 2) / math.sqrt(size)
            scores = np.where(mask[:, None, :] > 0, scores, -np.inf)
            shares = np.exp(scores - scores.max(-1, keepdims=True))
            parts.append(shares / shares.sum(-1, keepdims=True) @ value[..., own])
        return np.concatenate(parts, axis=-1)

    gelu = np.vectorize(lambda x: x * 0.5 * (1 + math.erf(x / math.sqrt(2))))
    rows = weights["embeddings.word_embeddings.weight"][tokens]
    rows = rows + weights["embeddings.position_embeddings.weight"][:longest]
    rows = norm(rows + weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    number = 0
    while f"encoder.layer.{number}.output.dense.weight" in weights:
        layer = f"encoder.layer.{number}."
        mixed = dense(attention(rows, layer), f"{layer}attention.output.dense")
        rows = norm(rows + mixed, f"{layer}attention.output.LayerNorm")
        wide = gelu(dense(rows, f"{layer}intermediate.dense"))
        rows = norm(rows + dense(wide, f"{layer}output.dense"), f"{layer}output.LayerNorm")
        number += 1
    means = (rows * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
    return means / np.linalg.norm(means, axis=1, keepdims=True)


token_ids = st.lists(st.integers(0, WORDS - 1), min_size=1, max_size=POSITIONS)


@given(st.lists(token_ids, min_size=1, max_size=12))
@settings(max_examples=50)
def test_vectors_are_the_ones_of_a_second_implementation(sequences):
    vectors = ENCODER.encode(sequences)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, reference(sequences), atol=3e-5)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


@given(st.lists(token_ids, min_size=2, max_size=12), st.randoms())
@settings(max_examples=30)
def test_a_vector_depends_on_its_own_sequence_only(sequences, random):
    vectors = ENCODER.encode(sequences)
    alone = np.concatenate([ENCODER.encode([one]) for one in sequences])
    np.testing.assert_allclose(vectors, alone, atol=1e-5)
    order = random.sample(range(len(sequences)), len(sequences))
    np.testing.assert_allclose(ENCODER.encode([sequences[i] for i in order]), vectors[order], atol=1e-5)


def test_a_pass_is_bounded_and_passes_come_together_in_order(monkeypatch):
    sequences = [[1] * (1 + i % 9) + [i % WORDS] for i in range(40)]
    in_one = ENCODER.encode(sequences)
    monkeypatch.setattr(bert_encoder, "_TOKENS_A_PASS", 11)
    passes = list(bert_encoder._passes([len(one) for one in sequences]))
    assert sorted(index for one in passes for index in one) == list(range(40))
    assert all(sum(len(sequences[index]) for index in one) <= 11 for one in passes)
    np.testing.assert_allclose(ENCODER.encode(sequences), in_one, atol=1e-5)


def test_a_sequence_longer_than_a_pass_goes_alone(monkeypatch):
    monkeypatch.setattr(bert_encoder, "_TOKENS_A_PASS", 4)
    np.testing.assert_allclose(
        ENCODER.encode([[1] * 9, [2], [3] * 8]), reference([[1] * 9, [2], [3] * 8]), atol=3e-5
    )


def test_nothing_gives_nothing():
    assert ENCODER.encode([]).shape == (0, WIDTH)


@pytest.mark.parametrize("start", [-30, -3, 0, 3])
def test_gelu_is_the_exact_one(start):
    points = np.linspace(start, start + 30, 20_001).astype(np.float32)
    exact = [x * 0.5 * (1 + math.erf(x / math.sqrt(2))) for x in points.astype(float)]
    np.testing.assert_allclose(bert_encoder._gelu(points.copy()), exact, atol=5e-7, rtol=2e-7)
