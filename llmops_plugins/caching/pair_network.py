"""A small neural network that tells pairs apart, in numpy: one hidden layer of rectifiers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["PairNetwork", "fit_network"]

Floats = NDArray[np.float32]

_HIDDEN = 128
_EPOCHS = 30
_RATE = 1e-3
_DECAY = 1e-2
_DROPPED = 77 / 256
"""Share of inputs and of hidden units left out of each step; in 256ths, which are quick to draw."""

_BATCH = 256
_FIRST_MOMENT, _SECOND_MOMENT, _TINY = 0.9, 0.999, 1e-8


@dataclass(frozen=True)
class PairNetwork:
    """The network's numbers.

    Args:
        into: Weights into the hidden layer, inputs x hidden.
        hidden_bias: One a hidden unit.
        out: Weights out of it, one a hidden unit.
        bias: Of the output, a vector of one.
    """

    into: Floats
    hidden_bias: Floats
    out: Floats
    bias: Floats

    def log_odds(self, values: Floats) -> Floats:
        """Return the log odds of rows of inputs."""
        hidden = np.maximum(values @ self.into + self.hidden_bias, 0)
        return np.asarray(hidden @ self.out + self.bias[0], dtype=np.float32)


def fit_network(values: Floats, targets: Floats, seed: int) -> PairNetwork:
    """Fit a network by Adam with decoupled weight decay and dropout.

    Methods: Kingma and Ba 2015 (https://arxiv.org/abs/1412.6980), Loshchilov and Hutter 2019
    (https://arxiv.org/abs/1711.05101), Srivastava et al. 2014 (dropout).

    Args:
        values: Rows of standardised inputs.
        targets: 1 or 0 for each.
        seed: Of what is drawn.
    """
    random = np.random.default_rng(seed)
    rows, inputs = values.shape
    batch = min(_BATCH, rows)
    parameters = [
        (random.normal(size=(inputs, _HIDDEN)) * np.sqrt(2 / inputs)).astype(np.float32),
        np.zeros(_HIDDEN, np.float32),
        (random.normal(size=_HIDDEN) * np.sqrt(1 / _HIDDEN)).astype(np.float32),
        np.zeros(1, np.float32),
    ]
    optimizer = _Adam(parameters, steps=_EPOCHS * (rows // batch))
    for _ in range(_EPOCHS):
        order = random.permutation(rows)
        for start in range(0, rows - batch + 1, batch):
            chosen = order[start : start + batch]
            optimizer.step(_gradients(parameters, values[chosen], targets[chosen], random))
    return PairNetwork(*parameters)


def _gradients(
    parameters: list[Floats], values: Floats, targets: Floats, random: np.random.Generator
) -> list[Floats]:
    into, hidden_bias, out, bias = parameters
    given = values * _kept(values.shape, random)
    before = given @ into + hidden_bias
    passing = (before > 0) * _kept(before.shape, random)
    hidden = before * passing
    expected = 1 / (1 + np.exp(-np.clip(hidden @ out + bias[0], -30, 30)))
    error = ((expected - targets) / len(values)).astype(np.float32)
    back = np.outer(error, out) * passing
    return [given.T @ back, back.sum(0), hidden.T @ error, error.sum(keepdims=True)]


def _kept(shape: tuple[int, ...], random: np.random.Generator) -> Floats:
    kept = random.integers(0, 256, shape, np.uint8) >= round(256 * _DROPPED)
    return np.asarray(kept / np.float32(1 - _DROPPED), dtype=np.float32)


class _Adam:
    def __init__(self, parameters: list[Floats], *, steps: int) -> None:
        self._parameters = parameters
        self._first = [np.zeros_like(one) for one in parameters]
        self._second = [np.zeros_like(one) for one in parameters]
        self._steps, self._step = steps, 0

    def step(self, gradients: list[Floats]) -> None:
        """Move every parameter, in place; the rate falls to nothing over all steps."""
        self._step += 1
        rate = np.float32(_RATE * (1 - self._step / (self._steps + 1)))
        unbiased_first = np.float32(1 - _FIRST_MOMENT**self._step)
        unbiased_second = np.float32(1 - _SECOND_MOMENT**self._step)
        moments = zip(self._parameters, self._first, self._second, gradients, strict=True)
        for parameter, first, second, gradient in moments:
            first += np.float32(1 - _FIRST_MOMENT) * (gradient - first)
            second += np.float32(1 - _SECOND_MOMENT) * (gradient * gradient - second)
            towards = first / unbiased_first / (np.sqrt(second / unbiased_second) + np.float32(_TINY))
            parameter -= rate * (towards + np.float32(_DECAY) * parameter)
