"""How a verdict on a whole attempt reaches the ledger: replies may come after it, and have no ids by then.

A thread cannot be stopped, so an assistant that was timed out goes on, and what it says is paid for.
"""

from __future__ import annotations

__all__ = ["ATTEMPT_KEY", "FAILED_ATTEMPTS_KEY"]

ATTEMPT_KEY = "llmops_attempt"
"""Run-metadata key of the attempt that a model call is part of; each attempt has an id of its own."""

FAILED_ATTEMPTS_KEY = "failed_attempts"
"""Key in a decision's ``details`` for the attempts of which every reply is thrown away, whenever it comes."""
