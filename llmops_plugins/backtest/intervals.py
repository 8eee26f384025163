"""How far a mean over random splits of the same rows may be off."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["resampled_interval", "student_quantile"]

_STEPS = 60
"""Halvings of the interval that holds the quantile: more than a double can tell apart."""


def resampled_interval(
    values: Sequence[float], *, measured: int, chosen_on: int, confidence: float
) -> tuple[float, float]:
    """Return the interval of a mean over random splits, each chosen on one part and measured on the other.

    The splits share rows, so their values are not independent, and the usual standard error would shrink to
    nothing with ever more splits of the same rows. This is the corrected resampled t-interval of Nadeau and
    Bengio (2003, https://doi.org/10.1023/A:1024068626366): the variance of the values counts not ``1 / n``
    but ``1 / n`` plus the measured rows over those chosen on.

    Args:
        values: One for each split, at least two.
        measured: Rows that each was measured on.
        chosen_on: Rows that each was chosen on.
        confidence: Probability that the interval holds the mean, for example 0.95.
    """
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    error = math.sqrt((1 / len(values) + measured / chosen_on) * variance)
    reach = student_quantile((1 + confidence) / 2, len(values) - 1) * error
    return mean - reach, mean + reach


def student_quantile(probability: float, degrees: int) -> float:
    """Return the value that Student's t stays below with some probability.

    Exact for whole degrees of freedom (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4).

    Args:
        probability: At least 0.5, below 1.
        degrees: Degrees of freedom, at least 1.

    Example:
        >>> round(student_quantile(0.975, 19), 3)
        2.093
    """
    low, high = 0.0, math.pi / 2
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, degrees) < 2 * probability - 1 else (low, middle)
    return math.sqrt(degrees) * math.tan(low)


def _within(angle: float, degrees: int) -> float:
    """Return the probability that Student's t is within the square root of its degrees times tan(angle)."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = degrees % 2
    term = total = (cosine if odd else 1.0) * (degrees > 1)
    for step in range(2 if odd else 1, degrees - 1, 2):
        term *= step / (step + 1) * cosine**2
        total += term
    return 2 / math.pi * (angle + sine * total) if odd else sine * total
