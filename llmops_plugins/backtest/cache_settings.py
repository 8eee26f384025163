"""What an offline run of the semantic tier is asked for, and the rule it tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from langchain_core.embeddings import Embeddings

from llmops_plugins.backtest.cache_look_ups import pairs_from_stream
from llmops_plugins.backtest.cache_requests import StreamRequest, holds_requests, read_requests, shuffled
from llmops_plugins.backtest.cache_vectors import embed_all, vectors_of
from llmops_plugins.caching.calibration import calibrate_cache
from llmops_plugins.caching.guards.defaults import DEFAULT_GUARDS
from llmops_plugins.caching.guards.guard import Guard
from llmops_plugins.caching.pair import LabelledPair, read_pairs
from llmops_plugins.caching.shipped import shipped_rule
from llmops_plugins.caching.similarity_rule import SimilarityRule
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.storage.cached_embeddings import CachedEmbeddings
from llmops_plugins.storage.item_indexing import embeddings_name
from llmops_plugins.verification.settings import check_probability

__all__ = ["CacheBacktestSettings", "FitRows", "Prepared", "prepare", "read_fit", "texts_of"]

_Read = TypeVar("_Read")


@dataclass(frozen=True, kw_only=True)
class CacheBacktestSettings:
    """What an offline run of the semantic tier is asked for.

    Args:
        embeddings: As for :class:`~llmops_plugins.caching.semantic.SemanticTier`.
        max_error: Largest share of wrong answers among those served.
        confidence: Probability with which bounds hold.
        guards: What refuses a similar question that is not the same.
        seed: Of every shuffle.

    Raises:
        ConfigurationError: If a setting is wrong.
    """

    embeddings: Embeddings | str | None = None
    max_error: float = 0.01
    confidence: float = 0.9
    guards: Sequence[Guard] = field(default=DEFAULT_GUARDS)
    seed: int = 0

    def __post_init__(self) -> None:
        check_probability("max_error", self.max_error)
        check_probability("confidence", self.confidence)


@dataclass(frozen=True, kw_only=True)
class FitRows:
    """What a rule is calibrated on: one of the two.

    Args:
        pairs: Labelled pairs.
        requests: Requests of a stream, in the order they come.
    """

    pairs: Sequence[LabelledPair] = ()
    requests: Sequence[StreamRequest] = ()

    @property
    def texts(self) -> list[str]:
        """Every text in them."""
        return [request.text for request in self.requests] or texts_of(self.pairs)


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What an offline run works with.

    Args:
        rule: The rule to test.
        embeddings: What it was fitted with; holds the vectors of all texts.
        fit: The pairs it was calibrated on; empty for the rule that ships.
    """

    rule: SimilarityRule
    embeddings: CachedEmbeddings
    fit: Sequence[LabelledPair]


def read_fit(path: Path | str, seed: int) -> FitRows:
    """Read what to calibrate on: its first row tells whether it holds pairs or requests with their intents.

    Raises:
        ConfigurationError: If it cannot be read, or holds neither.
        RecordError: If a line is neither.
    """
    if holds_requests(path, field="fit"):
        return FitRows(requests=shuffled(read_requests(path, field="fit"), seed))
    return FitRows(pairs=_of_fit(lambda: read_pairs(path)))


def prepare(
    texts: Sequence[str],
    fit: FitRows | None,
    settings: CacheBacktestSettings,
    progress: Callable[[int, int], None] | None,
) -> Prepared:
    """Embed all texts and calibrate the rule, or take the one that ships.

    Args:
        texts: What is tested.
        fit: What to calibrate on.
        settings: What is asked for.
        progress: Told how many texts are embedded, of how many.

    Raises:
        ConfigurationError: If there is no rule, or none can be calibrated.
        MissingExtraError: If the embeddings are not installed.
    """
    if fit is None:
        embeddings = embed_all((), settings.embeddings)  # whether a rule ships is to show before the wait
        rule = shipped_rule(embeddings_name(embeddings))
        if rule is None:
            problem = f"is missing, and no rule ships for {embeddings_name(embeddings)}: give --fit FILE"
            raise ConfigurationError("fit", problem)
        return Prepared(rule=rule, embeddings=embed_all(texts, embeddings, progress), fit=())
    embeddings = embed_all([*texts, *fit.texts], settings.embeddings, progress)
    pairs = fit.pairs
    if fit.requests:
        pairs = pairs_from_stream(fit.requests, vectors_of(fit.texts, embeddings))
    return Prepared(rule=_calibrated(pairs, embeddings, settings), embeddings=embeddings, fit=pairs)


def texts_of(pairs: Sequence[LabelledPair]) -> list[str]:
    """Return the questions of pairs, the first ones first."""
    return [pair.a for pair in pairs] + [pair.b for pair in pairs]


def _calibrated(
    pairs: Sequence[LabelledPair], embeddings: CachedEmbeddings, settings: CacheBacktestSettings
) -> SimilarityRule:
    return _of_fit(
        lambda: calibrate_cache(
            pairs,
            embeddings=embeddings,
            guards=settings.guards,
            confidence=settings.confidence,
            seed=settings.seed,
        )
    )


def _of_fit(read: Callable[[], _Read]) -> _Read:
    """Name the setting as the user wrote it, where what is wrong with pairs is wrong with those to fit on."""
    try:
        return read()
    except ConfigurationError as error:
        if error.field != "pairs":
            raise
        raise ConfigurationError("fit", error.problem) from error
