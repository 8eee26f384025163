"""When a stored question is taken for the one asked: a fitted model, and how low its odds may be."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator

from llmops_plugins.bounds import binomial_upper
from llmops_plugins.caching.neighbourhood import surroundings
from llmops_plugins.caching.packed import PackedFloats
from llmops_plugins.caching.pair_model import PairModel
from llmops_plugins.errors import BoundNotMetError, ConfigurationError
from llmops_plugins.json_file import read_json_file, write_json_file

__all__ = ["CalibrationRows", "Match", "SimilarityRule", "TestedThreshold"]

_NAME = "similarity rule"
_MORE_OR_NONE = "raise it, label more pairs, or leave the semantic tier out"
_REMEDY = "calibrate it anew with calibrate_cache"
_MOST_SURE = 30.0
"""Log odds beyond which probabilities are not told apart."""


@dataclass(frozen=True, kw_only=True)
class Match:
    """How likely a stored question is the one asked.

    Args:
        cosine: Of their vectors.
        probability: That one answer is right for both; 0 where no rule says.
    """

    cosine: float
    probability: float


@dataclass(frozen=True, kw_only=True)
class TestedThreshold:
    """A threshold, and what calibration saw of it.

    Args:
        probability: Pairs are served from it on.
        served: Pairs of the calibration part that were.
        wrong: Of those, pairs that are not the same question.
        error_upper: Upper limit of the share of wrong ones; where the rule has a ``different_share``, in
            traffic that has that share.
    """

    probability: float
    served: int
    wrong: int
    error_upper: float


class CalibrationRows(BaseModel):
    """The pairs a rule is tested on, which it was not fitted on.

    Args:
        log_odds: What the model said of each, times the rule's slope, plus its intercept.
        same: 1 where it is the same question.
        refused: Which guards refuse it: the sum of 2 to the power of each one's place among the rule's.
    """

    model_config = ConfigDict(frozen=True)
    log_odds: PackedFloats
    same: PackedFloats
    refused: PackedFloats

    @model_validator(mode="after")
    def _is_whole(self) -> CalibrationRows:
        if not len(self.log_odds) == len(self.same) == len(self.refused):
            raise ValueError("log_odds, same and refused must be equally long")
        return self


class SimilarityRule(BaseModel):
    """What :func:`~llmops_plugins.caching.calibration.calibrate_cache` returns; readable as JSON.

    Args:
        format: Version of the file.
        embeddings: Name of the embeddings it was fitted with.
        dimensions: How long their vectors are.
        guards: Names of the guards that refused pairs before it saw them.
        model: Tells pairs apart.
        intercept: Added to the model's log odds, times ``slope``, so that probabilities are calibrated.
        slope: That factor.
        thresholds: Log odds to be tested in this order, the surest first; ordered on the fitted pairs alone.
        different_share: Share of look-ups whose nearest stored question is another one, where it is not that
            of the pairs.
        pairs: Pairs it was fitted and calibrated on.
        calibration: Those it is tested on.
        fingerprint: SHA-256 of the pairs.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)
    format: Literal[1] = 1
    embeddings: str
    dimensions: int
    guards: tuple[str, ...]
    model: PairModel
    intercept: float
    slope: float
    thresholds: tuple[float, ...]
    different_share: float | None = None
    pairs: int
    calibration: CalibrationRows
    fingerprint: str

    def matches(
        self,
        question: str,
        stored: Sequence[str],
        vectors: Sequence[Sequence[float]],
        answers: Sequence[str],
    ) -> list[Match]:
        """Return how likely each stored question is the one asked.

        Args:
            question: What is asked.
            stored: Stored questions.
            vectors: The question's vector, then one for each stored question.
            answers: What is stored for each, normalized.

        Raises:
            ConfigurationError: If vectors have another length than those it was fitted with.
        """
        rows = np.asarray(vectors, dtype=np.float64)
        if rows.shape[1:] != (self.dimensions,):
            problem = f"was calibrated on vectors of {self.dimensions} numbers, got {rows.shape[1:]}"
            raise ConfigurationError("rule", problem)
        rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        asked = np.repeat(rows[:1], len(stored), axis=0)
        cosines = rows[1:] @ rows[0]
        around = surroundings(cosines.tolist(), answers, rows[1:]) if self.model.neighbourhood else None
        odds = self.model.log_odds([question] * len(stored), stored, asked, rows[1:], around)
        return [
            Match(cosine=float(cosine), probability=_probability(self.intercept + self.slope * float(one)))
            for cosine, one in zip(cosines, odds, strict=True)
        ]

    def threshold(
        self, max_error: float, confidence: float, guards: Collection[str] | None = None
    ) -> TestedThreshold:
        """Return the most generous threshold that is shown: they are tested in order until one fails.

        Args:
            max_error: Largest share of wrong answers among those served.
            confidence: Probability with which calibration must show it.
            guards: Names of the guards in use; None for those it was calibrated with. Of others nothing is
                known, and they are taken to refuse nothing.

        Raises:
            BoundNotMetError: If not even the surest threshold shows it.
        """
        passed, lowest_upper = None, 1.0
        for tested in self.tested_thresholds(confidence, guards):
            lowest_upper = min(lowest_upper, tested.error_upper)
            if tested.error_upper > max_error:
                break
            passed = tested
        if passed is None:
            raise BoundNotMetError(
                "max_error", max_error, lowest_upper, len(self.calibration.same), _MORE_OR_NONE
            )
        return passed

    def tested_thresholds(
        self, confidence: float, guards: Collection[str] | None = None
    ) -> list[TestedThreshold]:
        """Return every threshold in the order of testing; arguments as for :meth:`threshold`."""
        in_use = self._refused_by(self.guards if guards is None else guards)
        return [self._tested(log_odds, in_use, confidence) for log_odds in self.thresholds]

    @cached_property
    def name(self) -> str:
        """What a breach of it is remembered by: it changes with the pairs and with what is fitted on them."""
        fitted = f"{self.fingerprint} {self.embeddings} {self.guards} {self.intercept} {self.slope}"
        return hashlib.sha256(fitted.encode()).hexdigest()[:16]

    def save(self, path: Path | str) -> None:
        """Write the rule as a JSON file.

        Raises:
            ConfigurationError: If it cannot be written.
        """
        write_json_file(path, self)

    @classmethod
    def load(cls, path: Path | str) -> SimilarityRule:
        """Read what :meth:`save` wrote.

        Raises:
            ConfigurationError: If it cannot be read, or is no rule.
        """
        return read_json_file(path, cls, field="rule", name=_NAME, remedy=_REMEDY)

    def _refused_by(self, guards: Collection[str]) -> NDArray[np.bool_]:
        masks = np.asarray(self.calibration.refused).astype(np.int64)
        asked = sum(1 << place for place, name in enumerate(self.guards) if name in guards)
        return np.asarray(masks & asked != 0)

    def _tested(self, log_odds: float, refused: NDArray[np.bool_], confidence: float) -> TestedThreshold:
        seen = np.clip(self.calibration.log_odds, -_MOST_SURE, _MOST_SURE)  # as served: by probability
        served = (seen >= np.clip(np.float32(log_odds), -_MOST_SURE, _MOST_SURE)) & ~refused
        count, same = int(served.sum()), int(np.asarray(self.calibration.same)[served].sum())
        return TestedThreshold(
            probability=_probability(log_odds),
            served=count,
            wrong=count - same,
            error_upper=self._error_upper(same, count - same, confidence),
        )

    def _error_upper(self, same: int, wrong: int, confidence: float) -> float:
        """Return the upper limit of the wrong among the served.

        With a share of its own, that of the different pairs served and that of the same ones each have a
        limit at half the risk, so both hold together (Bonferroni), and with them their quotient.
        """
        if self.different_share is None:
            return binomial_upper(wrong, same + wrong, confidence)
        all_same = int(np.asarray(self.calibration.same).sum())
        all_different = len(self.calibration.same) - all_same
        each = (1 + confidence) / 2
        different = self.different_share * binomial_upper(wrong, all_different, each)
        likewise = (1 - self.different_share) * (1 - binomial_upper(all_same - same, all_same, each))
        return different / (different + likewise) if different + likewise else 1.0


def _probability(log_odds: float) -> float:
    if math.isnan(log_odds):  # a vector with one has nothing in common with any
        return 0.0
    return 1 / (1 + math.exp(-max(-_MOST_SURE, min(_MOST_SURE, log_odds))))
