"""What a recording came to, and what one would cost."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["ModelEstimate", "ModelOutcome", "RecordingResult"]


@dataclass(frozen=True, kw_only=True)
class ModelOutcome:
    """One model's part of a recording.

    Args:
        answers: Answers of it that are in the file, with their scores.
        missing: Questions without one.
        score: Mean score of its answers, from 0 to 1; None where it has none.
        cost_usd: What its answers cost, one that several questions share once; None where one has no known
            cost.
        failure: Why the first of the missing answers failed, or could not be scored.
    """

    answers: int
    missing: int
    score: float | None
    cost_usd: float | None
    failure: str | None = None


@dataclass(frozen=True, kw_only=True)
class RecordingResult:
    """What a recording came to.

    Args:
        out: The file of records.
        questions: Questions of the dataset, each once.
        models: Every model with answers.
        calls: Requests sent, retries included, by model; the judge's too.
        spent_usd: What this recording has cost since it was begun, judges included; a call of unknown cost
            counts only where there is a cap, as what was reserved for it.
        failed: Answers that failed, or could not be scored.
        stopped_by_cap: Whether the cost cap stopped it.
        complete: Whether every model has answered every question, and every answer is scored.
        notes: What a reader has to know, in sentences.
    """

    out: str
    questions: int
    models: dict[str, ModelOutcome]
    calls: dict[str, int]
    spent_usd: float
    failed: int
    stopped_by_cap: bool
    complete: bool
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain JSON-compatible data."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class ModelEstimate:
    """What it would take to ask one model what is missing.

    Args:
        model: Its name.
        calls: Calls to make, without retries.
        input_tokens: About how many tokens they send.
        output_tokens: About how many they write.
        cost_usd: About what they cost; None where the model has no price.
        assumed: Whether an answer's length is a guess, since the model has answered nothing yet.
    """

    model: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    assumed: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the estimate as plain JSON-compatible data."""
        return asdict(self)
