"""Whether the demonstrations found for a question call what its own solution does, on random halves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from langchain_core.embeddings import Embeddings

from llmops_plugins.backtest.cache_vectors import embed_all, vectors_of
from llmops_plugins.backtest.demonstrations_dataset import SolvedRequests, read_solved_requests
from llmops_plugins.backtest.demonstrations_result import DemonstrationsBaseline, DemonstrationsResult
from llmops_plugins.backtest.demonstrations_retrieval import (
    PAPER_DISTANCE,
    SHOWN,
    Cosines,
    Rows,
    recalled,
    tfidf_cosines,
)
from llmops_plugins.backtest.intervals import resampled_interval
from llmops_plugins.errors import ConfigurationError, MissingExtraError
from llmops_plugins.hierarchy.demonstrations.solution_calls import solution_calls
from llmops_plugins.storage.blas_threads import one_blas_thread
from llmops_plugins.storage.cached_embeddings import CachedEmbeddings
from llmops_plugins.storage.item_indexing import embeddings_name

__all__ = ["backtest_demonstrations"]

Progress = Callable[[int, int], None]

_CONFIDENCE = 0.95
_WITHOUT_EMBEDDINGS = "Without embeddings the paper's rule takes the distance of TF-IDF."
_FEWEST_HALVES, _MOST_HALVES = 2, 10_000


def backtest_demonstrations(
    path: Path | str,
    *,
    halves: int = 20,
    seed: int = 0,
    embeddings: Embeddings | str | None = None,
    lexical: bool = False,
    progress: Progress | None = None,
) -> DemonstrationsResult:
    """Store one half of solved requests, ask the questions of the other, and compare what solutions call.

    What a solution calls is what
    :func:`~llmops_plugins.hierarchy.demonstrations.solution_calls.solution_calls` reads from it. Ranking
    reads the stored solutions the same way; a question's own solution it never sees.

    Args:
        path: The requests, as :func:`read_solved_requests` takes them.
        halves: How many random halves, at least 2.
        seed: Of the halving.
        embeddings: As ``resolve_embeddings`` takes them. None takes the embedded default, or ranks by words
            alone where that is not installed.
        lexical: Rank by words alone.
        progress: Told how many halves are done, of how many.

    Raises:
        ConfigurationError: If the file or a setting is wrong.
        RecordError: If a row of the file is no request.
        MissingExtraError: If embeddings that were asked for are not installed.
    """
    if type(halves) is not int or not _FEWEST_HALVES <= halves <= _MOST_HALVES:
        problem = f"must be a whole number from {_FEWEST_HALVES} to {_MOST_HALVES:,}, got {halves!r}"
        raise ConfigurationError("halves", problem)
    if lexical and embeddings is not None:
        raise ConfigurationError("lexical", "leaves embeddings out, so name none")
    requests = read_solved_requests(path)
    kept, notes = _embedded(requests, embeddings, lexical)
    cosines = None
    if kept is not None:
        vectors = vectors_of(requests.questions, kept).astype(np.float64)
        cosines = vectors @ vectors.T
    measured = _Measured(requests)
    random = np.random.default_rng(seed)
    found = []
    for number in range(halves):
        order = random.permutation(len(requests.questions))
        stored, asked = np.sort(order[: len(order) // 2]), np.sort(order[len(order) // 2 :])
        found.append(_half(measured, stored, asked, kept, cosines))
        if progress is not None:
            progress(number + 1, halves)
    return _result(requests, found, seed, None if kept is None else embeddings_name(kept), notes)


class _Measured:
    """Requests, with how far what their solutions call agrees.

    Args:
        requests: The requests.
    """

    def __init__(self, requests: SolvedRequests) -> None:
        self.requests = requests
        calls = [solution_calls(solution) for solution in requests.solutions]
        self.same = np.array([[one == other for other in calls] for one in calls])
        common = np.array([[not one.isdisjoint(other) for other in calls] for one in calls])
        self.shared = self.same | common


def _embedded(
    requests: SolvedRequests, embeddings: Embeddings | str | None, lexical: bool
) -> tuple[CachedEmbeddings | None, list[str]]:
    """Return embeddings that know the questions, and what a reader has to be told."""
    if lexical:
        return None, [_WITHOUT_EMBEDDINGS]
    try:
        return embed_all(requests.questions, embeddings), []
    except MissingExtraError as error:
        if embeddings is not None:
            raise
        return None, [
            f"Ranked by words alone: the embedded default is missing, {error.problem}.",
            _WITHOUT_EMBEDDINGS,
        ]


def _half(
    measured: _Measured, stored: Rows, asked: Rows, kept: CachedEmbeddings | None, cosines: Cosines | None
) -> dict[str, float]:
    requests = measured.requests
    with one_blas_thread():
        by_words = tfidf_cosines(requests.questions, stored, asked)
    shown = recalled(requests, stored, asked, kept, by_words)
    near = by_words if cosines is None else cosines[np.ix_(asked, stored)]
    nearest = stored[np.argmax(near, axis=1)]
    close = 1 - near.max(axis=1) < PAPER_DISTANCE
    tfidf = stored[np.argmax(by_words, axis=1)]
    found = {
        "paper_retrieved": float(close.mean()),
        "retrieved": float(np.mean([bool(some) for some in shown])),
    }
    for name, agree in (("same", measured.same), ("shared", measured.shared)):
        among = agree[np.ix_(asked, stored)]
        of_shown = [agree[question, some] for question, some in zip(asked, shown, strict=True)]
        found |= {
            name: float(np.mean([agrees[:1].any() for agrees in of_shown])),
            f"shown_{name}": float(np.mean([agrees.any() for agrees in of_shown])),
            f"oracle_{name}": float(among.any(axis=1).mean()),
            f"tfidf_{name}": float(agree[asked, tfidf].mean()),
            f"paper_{name}": float((agree[asked, nearest] & close).mean()),
            f"random_{name}": float(among.mean()),
        }
    return found


def _result(
    requests: SolvedRequests,
    found: Sequence[dict[str, float]],
    seed: int,
    embeddings: str | None,
    notes: list[str],
) -> DemonstrationsResult:
    mean = {name: sum(half[name] for half in found) / len(found) for name in found[0]}
    if mean["retrieved"] < 1:
        notes = [
            *notes,
            f"{1 - mean['retrieved']:.1%} of the questions were shown none, which counts as wrong.",
        ]
    return DemonstrationsResult(
        requests=len(requests.questions),
        unsolved=requests.unsolved,
        repeated=requests.repeated,
        halves=len(found),
        seed=seed,
        embeddings=embeddings,
        same=mean["same"],
        shared=mean["shared"],
        oracle_same=mean["oracle_same"],
        oracle_shared=mean["oracle_shared"],
        gap_closed_same=_gap_closed(mean, "same"),
        gap_closed_shared=_gap_closed(mean, "shared"),
        shown_same=mean["shown_same"],
        shown_shared=mean["shown_shared"],
        shown=SHOWN,
        intervals=_intervals(found, len(requests.questions)),
        baselines={
            "tfidf": _baseline(mean, "tfidf"),
            "paper_rule": _baseline(mean, "paper", mean["paper_retrieved"]),
            "random": _baseline(mean, "random"),
        },
        notes=notes,
    )


def _baseline(mean: dict[str, float], name: str, retrieved: float = 1.0) -> DemonstrationsBaseline:
    same, shared = mean[f"{name}_same"], mean[f"{name}_shared"]
    return DemonstrationsBaseline(same=same, shared=shared, retrieved=retrieved)


def _gap_closed(mean: dict[str, float], name: str) -> float | None:
    gap = mean[f"oracle_{name}"] - mean[f"tfidf_{name}"]
    return (mean[name] - mean[f"tfidf_{name}"]) / gap if gap > 0 else None


def _intervals(found: Sequence[dict[str, float]], count: int) -> dict[str, tuple[float, float]]:
    """Return the intervals of what the halves came to, corrected for the rows they share."""
    values = {}
    for name in ("same", "shared"):
        values[name] = [half[name] for half in found]
        values[f"{name}_over_tfidf"] = [half[name] - half[f"tfidf_{name}"] for half in found]
    chosen_on = count // 2
    return {
        name: resampled_interval(
            each, measured=count - chosen_on, chosen_on=chosen_on, confidence=_CONFIDENCE
        )
        for name, each in values.items()
    }
