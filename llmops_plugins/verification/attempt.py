"""How a verdict on a whole attempt reaches the ledger: replies may come after it, and have no ids by then.

A thread cannot be stopped, so an assistant that was timed out goes on, and what it says is paid for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["ATTEMPT_KEY", "FAILED_ATTEMPTS_KEY", "attempts_of"]

ATTEMPT_KEY = "llmops_attempt"
"""Run-metadata key of the attempts that a model call is part of; each attempt has an id of its own."""

FAILED_ATTEMPTS_KEY = "failed_attempts"
"""Key in a decision's ``details`` for the attempts of which every reply is thrown away, whenever it comes."""


def attempts_of(metadata: Mapping[str, Any] | None) -> list[str]:
    """Return the ids of the attempts that a run is part of.

    An assistant may ask a hierarchy of its own: a call of that is part of an attempt of each.

    Args:
        metadata: The run's.

    Returns:
        The outermost first.
    """
    found = (metadata or {}).get(ATTEMPT_KEY)
    return [str(one) for one in found] if isinstance(found, list | tuple) else []
