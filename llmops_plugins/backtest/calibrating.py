"""How a replay calibrates, and a calibration's refusals by the names of a replay's settings."""

from __future__ import annotations

from dataclasses import dataclass

from llmops_plugins.cascade.calibration import calibrate
from llmops_plugins.cascade.policy import CascadePolicy
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.models.prices import PriceBook
from llmops_plugins.records.reading import Records

__all__ = ["CalibrationSettings", "calibrated"]

_CONFIDENCE = 0.9


@dataclass(frozen=True, kw_only=True)
class CalibrationSettings:
    """What :func:`~llmops_plugins.cascade.calibration.calibrate` is asked for.

    Args:
        max_risk: Most that the risk against the best single model may be, from 0 to 1.
        max_cost: Most that a question may cost, as a share of the best single model's cost.
        confidence: Probability with which bounds hold; None for a policy's own, or 0.9.
        seed: Of every shuffle.
    """

    max_risk: float | None = None
    max_cost: float | None = None
    confidence: float | None = None
    seed: int = 0

    @property
    def bound_confidence(self) -> float:
        """The confidence to calibrate with."""
        return _CONFIDENCE if self.confidence is None else self.confidence


def calibrated(
    records: Records, prices: PriceBook, settings: CalibrationSettings, *, field: str
) -> CascadePolicy:
    """Return the policy for traffic like some records.

    Args:
        records: What to calibrate on.
        prices: Prices their answers.
        settings: What is asked for.
        field: The setting that names the records, for errors.

    Raises:
        ConfigurationError: If a setting is wrong or the records will not do.
        BoundNotMetError: If no cascade can be shown to keep ``max_risk``.
    """
    try:
        return calibrate(
            records.rows,
            prices=prices,
            max_cost=settings.max_cost,
            max_risk=settings.max_risk,
            confidence=settings.bound_confidence,
            seed=settings.seed,
        )
    except ConfigurationError as error:
        if error.field != "records":
            raise
        raise ConfigurationError(
            field, f"{records.source} cannot be calibrated on: {error.problem}"
        ) from error
