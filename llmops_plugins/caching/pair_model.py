"""Tells whether two questions are the same, as learned from labelled pairs.

Of few pairs it is a logistic regression on their features, each held to its natural direction: such a model
is little worse than the cosine alone even on questions of another kind. Of many pairs it is one on all
products of two features, whose log odds are added to those of small networks that also see the vectors: they
learn which of the own topics' near pairs are the same. Look-ups that know the answers around them always have
the first: what more is learned of them does not carry over to other topics.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator

from llmops_plugins.caching.neighbourhood import NEIGHBOURHOOD
from llmops_plugins.caching.packed import PackedFloats
from llmops_plugins.caching.pair import LabelledPair
from llmops_plugins.caching.pair_features import FEATURES, pair_features
from llmops_plugins.caching.pair_network import PairNetwork, fit_network
from llmops_plugins.caching.question_words import WordWeights
from llmops_plugins.verification.logistic import LogOdds, fit_logistic, fit_signed_logistic

__all__ = ["NETWORKS_FROM", "PairModel", "fit_pair_model", "neighbourhoods"]

Array = NDArray[np.float64]

_RIDGE, _RIDGE_OF_PRODUCTS = 10.0, 100.0
NETWORKS_FROM = 1_500
"""Pairs from which networks and products tell others apart better than the regression does."""

_NETWORKS = 3
_DIRECTIONS = 128
_FARTHEST, _FARTHEST_PRODUCT = 4.0, 10.0
_SHARE_OF_PRODUCTS = 0.5
_NARROWEST = 1e-9
"""Spread taken for what does not vary."""

_FINITE = ConfigDict(frozen=True, allow_inf_nan=False)


class _Scale(BaseModel):
    """Standardises features, and keeps what lies far out from counting for more than it can."""

    model_config = _FINITE
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    farthest: float

    @classmethod
    def of(cls, values: Array, farthest: float) -> _Scale:
        deviation = values.std(0) + 1e-6
        return cls(mean=tuple(values.mean(0)), deviation=tuple(deviation), farthest=farthest)

    def __call__(self, values: Array) -> Array:
        scaled = (values - np.array(self.mean)) / np.array(self.deviation)
        return np.asarray(np.clip(scaled, -self.farthest, self.farthest))


class _Linear(BaseModel):
    """Log odds that are linear in standardised values."""

    model_config = _FINITE
    scale: _Scale
    intercept: float
    weights: tuple[float, ...]

    @model_validator(mode="after")
    def _is_whole(self) -> _Linear:
        if not len(self.weights) == len(self.scale.mean) == len(self.scale.deviation):
            raise ValueError("weights, mean and deviation must be equally many")
        return self

    @classmethod
    def signed(cls, features: Array, same: Array) -> _Linear:
        scale = _Scale.of(features, _FARTHEST)
        directions = (*FEATURES.values(), *NEIGHBOURHOOD.values())[: features.shape[1]]
        signs = np.array(directions, dtype=np.float64)
        fitted = fit_signed_logistic(scale(features), same, _RIDGE, signs)
        return cls(scale=scale, intercept=fitted.intercept, weights=tuple(fitted.weights))

    @classmethod
    def of_products(cls, values: Array, same: Array) -> _Linear:
        scale = _Scale.of(values, _FARTHEST_PRODUCT)
        fitted = fit_logistic(scale(values), same, _RIDGE_OF_PRODUCTS)
        return cls(scale=scale, intercept=fitted.intercept, weights=tuple(fitted.weights))

    def log_odds(self, values: Array) -> Array:
        return LogOdds(self.intercept, np.array(self.weights)).of(self.scale(values))


class _Networks(BaseModel):
    """Networks on standardised features and on how the two vectors go together, direction by direction."""

    model_config = _FINITE
    dimensions: int
    directions: int
    centre: PackedFloats
    axes: PackedFloats
    scales: tuple[tuple[float, float], ...]
    networks: tuple[tuple[PackedFloats, PackedFloats, PackedFloats, PackedFloats], ...]

    @model_validator(mode="after")
    def _is_whole(self) -> _Networks:
        whole = (len(self.centre), len(self.axes)) == (self.dimensions, self.dimensions * self.directions)
        inputs = len(FEATURES) + 3 * self.directions
        for into, hidden, out, bias in self.networks:
            whole = whole and len(hidden) == len(out) == np.size(into) / inputs and len(bias) == 1
        if not whole or len(self.scales) != 3:
            raise ValueError("networks must fit the features and vectors")
        return self

    @classmethod
    def fit(cls, features: Array, one: Array, other: Array, same: Array) -> _Networks:
        both = np.vstack([one, other])
        directions = min(_DIRECTIONS, both.shape[1])
        _, axes = np.linalg.eigh(np.cov(both.T))
        leading = np.ascontiguousarray(axes[:, ::-1][:, :directions])
        plain = cls(
            dimensions=both.shape[1],
            directions=directions,
            centre=both.mean(0),
            axes=leading,
            scales=((0.0, 1.0),) * 3,
            networks=(),
        )
        parts = plain._parts(one, other)
        scales = tuple((float(part.mean()), max(float(part.std()), _NARROWEST)) for part in parts)
        scaled = plain.model_copy(update={"scales": scales})
        values, targets = scaled._inputs(features, one, other), same.astype(np.float32)
        fitted = [fit_network(values, targets, seed) for seed in range(_NETWORKS)]
        networks = [(one.into, one.hidden_bias, one.out, one.bias) for one in fitted]
        return scaled.model_copy(update={"networks": tuple(networks)})

    def log_odds(self, features: Array, one: Array, other: Array) -> Array:
        values = self._inputs(features, one, other)
        found = [network.log_odds(values) for network in self._built]
        return np.asarray(np.mean(found, axis=0, dtype=np.float64))

    @cached_property
    def _built(self) -> list[PairNetwork]:
        inputs = len(FEATURES) + 3 * self.directions
        return [
            PairNetwork(into.reshape(inputs, -1), hidden, out, bias)
            for into, hidden, out, bias in self.networks
        ]

    def _parts(self, one: Array, other: Array) -> list[Array]:
        axes = np.asarray(self.axes).reshape(self.dimensions, self.directions)
        a, b = (one - self.centre) @ axes, (other - self.centre) @ axes
        return [np.abs(a - b), a * b, a + b]

    def _inputs(self, features: Array, one: Array, other: Array) -> NDArray[np.float32]:
        parts = self._parts(one, other)
        scaled = [
            (part - mean) / deviation for part, (mean, deviation) in zip(parts, self.scales, strict=True)
        ]
        return np.hstack([features, *scaled]).astype(np.float32)


class PairModel(BaseModel):
    """A fitted model of labelled pairs.

    Args:
        word_weights: How much each stem tells.
        unseen_weight: How much one tells that was not seen.
        neighbourhood: Whether it also goes by the answers stored around a question.
        linear: The regression on features.
        products: The one on their products, where there were rows for it.
        networks: The networks, likewise.
    """

    model_config = _FINITE
    word_weights: dict[str, float]
    unseen_weight: float
    neighbourhood: bool = False
    linear: _Linear
    products: _Linear | None = None
    networks: _Networks | None = None

    @model_validator(mode="after")
    def _fits_features(self) -> PairModel:
        if len(self.linear.weights) != len(FEATURES) + len(NEIGHBOURHOOD) * self.neighbourhood:
            raise ValueError("linear must have a weight for each feature")
        return self

    def log_odds(
        self,
        one: Sequence[str],
        other: Sequence[str],
        vectors: Array,
        others: Array,
        around: Array | None = None,
    ) -> Array:
        """Return the log odds that pairs of questions are the same.

        Args:
            one: Questions.
            other: As many others.
            vectors: Vectors of the questions, rows of norm 1.
            others: Those of the others.
            around: What the answers around them say, one row a pair; for a model that goes by it.
        """
        weights = WordWeights(self.word_weights, self.unseen_weight)
        features = _features(one, other, vectors, others, weights, around if self.neighbourhood else None)
        if self.products is None or self.networks is None:
            return self.linear.log_odds(features)
        standard = self.linear.scale(features)
        products = self.products.log_odds(_with_products(standard))
        return self.networks.log_odds(standard, vectors, others) + _SHARE_OF_PRODUCTS * products


def fit_pair_model(pairs: Sequence[LabelledPair], vectors: Array, others: Array) -> PairModel:
    """Fit a model.

    Args:
        pairs: Labelled pairs.
        vectors: Vectors of their first questions, rows of norm 1.
        others: Those of the second ones.
    """
    one, other = [pair.a for pair in pairs], [pair.b for pair in pairs]
    same = np.array([float(pair.same) for pair in pairs])
    weights = WordWeights.of(dict.fromkeys([*one, *other]))
    around = neighbourhoods(pairs)
    features = _features(one, other, vectors, others, weights, around)
    linear = _Linear.signed(features, same)
    standard = linear.scale(features)
    products = networks = None
    if len(pairs) >= NETWORKS_FROM and around is None:
        products = _Linear.of_products(_with_products(standard), same)
        networks = _Networks.fit(standard, vectors, others, same)
    return PairModel(
        word_weights=dict(weights.known),
        unseen_weight=weights.unseen,
        neighbourhood=around is not None,
        linear=linear,
        products=products,
        networks=networks,
    )


def neighbourhoods(pairs: Sequence[LabelledPair]) -> Array | None:
    """Return what the answers around pairs say, one row a pair; None where it is not known of all."""
    known = [pair.neighbourhood for pair in pairs if pair.neighbourhood is not None]
    return np.array(known, dtype=np.float64) if known and len(known) == len(pairs) else None


def _features(
    one: Sequence[str],
    other: Sequence[str],
    vectors: Array,
    others: Array,
    weights: WordWeights,
    around: Array | None,
) -> Array:
    cosines = np.einsum("ij,ij->i", vectors, others)
    pairs = zip(one, other, cosines.tolist(), strict=True)
    rows = np.array([pair_features(a, b, cosine, weights) for a, b, cosine in pairs])
    rows = rows.reshape(-1, len(FEATURES))
    return rows if around is None else np.hstack([rows, around])


def _with_products(values: Array) -> Array:
    first, second = np.triu_indices(values.shape[1])
    return np.hstack([values, values[:, first] * values[:, second]])
