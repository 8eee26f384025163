"""What a replay is asked for, and which of it excludes what."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from llmops_plugins.backtest.calibrating import CalibrationSettings
from llmops_plugins.cascade.policy import CascadePolicy
from llmops_plugins.errors import ConfigurationError

__all__ = ["ReplaySettings"]


@dataclass(frozen=True, kw_only=True)
class ReplaySettings:
    """The arguments of :func:`~llmops_plugins.backtest.replay.replay`, which says what they are.

    Raises:
        ConfigurationError: If two exclude each other, or one lacks another.
    """

    tiers: str | None = None
    fit: Path | str | None = None
    policy: CascadePolicy | Path | str | None = None
    graph: str | None = None
    score: str | None = None
    halves: int | None = None
    calibration: CalibrationSettings = field(default_factory=CalibrationSettings)
    skip_bad: bool = False

    def __post_init__(self) -> None:
        given = [name for name in ("tiers", "fit", "policy", "graph") if getattr(self, name) is not None]
        if len(given) > 1:
            first, second = given[-1], given[0]
            raise ConfigurationError(first, f"and {second} exclude each other, give one of them")
        if self.halves is not None and given and given != ["fit"]:
            raise ConfigurationError("halves", f"calibrate on each half, so leave out {given[0]}")
        if self.score is not None and self.graph is None:
            raise ConfigurationError("score", "is for the answers of a graph, give --graph or leave it out")
        for name in ("max_risk", "max_cost"):
            if getattr(self.calibration, name) is not None and self.fit is None and self.halves is None:
                raise ConfigurationError(name, "is for calibration, give --fit RECORDS or --halves N")
        confidence = self.calibration.confidence
        if confidence is not None and not 0 < confidence < 1:
            raise ConfigurationError("confidence", f"must be between 0 and 1, got {confidence!r}")
