"""A learned scorer as a readable file: what weighs how much, what is accepted, and how wrong it may be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import mul
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from llmops_plugins.json_file import read_json_file, write_json_file
from llmops_plugins.verification.scorer_features import feature_names

__all__ = ["ErrorBound", "FittedOn", "Scoring", "probability"]


def probability(intercept: float, weights: Sequence[float], values: Sequence[float]) -> float:
    """Return the logistic function of a weighted sum; any finite arguments give a number from 0 to 1.

    Args:
        intercept: Log odds where all values are zero.
        weights: Log odds that each value adds.
        values: The values.
    """
    log_odds = math.fsum((intercept, *map(mul, weights, values)))
    if log_odds < 0:  # either way round the exponential cannot overflow
        odds = math.exp(log_odds)
        return odds / (1 + odds)
    return 1 / (1 + math.exp(-log_odds))


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ErrorBound(_Frozen):
    """How wrong accepted answers are.

    Args:
        max_error: The bound that was asked for.
        confidence: Probability that the upper limit holds.
        rows: Calibration rows, none of which the weights were fitted on.
        accepted: Share of them whose answer is accepted.
        error: Share of the accepted that is wrong; for scores that are not all 0 or 1 their mean loss.
        error_upper: Upper limit of that.
    """

    max_error: float
    confidence: float
    rows: int
    accepted: float
    error: float
    error_upper: float


class FittedOn(_Frozen):
    """The records a scorer was fitted on, and what they say of its probabilities.

    Args:
        fingerprint: SHA-256 of the questions, answers and scores.
        rows: Records used, the calibration rows among them.
        calibration_error: Expected calibration error of the probabilities on the calibration rows, from 0 to
            1, in ten bins of equal width.
    """

    fingerprint: str
    rows: int
    calibration_error: float


class Scoring(_Frozen):
    """The probability that an answer is right, by logistic regression, and from which on it is accepted.

    Args:
        format: Version of the file's format.
        models: The models whose replies are read, in order; the first one's is judged.
        embedded: Whether questions and answers are embedded.
        intercept: Log odds of being right where all features are zero.
        weights: What each feature adds to the log odds, by its name.
        threshold: The lowest probability that is accepted.
        bound: How wrong what is accepted may be, measured.
        fitted_on: What it was fitted on.
    """

    format: Literal[1] = 1
    models: tuple[str, ...] = Field(min_length=1)
    embedded: bool
    intercept: float
    weights: dict[str, float]
    threshold: float = Field(ge=0, le=1)
    bound: ErrorBound
    fitted_on: FittedOn

    @model_validator(mode="after")
    def _is_whole(self) -> Scoring:
        names = feature_names(self.models, embedded=self.embedded)
        if set(self.weights) != set(names):
            raise ValueError(f"weights must weigh {', '.join(sorted(names))}")
        return self

    def probability(self, values: Sequence[float]) -> float:
        """Return the probability that the judged answer is right.

        Args:
            values: The features, as :func:`~llmops_plugins.verification.scorer_features.feature_names` has
                them.
        """
        names = feature_names(self.models, embedded=self.embedded)
        return probability(self.intercept, [self.weights[name] for name in names], values)

    def save(self, path: Path | str) -> None:
        """Write the scoring as a JSON file.

        Raises:
            ConfigurationError: If it cannot be written.
        """
        write_json_file(path, self)

    @classmethod
    def load(cls, path: Path | str) -> Scoring:
        """Read a scoring from a JSON file.

        Raises:
            ConfigurationError: If the file cannot be read or is no scoring.
        """
        return read_json_file(path, cls, field="path", name="learned scorer", remedy="fit it anew")
