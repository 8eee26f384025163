"""Orders thresholds before they are tested one after the other on rows that were not used for it.

Testing in a fixed order until the first failure needs no correction for how many are tested (fixed-sequence
testing; Angelopoulos, Bates, Candès, Jordan and Lei 2021, *Learn then Test*,
https://arxiv.org/abs/2110.01052, section 4).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from llmops_plugins.bounds import mean_upper

__all__ = ["careful_to_thrifty"]

Array = NDArray[np.float64]

_SHARES = np.linspace(0.025, 1.0, 40)


def careful_to_thrifty(
    scores: Array, left_out: Array, losses: Array, confidence: float, shares: Array = _SHARES
) -> list[float]:
    """Order thresholds by the fit part alone: first the one surest to be shown, then lower ones.

    Higher ones than the first accept fewer answers than their bound needs.

    Args:
        scores: Of the fit part's rows, by what was fitted on all of it.
        left_out: Their scores by what was fitted without them.
        losses: How wrong it is to accept each, from 0 to 1.
        confidence: Probability with which a bound is to hold.
        shares: Of rows accepted, the thresholds to order.
    """
    thresholds = np.quantile(scores, 1 - shares, method="lower")
    likewise = np.quantile(left_out, 1 - shares, method="lower")
    uppers = [mean_upper(losses[left_out >= one].tolist(), confidence) for one in likewise]
    return list(dict.fromkeys(thresholds[int(np.argmin(uppers)) :].tolist()))
