"""How often a demonstration may be relied on to help, given how often it has."""

from __future__ import annotations

import math
from functools import lru_cache

__all__ = ["usefulness"]

_PRIOR_SUCCESSES = 4
"""How many helpful tries the independent success that made it is worth, so that a fresh one is tried."""
_DEVIATIONS = 0.8416
"""Standard deviations below the mean: the one-sided limit that holds four times in five."""


@lru_cache(maxsize=1_024)
def usefulness(helped: int, tried: int) -> float:
    """Return a lower confidence limit of the share of requests that a demonstration helps with.

    It is Wilson's score interval (1927, https://doi.org/10.1080/01621459.1927.10502953), with the success
    that made the demonstration counted as pseudo-observations before the first try, as Agresti and Coull add
    theirs (1998, https://doi.org/10.1080/00031305.1998.10480550).

    Args:
        helped: Tries in which it helped.
        tried: Tries.

    Returns:
        From 0 to 1: 0.85 for a fresh one, more for one that goes on helping, less for one that does not.

    Example:
        >>> [round(usefulness(*counts), 2) for counts in ((0, 0), (20, 20), (0, 4), (0, 20))]
        [0.85, 0.97, 0.36, 0.11]
    """
    successes, trials = helped + _PRIOR_SUCCESSES, tried + _PRIOR_SUCCESSES
    share, squared = successes / trials, _DEVIATIONS**2
    spread = _DEVIATIONS * math.sqrt(share * (1 - share) / trials + squared / (4 * trials**2))
    return (share + squared / (2 * trials) - spread) / (1 + squared / trials)
