"""What a replay came to."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from llmops_plugins.backtest.halves import HalvesOutcome
from llmops_plugins.cascade.policy import CascadePolicy
from llmops_plugins.records.singles import Single

__all__ = ["CascadeOutcome", "ReplayResult"]


@dataclass(frozen=True, kw_only=True)
class CascadeOutcome:
    """What the cascade, or the user's own graph, came to.

    Args:
        accuracy: Mean score of its answers, from 0 to 1.
        cost_usd: What its calls cost, by the ledger; None when a call has no known price.
        cost_ratio: That cost over the best single model's on the same questions; None without either.
        calls: Calls by model.
        tiers: The tiers, models asked at once together; none for a graph of the user's.
        answered_by: Answers by the model that gave them.
        seconds: How long the replay took.
    """

    accuracy: float
    cost_usd: float | None
    cost_ratio: float | None
    calls: dict[str, int]
    tiers: list[list[str]]
    answered_by: dict[str, int]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class ReplayResult:
    """A replay's figures.

    Args:
        questions: Questions replayed.
        singles: Every model alone.
        best_single: The most accurate of those that answered all questions; of equals the cheaper.
        cascade: What answered the questions, or None when nothing was replayed.
        graph: The user's graph, where it was that.
        policy: The calibrated policy; with halves the one that all records give.
        max_risk: The bound asked for, if one was.
        risk: Mean score lost on the replayed questions where the cascade loses: against the policy's
            reference model, without a policy against the best single model. None when nothing was replayed.
        risk_upper: Upper limit of that.
        halves: What is chosen on one half of the records and measured on the other.
        notes: What a reader has to know about the figures, in sentences.
    """

    questions: int
    singles: dict[str, Single]
    best_single: str
    cascade: CascadeOutcome | None
    graph: str | None = None
    policy: CascadePolicy | None = None
    max_risk: float | None = None
    risk: float | None = None
    risk_upper: float | None = None
    halves: HalvesOutcome | None = None
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain JSON-compatible data."""
        policy = self.policy.model_dump(mode="json") if self.policy is not None else None
        return asdict(self) | {"policy": policy}
