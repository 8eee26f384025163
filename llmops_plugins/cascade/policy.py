"""A calibrated cascade as a readable file: whom to ask, when to stop, and how wrong it may be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from llmops_plugins.json_file import read_json_file, write_json_file
from llmops_plugins.verification.evidence import ReplyFacts, evidence, evidence_names

__all__ = ["CascadePolicy", "Choice", "MeasuredOn", "PolicyStage", "RiskBound", "Value"]


Share = Annotated[float, Field(ge=0, le=1)]

_NO_LONGER = "usd_a_right_answer"
"""What files hold that were written before it was seen that nothing reads it."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Value(_Frozen):
    """An expected value, linear in the evidence, in right answers a question.

    Args:
        intercept: Value where all evidence is zero.
        weights: Weight of each piece of evidence, by its name.
    """

    intercept: float
    weights: dict[str, float]


class PolicyStage(_Frozen):
    """Models asked at once, and what can be done when they have answered; the greatest value wins.

    Args:
        ask: The models.
        stay: Answer with the candidate: the probability that it is right.
        go_on: Ask the next stage's models, its cost taken off; None at the last stage.
        ask_last: Ask the last model at once, its cost taken off.
    """

    ask: tuple[str, ...] = Field(min_length=1)
    stay: Value
    go_on: Value | None
    ask_last: Value


class RiskBound(_Frozen):
    """How often the policy is wrong where the last model, the best single one, is right.

    Args:
        max_risk: The bound that was asked for, if one was.
        confidence: Probability with which ``max_risk`` holds; without one, with which each upper limit does.
        rows: Calibration rows, none of which was used to fit the policy.
        risk: Measured on them: mean score lost to the last model where the policy loses.
        risk_upper: Upper limit of that.
        accepted: Share of questions that are answered without the last model.
        differing: Share of those answers that differ from the last model's.
        differing_upper: Upper limit of that, 1 where nothing is accepted; asking again is compared with it.
    """

    max_risk: Share | None
    confidence: float = Field(gt=0, lt=1)
    rows: int
    risk: Share
    risk_upper: Share
    accepted: Share
    differing: Share
    differing_upper: Share


class MeasuredOn(_Frozen):
    """The records that a policy was calibrated on, and what they say of it.

    Args:
        fingerprint: SHA-256 of the records.
        rows: Records, the calibration rows among them.
        reference_accuracy: Mean score of the best single model on the calibration rows.
        expected_accuracy: The policy's, on the same rows.
        expected_cost_ratio: Its cost over the best single model's, likewise.
    """

    fingerprint: str
    rows: int
    reference_accuracy: float
    expected_accuracy: float
    expected_cost_ratio: float


class Choice(_Frozen):
    """What the policy does once a stage has answered.

    Args:
        action: ``stay`` with the candidate, ``go_on`` to the next stage, or ``ask_last``.
        candidate: Index of the candidate among all replies so far.
        probability: That the candidate is right, from 0 to 1.
    """

    action: Literal["stay", "go_on", "ask_last"]
    candidate: int
    probability: float


class CascadePolicy(_Frozen):
    """Which models a cascade asks, in which order, and when it stops.

    Args:
        format: Version of the file's format.
        stages: Groups of models before the last; none where the best single model is best used alone.
        last: The best single model, which the bound is against: it answers where no candidate is good enough.
        by_accuracy: The models of the stages, the most accurate first: of answers given equally often, the
            most accurate model's is the candidate.
        bound: How wrong the policy is, measured.
        measured_on: What it was calibrated on.
    """

    format: Literal[1] = 1
    stages: tuple[PolicyStage, ...]
    last: str = Field(min_length=1)
    by_accuracy: tuple[str, ...]
    bound: RiskBound
    measured_on: MeasuredOn

    @model_validator(mode="before")
    @classmethod
    def _without_what_older_files_hold(cls, data: Any) -> Any:
        return {name: data[name] for name in data if name != _NO_LONGER} if isinstance(data, dict) else data

    @model_validator(mode="after")
    def _is_whole(self) -> CascadePolicy:
        named = self.models
        repeated = next((model for model in named if named.count(model) > 1), None)
        if repeated is not None:
            raise ValueError(f"{repeated} is asked twice, a second opinion is another model's")
        asked: list[str] = []
        for number, stage in enumerate(self.stages):
            asked += stage.ask
            names = set(evidence_names(asked))
            is_final = number == len(self.stages) - 1
            if (stage.go_on is None) is not is_final:
                raise ValueError(f"stages[{number}].go_on must be null at the last stage and only there")
            for value in (stage.stay, stage.go_on, stage.ask_last):
                if value is not None and set(value.weights) != names:
                    raise ValueError(f"stages[{number}] must weigh {', '.join(sorted(names))}")
        if sorted(asked) != sorted(self.by_accuracy):
            raise ValueError("by_accuracy must name every model of the stages, each once")
        return self

    @property
    def models(self) -> tuple[str, ...]:
        """Every model the policy asks, in order."""
        return (*(model for stage in self.stages for model in stage.ask), self.last)

    @property
    def is_cascade(self) -> bool:
        """Whether it asks anybody before its last model."""
        return bool(self.stages)

    def choose(
        self, stage: int, replies: Sequence[ReplyFacts], prompt_length: float, *, margin: float = 0.0
    ) -> Choice:
        """Decide what to do once a stage has answered.

        Args:
            stage: Its index.
            replies: What was read from every reply so far, in the order the models are named.
            prompt_length: Natural logarithm of one plus the prompt's characters.
            margin: How much more than its rivals staying has to be worth, in right answers a question.
        """
        asked = [model for one in self.stages[: stage + 1] for model in one.ask]
        names = evidence_names(asked)
        found = evidence(replies, [self.by_accuracy.index(model) for model in asked], prompt_length)
        rule = self.stages[stage]
        stay, last = _of(rule.stay, names, found.values), _of(rule.ask_last, names, found.values)
        go_on = -math.inf if rule.go_on is None else _of(rule.go_on, names, found.values)
        action: Literal["stay", "go_on", "ask_last"] = "ask_last" if last >= go_on else "go_on"
        if stay - margin >= max(last, go_on):
            action = "stay"
        return Choice(action=action, candidate=found.candidate, probability=min(1.0, max(0.0, stay)))

    def save(self, path: Path | str) -> None:
        """Write the policy as a JSON file.

        Raises:
            ConfigurationError: If it cannot be written.
        """
        write_json_file(path, self)

    @classmethod
    def load(cls, path: Path | str) -> CascadePolicy:
        """Read a policy from a JSON file.

        Raises:
            ConfigurationError: If the file cannot be read or is no policy.
        """
        return read_json_file(path, cls, field="policy", name="cascade policy", remedy="calibrate it anew")


def _of(value: Value, names: Sequence[str], values: Sequence[float]) -> float:
    return value.intercept + sum(value.weights[name] * one for name, one in zip(names, values, strict=True))
