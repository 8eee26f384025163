"""Finite-sample bounds on how often something goes wrong: exact, no matter how few were counted.

Binomial limits are Clopper and Pearson's (1934, https://doi.org/10.1093/biomet/26.4.404). For losses that are
no counts, the bound is Hoeffding's and Bentkus's combined, as learn-then-test uses it (Angelopoulos, Bates,
Candès, Jordan and Lei 2021, https://arxiv.org/abs/2110.01052, section 3.1). For a count that is looked at
again and again, the limits hold at all times at once: a beta-binomial mixture is a supermartingale (Robbins
1970, https://doi.org/10.1214/aoms/1177696786).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

__all__ = ["always_valid_lower", "always_valid_upper", "binomial_upper", "mean_upper"]

_NEGLIGIBLE, _BEYOND = 1e-18, 1e280
_STEPS = 60
"""Halvings of the interval from 0 to 1: more than a double can tell apart."""


def binomial_upper(count: int, trials: int, confidence: float) -> float:
    """Return the upper limit of a probability, given how often it came true.

    Args:
        count: Trials in which it did.
        trials: Independent trials; with none the limit is 1.
        confidence: Probability that the limit holds, for example 0.9.

    Example:
        >>> round(binomial_upper(0, 230, 0.9), 4)  # no error in 230 trials
        0.01
    """
    if count >= trials:
        return 1.0
    return _crossing(lambda rate: _at_most(count, trials, rate) > 1 - confidence)[1]


def mean_upper(losses: Sequence[float], confidence: float) -> float:
    """Return the upper limit of a mean loss.

    Exact for losses that are all 0 or 1, and valid for any from 0 to 1.

    Args:
        losses: Independent losses, each from 0 to 1.
        confidence: Probability that the limit holds.
    """
    if all(loss in (0, 1) for loss in losses):
        return binomial_upper(int(sum(losses)), len(losses), confidence)
    mean, trials = sum(losses) / len(losses), len(losses)
    return _crossing(lambda rate: _hoeffding_bentkus(mean, trials, rate) > 1 - confidence)[1]


def always_valid_upper(count: int, trials: int, confidence: float) -> float:
    """Return an upper limit that holds however often it is looked at; arguments as for binomial_upper."""
    mean = count / max(trials, 1)
    return _crossing(lambda rate: mean >= rate or _plausible(count, trials, rate, confidence))[1]


def always_valid_lower(count: int, trials: int, confidence: float) -> float:
    """Return a lower limit that holds however often it is looked at; arguments as for binomial_upper."""
    mean = count / max(trials, 1)
    return _crossing(lambda rate: mean > rate and not _plausible(count, trials, rate, confidence))[0]


def _crossing(holds: Callable[[float], bool]) -> tuple[float, float]:
    """Return two neighbouring rates: something that holds for all small ones holds up to the first."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low, high


def _at_most(count: int, trials: int, rate: float) -> float:
    """Return the probability of at most so many."""
    if rate <= 0:
        return 1.0
    if rate >= 1:
        return float(count >= trials)
    log_term = _log_choose(trials, count) + count * math.log(rate) + (trials - count) * math.log1p(-rate)
    # Each smaller count's term from the one above it; where the rate is above the mean they soon vanish.
    total = factor = 1.0
    for one in range(count, 0, -1):
        factor *= one / (trials - one + 1) * (1 - rate) / rate
        total += factor
        if factor < _NEGLIGIBLE * total:
            break
        if total > _BEYOND:  # so far above the mean that hardly anything is above it
            return 1.0
    return min(1.0, math.exp(min(log_term + math.log(total), 0.0)))


def _hoeffding_bentkus(mean: float, trials: int, rate: float) -> float:
    """Return the p-value of a mean loss under the hypothesis that it is above the rate."""
    if mean >= rate:
        return 1.0
    divergence = mean * math.log(mean / rate) if mean > 0 else 0.0
    if mean < 1:
        divergence += (1 - mean) * math.log((1 - mean) / (1 - rate)) if rate < 1 else math.inf
    return min(math.exp(-trials * divergence), math.e * _at_most(math.ceil(trials * mean), trials, rate))


def _plausible(count: int, trials: int, rate: float, confidence: float) -> bool:
    """Tell whether the mixture over all rates has not yet outweighed this one by 1 / (1 - confidence)."""
    if not 0 < rate < 1:
        return True
    mixture = -_log_choose(trials, count) - math.log(trials + 1)
    likelihood = count * math.log(rate) + (trials - count) * math.log1p(-rate)
    return mixture - likelihood < -math.log(1 - confidence)


def _log_choose(trials: int, count: int) -> float:
    return math.lgamma(trials + 1) - math.lgamma(count + 1) - math.lgamma(trials - count + 1)
