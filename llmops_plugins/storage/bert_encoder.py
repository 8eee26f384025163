"""A BERT encoder's forward pass in numpy: token ids in, one unit vector a sequence out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["BertEncoder"]

Matrix: TypeAlias = NDArray[np.float32]

_LAYER_NORM_EPSILON = np.float32(1e-12)
# Bounds the memory of one pass: the widest intermediate is this many rows of four times the model's width.
_TOKENS_A_PASS = 512


@dataclass(frozen=True, kw_only=True)
class _Layer:
    """One transformer layer; matrices are shaped (inputs, outputs)."""

    query_key_value: Matrix
    query_key_value_bias: Matrix
    attention_output: Matrix
    attention_output_bias: Matrix
    attention_norm: tuple[Matrix, Matrix]
    widen: Matrix
    widen_bias: Matrix
    narrow: Matrix
    narrow_bias: Matrix
    output_norm: tuple[Matrix, Matrix]


class BertEncoder:
    """Turns token ids into sentence vectors: BERT, the mean over tokens, L2 norm 1.

    Sequences lie behind one another without padding, and each attends to itself only, so there is no
    attention mask to apply: a padded batch under one comes to the same (mean pooling as in Reimers and
    Gurevych 2019, https://arxiv.org/abs/1908.10084).

    Args:
        weights: Arrays under the names Hugging Face's ``BertModel`` gives them; all are read as float32.
        heads: Attention heads of a layer.
    """

    def __init__(self, weights: Mapping[str, Matrix], *, heads: int) -> None:
        self.heads = heads
        self._words = weights["embeddings.word_embeddings.weight"]
        positions = weights["embeddings.position_embeddings.weight"]
        # Every token is of the first segment: sentences are embedded alone, never as pairs.
        self._positions = positions + weights["embeddings.token_type_embeddings.weight"][0]
        self._norm = _norm(weights, "embeddings.LayerNorm")
        self._layers = list(_layers(weights, scale=np.float32(1 / math.sqrt(self.width // heads))))

    @property
    def width(self) -> int:
        """Dimensions of a vector."""
        return int(self._words.shape[1])

    def encode(self, sequences: Sequence[Sequence[int]]) -> Matrix:
        """Return one unit vector a sequence, in the order given.

        Args:
            sequences: Token ids, special ones included, at least one each and at most as many as the model
                has positions.

        Returns:
            float32, shape (sequences, width).
        """
        vectors = np.empty((len(sequences), self.width), dtype=np.float32)
        for indices in _passes([len(sequence) for sequence in sequences]):
            vectors[indices] = self._encode_pass([sequences[index] for index in indices])
        return vectors

    def _encode_pass(self, sequences: list[Sequence[int]]) -> Matrix:
        """Return the vectors of a few sequences, which come sorted by length."""
        lengths = np.array([len(sequence) for sequence in sequences])
        starts = np.cumsum(lengths) - lengths
        runs = _runs_of_one_length(lengths)
        hidden = self._words[np.concatenate(sequences)]
        hidden += self._positions[np.concatenate([np.arange(length) for length in lengths])]
        _normalise(hidden, self._norm)
        for layer in self._layers:
            hidden += self._attend(hidden, layer, runs)
            _normalise(hidden, layer.attention_norm)
            hidden += _gelu(hidden @ layer.widen + layer.widen_bias) @ layer.narrow + layer.narrow_bias
            _normalise(hidden, layer.output_norm)
        means = np.add.reduceat(hidden, starts)
        means /= lengths[:, None]
        means /= np.linalg.norm(means, axis=1, keepdims=True)
        return means

    def _attend(self, hidden: Matrix, layer: _Layer, runs: list[tuple[slice, int]]) -> Matrix:
        projected = hidden @ layer.query_key_value + layer.query_key_value_bias
        mixed = np.empty_like(hidden)
        for rows, count in runs:
            split = projected[rows].reshape(count, -1, 3, self.heads, self.width // self.heads)
            query, key, value = split.transpose(2, 0, 3, 1, 4)  # (sequences, heads, length, width of a head)
            weights = query @ key.swapaxes(-1, -2)
            _softmax(weights)
            mixed[rows] = (weights @ value).swapaxes(1, 2).reshape(-1, self.width)
        return mixed @ layer.attention_output + layer.attention_output_bias


def _passes(lengths: list[int]) -> Iterator[list[int]]:
    """Yield indices of sequences that go through together, shortest first."""
    chosen: list[int] = []
    tokens = 0
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if chosen and tokens + lengths[index] > _TOKENS_A_PASS:
            yield chosen
            chosen, tokens = [], 0
        chosen.append(index)
        tokens += lengths[index]
    if chosen:
        yield chosen


def _runs_of_one_length(lengths: NDArray[np.int64]) -> list[tuple[slice, int]]:
    """Return the rows of each run of equally long sequences, and how many sequences it has."""
    runs = []
    start = 0
    for length, count in zip(*np.unique(lengths, return_counts=True), strict=True):
        runs.append((slice(start, start + length * count), int(count)))
        start += length * count
    return runs


def _layers(weights: Mapping[str, Matrix], scale: np.float32) -> Iterator[_Layer]:
    """Read the layers; attention's ``scale`` goes into the query's weights, where it costs nothing a call."""
    number = 0
    while f"encoder.layer.{number}.output.dense.weight" in weights:
        prefix = f"encoder.layer.{number}."
        attention = f"{prefix}attention.self."
        parts = ((f"{attention}query", scale), (f"{attention}key", 1), (f"{attention}value", 1))
        yield _Layer(
            query_key_value=np.hstack([weights[f"{part}.weight"].T * by for part, by in parts]),
            query_key_value_bias=np.hstack([weights[f"{part}.bias"] * by for part, by in parts]),
            attention_output=weights[f"{prefix}attention.output.dense.weight"].T,
            attention_output_bias=weights[f"{prefix}attention.output.dense.bias"],
            attention_norm=_norm(weights, f"{prefix}attention.output.LayerNorm"),
            widen=weights[f"{prefix}intermediate.dense.weight"].T,
            widen_bias=weights[f"{prefix}intermediate.dense.bias"],
            narrow=weights[f"{prefix}output.dense.weight"].T,
            narrow_bias=weights[f"{prefix}output.dense.bias"],
            output_norm=_norm(weights, f"{prefix}output.LayerNorm"),
        )
        number += 1


def _norm(weights: Mapping[str, Matrix], name: str) -> tuple[Matrix, Matrix]:
    return weights[f"{name}.weight"], weights[f"{name}.bias"]


def _normalise(rows: Matrix, norm: tuple[Matrix, Matrix]) -> None:
    """Apply layer normalisation in place (Ba et al. 2016, https://arxiv.org/abs/1607.06450)."""
    scale, shift = norm
    rows -= rows.mean(axis=1, keepdims=True)
    variance = np.einsum("ij,ij->i", rows, rows) / np.float32(rows.shape[1])
    rows *= (1 / np.sqrt(variance + _LAYER_NORM_EPSILON))[:, None]
    rows *= scale
    rows += shift


def _softmax(scores: Matrix) -> None:
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)


def _gelu(rows: Matrix) -> Matrix:
    """Apply x * Phi(x) in place, to 4e-7, and return the rows.

    numpy has no erf. Abramowitz and Stegun 7.1.26 gives erfc(z) for z >= 0 as a polynomial in 1 / (1 + pz)
    times exp(-z^2), and x * Phi(x) = max(x, 0) - |x| * erfc(|x| / sqrt 2) / 2 for either sign.
    """
    size = np.abs(rows)
    fraction = size * np.float32(0.3275911 / math.sqrt(2))
    fraction += 1
    np.reciprocal(fraction, out=fraction)
    tail = fraction * np.float32(1.061405429)
    for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        tail += np.float32(coefficient)
        tail *= fraction
    np.multiply(rows, rows, out=fraction)
    fraction *= np.float32(-0.5)
    np.exp(fraction, out=fraction)
    tail *= fraction
    tail *= size
    tail *= np.float32(0.5)
    np.maximum(rows, 0, out=rows)
    rows -= tail
    return rows
