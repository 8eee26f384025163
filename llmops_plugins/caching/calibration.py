"""Calibrates the semantic tier: what to take for the same question, at an error that can be shown.

Some of the pairs fit a model, and order thresholds from the surest to the most generous. The others test
them in that order until one fails (learn then test with fixed-sequence testing: Angelopoulos, Bates,
Candès, Jordan and Lei 2021, https://arxiv.org/abs/2110.01052), each by the exact binomial limit of the
wrong among the served (Clopper and Pearson 1934). So with the stated confidence the share of wrong answers
among those served is at most ``max_error``, for look-ups drawn like the pairs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from llmops_plugins.caching.guards.defaults import DEFAULT_GUARDS
from llmops_plugins.caching.guards.guard import Guard
from llmops_plugins.caching.pair import LabelledPair
from llmops_plugins.caching.pair_groups import connected_groups
from llmops_plugins.caching.pair_model import NETWORKS_FROM, PairModel, fit_pair_model, neighbourhoods
from llmops_plugins.caching.similarity_rule import CalibrationRows, SimilarityRule
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.storage.embeddings import resolve_embeddings
from llmops_plugins.storage.item_indexing import embeddings_name
from llmops_plugins.verification.fixed_sequence import careful_to_thrifty
from llmops_plugins.verification.logistic import fit_logistic
from llmops_plugins.verification.settings import check_probability

__all__ = ["calibrate_cache"]

Array = NDArray[np.float64]

_FEWEST, _FEWEST_FITTED = 100, 10
_MOST_HELD_OUT = 4_000
_SHARES = np.geomspace(0.01, 1.0, 60)
_RIDGE_OF_PLATT = 1e-3
_TEXTS_A_CALL = 256


def calibrate_cache(
    pairs: Sequence[LabelledPair],
    *,
    embeddings: Embeddings | str | None = None,
    guards: Sequence[Guard] = DEFAULT_GUARDS,
    confidence: float = 0.9,
    different_share: float | None = None,
    fit_share: float | None = None,
    seed: int = 0,
) -> SimilarityRule:
    """Fit a rule for the semantic tier on labelled pairs.

    The model is fitted on pairs that pass all guards, since it sees no others in use. The bound is for pairs
    like these: take them from your own look-ups, such as
    :func:`~llmops_plugins.caching.labels.read_labels` returns after a while in shadow.

    Args:
        pairs: Questions and the stored ones that were nearest to them, with whether one answer is right for
            both; at least 100 that pass the guards, of both kinds.
        embeddings: The embeddings the tier will use; as for ``SemanticTier``.
        guards: The guards it will use.
        confidence: Probability that bounds will be asked for at; it decides which threshold is tested first.
        different_share: Share of look-ups whose nearest stored question is another one, where the pairs were
            not drawn from traffic but hold more such pairs than it does; None where they are like it.
        fit_share: Share of the pairs that the model is fitted on, while the others show the bound; by default
            half of them, or all but 4,000 where that is more.
        seed: Of the shuffle that splits the pairs.

    Raises:
        ConfigurationError: If a setting is wrong, or there are too few pairs of either kind.
        MissingExtraError: If the embedded default is not installed.
    """
    check_probability("confidence", confidence)
    if fit_share is not None:
        check_probability("fit_share", fit_share)
    if different_share is not None:
        check_probability("different_share", different_share)
    resolved = resolve_embeddings(embeddings)
    refused = np.array([_refused(pair, guards) for pair in pairs])
    same = np.array([float(pair.same) for pair in pairs])
    _check(same[refused == 0], len(pairs))
    rows = _Rows(
        pairs,
        _embedded([pair.a for pair in pairs], resolved),
        _embedded([pair.b for pair in pairs], resolved),
    )
    groups = connected_groups(pairs)
    fit, held_out = _split(groups, fit_share, seed)
    fit = fit[refused[fit] == 0]
    if len(fit) < _FEWEST_FITTED:
        raise ConfigurationError("fit_share", f"leaves {len(fit)} pairs to fit a model on, raise it")
    model = rows.fit(fit)
    left_out = _left_out(rows, fit, groups[fit])
    platt = fit_logistic(left_out[:, None], same[fit], _RIDGE_OF_PLATT)
    intercept, slope = platt.intercept, max(0.0, float(platt.weights[0]))
    fitted, likewise = intercept + slope * rows.log_odds(model, fit), intercept + slope * left_out
    ordered = careful_to_thrifty(fitted, likewise, 1 - same[fit], confidence, shares=_SHARES)
    return SimilarityRule(
        embeddings=embeddings_name(resolved),
        dimensions=rows.dimensions,
        guards=tuple(guard.name for guard in guards),
        model=model,
        intercept=intercept,
        slope=slope,
        thresholds=tuple(ordered),
        different_share=different_share,
        pairs=len(pairs),
        calibration=CalibrationRows(
            log_odds=intercept + slope * rows.log_odds(model, held_out),
            same=same[held_out],
            refused=refused[held_out],
        ),
        fingerprint=_fingerprint(pairs),
    )


class _Rows:
    """Pairs with their vectors."""

    def __init__(self, pairs: Sequence[LabelledPair], vectors: Array, others: Array) -> None:
        self._pairs, self._vectors, self._others = pairs, vectors, others
        self.dimensions = vectors.shape[1]

    def fit(self, rows: NDArray[np.int64]) -> PairModel:
        return fit_pair_model([self._pairs[row] for row in rows], self._vectors[rows], self._others[rows])

    def log_odds(self, model: PairModel, rows: NDArray[np.int64]) -> Array:
        pairs = [self._pairs[row] for row in rows]
        one, other = [pair.a for pair in pairs], [pair.b for pair in pairs]
        around = neighbourhoods(pairs)
        return model.log_odds(one, other, self._vectors[rows], self._others[rows], around)


def _left_out(rows: _Rows, fit: NDArray[np.int64], groups: NDArray[np.int64]) -> Array:
    """Return each row's log odds by a model that was fitted without it."""
    folds = 2 if len(fit) >= NETWORKS_FROM else 5  # networks take their time
    log_odds = np.empty(len(fit))
    for fold in range(folds):
        tested = groups % folds == fold
        log_odds[tested] = rows.log_odds(rows.fit(fit[~tested]), fit[tested])
    return log_odds


def _split(
    groups: NDArray[np.int64], fit_share: float | None, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs to fit on and those to hold out; questions that hang together stay together."""
    pairs = len(groups)
    wanted = max(pairs // 2, pairs - _MOST_HELD_OUT) if fit_share is None else int(pairs * fit_share)
    order = np.random.default_rng(seed).permutation(int(groups.max()) + 1)
    place = np.argsort(order)[groups]
    counted = np.cumsum(np.bincount(place, minlength=len(order)))
    fitted = place <= int(np.searchsorted(counted, wanted))
    return np.flatnonzero(fitted), np.flatnonzero(~fitted)


def _refused(pair: LabelledPair, guards: Sequence[Guard]) -> int:
    """Return which guards refuse a pair: the sum of 2 to the power of each one's place."""
    return sum(1 << place for place, guard in enumerate(guards) if guard(pair.a, pair.b) is not None)


def _check(same: Array, pairs: int) -> None:
    """Refuse too few pairs; ``same`` is of those that pass the guards."""
    if len(same) < _FEWEST or not 0 < same.sum() < len(same):
        raise ConfigurationError(
            "pairs",
            f"{len(same)} of {pairs} pass the guards, {int(same.sum())} of them the same question: give at "
            f"least {_FEWEST} that pass, of both kinds",
        )


def _embedded(texts: Sequence[str], embeddings: Embeddings) -> Array:
    distinct = list(dict.fromkeys(texts))
    # Sorted by length, because a batch is as slow as its longest text.
    by_length = sorted(distinct, key=len)
    vectors: dict[str, Sequence[float]] = {}
    for start in range(0, len(by_length), _TEXTS_A_CALL):
        few = by_length[start : start + _TEXTS_A_CALL]
        vectors |= zip(few, embeddings.embed_documents(few), strict=True)
    rows = np.array([vectors[text] for text in texts], dtype=np.float64)
    if not np.isfinite(rows).all():
        raise ConfigurationError("embeddings", "gave a vector with a number that is not finite, use others")
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))


def _fingerprint(pairs: Sequence[LabelledPair]) -> str:
    digest = hashlib.sha256()
    for pair in pairs:
        digest.update(json.dumps([pair.a, pair.b, pair.same]).encode())
    return digest.hexdigest()
