"""Tests the semantic tier on labelled pairs: each is one look-up, b asked while a is stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from langchain_core.messages import AIMessage

from llmops_plugins.backtest.cache_baselines import (
    GPTCACHE_THRESHOLD,
    Flags,
    Scores,
    shares_at,
    threshold_at,
    threshold_baseline,
    threshold_for,
)
from llmops_plugins.backtest.cache_requests import refuse_same_file
from llmops_plugins.backtest.cache_result import CachePairsResult, PairsBaseline, RefusedPairs
from llmops_plugins.backtest.cache_settings import (
    CacheBacktestSettings,
    Prepared,
    prepare,
    read_fit,
    texts_of,
)
from llmops_plugins.backtest.cache_vectors import Vectors, vectors_of
from llmops_plugins.bounds import binomial_upper
from llmops_plugins.caching.entry import CacheEntry
from llmops_plugins.caching.pair import LabelledPair, read_pairs
from llmops_plugins.caching.semantic import SemanticTier
from llmops_plugins.caching.similarity_rule import Match, SimilarityRule
from llmops_plugins.errors import BoundNotMetError, ConfigurationError
from llmops_plugins.storage.blas_threads import one_blas_thread

__all__ = ["backtest_pairs"]


def backtest_pairs(
    path: Path | str,
    *,
    fit: Path | str | None = None,
    settings: CacheBacktestSettings | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> CachePairsResult:
    """Test the semantic tier on labelled pairs, beside a threshold of the cosine and GPTCache's rule.

    A rule that cannot show ``max_error`` serves nothing, and the result says so in its notes: how well it
    tells pairs apart is of use all the same.

    Args:
        path: The pairs, as :func:`~llmops_plugins.caching.pair.read_pairs` reads them.
        fit: Other pairs, or requests with their intents, to calibrate a rule on; None tests the one that
            ships with this package.
        settings: What is asked for.
        progress: Told how many texts are embedded, of how many.

    Raises:
        ConfigurationError: If a setting or a file is wrong, or there is no rule.
        RecordError: If a row cannot be used.
    """
    asked = settings or CacheBacktestSettings()
    if fit is not None:
        refuse_same_file(fit, path)
    pairs = read_pairs(path)
    if len({pair.same for pair in pairs}) < 2:
        raise ConfigurationError("pairs", f"{path} must hold pairs that are the same and pairs that are not")
    fitted_on = read_fit(fit, asked.seed) if fit is not None else None
    prepared = prepare(texts_of(pairs), fitted_on, asked, progress)
    notes: list[str] = []
    tier = _tier(prepared, asked, notes)
    known = set(prepared.fit)
    repeated = sum(pair in known for pair in pairs)
    if repeated:
        notes.append(f"{repeated:,} of the tested pairs were calibrated on too, which flatters the figures.")
    looked_up = _LookedUp.of(pairs, prepared, tier, asked)
    return _result(looked_up, _chosen_on(prepared, asked), tier, asked, notes)


@dataclass(frozen=True)
class _LookedUp:
    """What is known of each pair, row by row."""

    same: Flags
    cosines: Scores
    probabilities: Scores
    served: Flags
    refused: dict[str, Flags]
    comparable: Flags

    @classmethod
    def of(
        cls,
        pairs: Sequence[LabelledPair],
        prepared: Prepared,
        tier: SemanticTier | None,
        settings: CacheBacktestSettings,
    ) -> _LookedUp:
        vectors, others = _vectors(pairs, prepared)
        cosines, probabilities, served = [], [], []
        comparable = [SemanticTier.can_compare(pair.a) and SemanticTier.can_compare(pair.b) for pair in pairs]
        with one_blas_thread():
            for row, pair in enumerate(pairs):
                match = _match(prepared.rule, pair, vectors[row], others[row])
                cosines.append(match.cosine)
                probabilities.append(match.probability)
                candidate = tier.candidate("", _entry(pair.a), match, pair.b) if tier is not None else None
                served.append(comparable[row] and candidate is not None and candidate.refused_by is None)
        return cls(
            same=np.array([pair.same for pair in pairs]),
            cosines=np.array(cosines),
            probabilities=np.array(probabilities),
            served=np.array(served),
            refused={
                guard.name: np.array([guard(pair.b, pair.a) is not None for pair in pairs])
                for guard in settings.guards
            },
            comparable=np.array(comparable),
        )

    @property
    def refused_by_any(self) -> Flags:
        none = np.zeros(len(self.same), np.bool_)
        return np.asarray(np.logical_or.reduce([none, *self.refused.values()]))


def _result(
    looked_up: _LookedUp,
    cosine_threshold: Callable[[_LookedUp, float], float | None],
    tier: SemanticTier | None,
    settings: CacheBacktestSettings,
    notes: list[str],
) -> CachePairsResult:
    same, served = looked_up.same, looked_up.served
    right, wrong = int((served & same).sum()), int((served & ~same).sum())
    served_different = wrong / int((~same).sum())
    return CachePairsResult(
        pairs=len(same),
        same=int(same.sum()),
        max_error=settings.max_error,
        confidence=settings.confidence,
        threshold=tier.tested.probability if tier is not None and tier.tested is not None else None,
        served_same=right / int(same.sum()),
        served_different=served_different,
        wrong_of_served=wrong / (right + wrong) if right + wrong else None,
        false_hit_upper=binomial_upper(wrong, right + wrong, settings.confidence),
        at_served_different=shares_at(
            looked_up.probabilities, same, looked_up.comparable & ~looked_up.refused_by_any
        ),
        guards=_guards(looked_up),
        baselines=_baselines(looked_up, cosine_threshold(looked_up, served_different)),
        notes=notes,
    )


def _guards(looked_up: _LookedUp) -> dict[str, RefusedPairs]:
    refused = {**looked_up.refused, "any": looked_up.refused_by_any} if looked_up.refused else {}
    return {
        name: RefusedPairs(
            same=int((rows & looked_up.same).sum()), different=int((rows & ~looked_up.same).sum())
        )
        for name, rows in refused.items()
    }


def _baselines(looked_up: _LookedUp, cosine_threshold: float | None) -> dict[str, PairsBaseline]:
    return {
        "cosine": threshold_baseline(cosine_threshold, looked_up.cosines, looked_up.same),
        "gptcache": threshold_baseline(GPTCACHE_THRESHOLD, looked_up.cosines, looked_up.same),
    }


def _chosen_on(
    prepared: Prepared, settings: CacheBacktestSettings
) -> Callable[[_LookedUp, float], float | None]:
    """Return how the cosine's threshold is chosen: on the fit rows if there are any, else in hindsight."""
    if not prepared.fit:
        return lambda looked_up, served_different: threshold_at(
            served_different, looked_up.cosines, looked_up.same
        )
    vectors, others = _vectors(prepared.fit, prepared)
    cosines = np.einsum("ij,ij->i", vectors, others).astype(np.float64)
    same = np.array([pair.same for pair in prepared.fit])
    chosen = threshold_for(cosines, same, settings.max_error, settings.confidence)
    return lambda looked_up, served_different: chosen


def _tier(prepared: Prepared, settings: CacheBacktestSettings, notes: list[str]) -> SemanticTier | None:
    try:
        return SemanticTier(
            embeddings=prepared.embeddings,
            rule=prepared.rule,
            guards=settings.guards,
            max_error=settings.max_error,
            confidence=settings.confidence,
        )
    except BoundNotMetError as error:
        notes.append(
            f"Nothing is served: a max_error of {error.asked:g} cannot be shown on {error.rows:,} pairs, the "
            f"lowest that can is {error.lowest_upper:.2g}."
        )
        return None


def _match(rule: SimilarityRule, pair: LabelledPair, vector: Vectors, other: Vectors) -> Match:
    return rule.matches(pair.b, [pair.a], [other.tolist(), vector.tolist()], [""])[0]


def _vectors(pairs: Sequence[LabelledPair], prepared: Prepared) -> tuple[Vectors, Vectors]:
    rows = vectors_of(texts_of(pairs), prepared.embeddings)
    return rows[: len(pairs)], rows[len(pairs) :]


def _entry(question: str) -> CacheEntry:
    return CacheEntry(question=question, reply=(AIMessage(""),), usage=None, created_at=0.0)
