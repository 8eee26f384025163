"""Whether calibrated bounds still hold, over all processes that wrote to a ledger.

A capability whose risk was calibrated asks its reference model again for some of the answers it accepted, and
decides ``rechecked``, or ``bound_breached``. The details of both say what was calibrated: ``bound`` (upper
limit of the share of accepted answers that differ from the reference's), ``accepted`` (share of requests that
are answered without the reference), ``confidence`` and ``data_fingerprint`` (of the records it was calibrated
on); ``differs`` says how the check came out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from llmops_plugins.bounds import always_valid_lower, always_valid_upper

__all__ = ["DriftRow", "drift_notes", "drift_rows"]


@dataclass(frozen=True, kw_only=True)
class DriftRow:
    """What asking again has shown of one calibration.

    The limits hold however often one looks, as reports are read whenever somebody likes.

    Args:
        capability: Whose answers were asked again.
        data_fingerprint: Of the records it was calibrated on; None where the decisions do not say.
        checked: Accepted answers that were.
        differing: Those that differed from the reference's.
        differing_lower: Lower limit of the share that differs, from 0 to 1.
        differing_upper: Upper limit of it.
        bound: The share that was calibrated; its upper limit.
        accepted: Share of requests that the calibration saw answered without the reference.
        confidence: Probability with which each limit holds.
        risk_upper: Upper estimate of how often an answer is wrong where the reference is right: the share
            accepted times the upper limit of the share that differs.
        holds: Whether the bound does, by all checks together; None where they are too few to tell.
        breaches: How often one process found by its own checks that it does not.
        last_breach: When it last did; ISO 8601 in UTC.
        cost_usd: What asking again cost; None where there are checks and no cost is known.
        unpriced: Checks whose cost is unknown.
    """

    capability: str
    data_fingerprint: str | None
    checked: int
    differing: int
    differing_lower: float
    differing_upper: float
    bound: float
    accepted: float
    confidence: float
    risk_upper: float
    holds: bool | None
    breaches: int
    last_breach: str | None
    cost_usd: float | None
    unpriced: int


def drift_rows(counts: Sequence[Mapping[str, Any]]) -> list[DriftRow]:
    """Judge what was counted.

    Args:
        counts: Rows of :meth:`~llmops_plugins.storage.ledger_queries.LedgerQueries.rechecks`. Those that do
            not say what they are held against are left out.
    """
    return [_row(**row) for row in counts if _says_what_was_calibrated(row)]


def drift_notes(rows: Sequence[DriftRow]) -> list[str]:
    """Return a warning for each bound that did not hold, with what to do."""
    return [_note(row) for row in rows if row.breaches or row.holds is False]


def _says_what_was_calibrated(row: Mapping[str, Any]) -> bool:
    stated = (row["bound"], row["accepted"], row["confidence"])
    are_shares = all(isinstance(share, int | float) and 0 <= share <= 1 for share in stated)
    return are_shares and 0 < row["confidence"] < 1


def _row(
    *,
    checked: int,
    differing: int,
    bound: float,
    accepted: float,
    confidence: float,
    last_breach: datetime | None,
    **as_it_is: Any,
) -> DriftRow:
    lower = always_valid_lower(differing, checked, confidence)
    upper = always_valid_upper(differing, checked, confidence)
    holds = False if lower > bound else True if upper <= bound else None
    return DriftRow(
        checked=checked,
        differing=differing,
        differing_lower=lower,
        differing_upper=upper,
        bound=bound,
        accepted=accepted,
        confidence=confidence,
        risk_upper=accepted * upper,
        holds=holds,
        last_breach=None
        if last_breach is None
        else last_breach.astimezone(UTC).isoformat(timespec="seconds"),
        **as_it_is,
    )


def _note(row: DriftRow) -> str:
    if not row.breaches:
        return (
            f"The bound of the {row.capability} does not hold: over all processes at least "
            f"{row.differing_lower:.1%} of the accepted answers differ from the reference's, calibrated was "
            f"at most {row.bound:.1%}. Calibrate anew on recent traffic."
        )
    times = "once" if row.breaches == 1 else f"{row.breaches:,} times"
    return (
        f"The bound of the {row.capability} was breached {times}, last at {row.last_breach}: more of the "
        f"accepted answers differ from the reference's than the {row.bound:.1%} calibrated. A process that "
        "finds so escalates more until it ends. Calibrate anew on recent traffic."
    )
