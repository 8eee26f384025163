"""Fits the rule that tells which requests need a plan, on labelled ones."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from llmops_plugins.errors import ConfigurationError, RecordError
from llmops_plugins.planning.need.features import FEATURE_NAMES, plan_features
from llmops_plugins.planning.need.needs_plan import PlanNeedRule
from llmops_plugins.verification.logistic import fit_signed_logistic

__all__ = ["LabelledRequest", "fit_plan_need", "read_requests"]

_RIDGE = 1.0
_SIGNS = {"question": -1.0, "single": -1.0}
"""Features that speak against a plan; each of the others may only speak for one."""

_DIGITS = 4


@dataclass(frozen=True, kw_only=True)
class LabelledRequest:
    """A request, and whether it needs a plan.

    Args:
        text: The request.
        needs_plan: Whether it takes several steps of which one needs another's result, or several experts.
    """

    text: str
    needs_plan: bool


def fit_plan_need(requests: Sequence[LabelledRequest]) -> PlanNeedRule:
    """Return the rule that labelled requests teach.

    Args:
        requests: Some that need a plan and some that do not.

    Raises:
        ConfigurationError: If all are of one sort.
    """
    if len({request.needs_plan for request in requests}) < 2:
        raise ConfigurationError("fit", "must hold requests that need a plan and requests that do not")
    values = np.array([plan_features(request.text).values for request in requests])
    needed = np.array([float(request.needs_plan) for request in requests])
    fitted = fit_signed_logistic(
        values, needed, _RIDGE, np.array([_SIGNS.get(name, 1.0) for name in FEATURE_NAMES])
    )
    weights = {
        name: round(float(weight), _DIGITS)
        for name, weight in zip(FEATURE_NAMES, fitted.weights, strict=True)
    }
    return PlanNeedRule(intercept=round(fitted.intercept, _DIGITS), weights=weights, rows=len(requests))


def read_requests(path: Path | str, *, field: str = "requests") -> list[LabelledRequest]:
    """Read labelled requests: one JSON object ``{"text": ..., "needs_plan": 0 or 1}`` a line.

    Args:
        path: The file; one that ends in ``.gz`` is decompressed.
        field: The setting that holds the path, as an error names it.

    Raises:
        ConfigurationError: If it cannot be read, or holds no request.
        RecordError: If a line is no request; the message names it.
    """
    requests = list(_requests(Path(path), field))
    if not requests:
        raise ConfigurationError(field, f"{path} holds no request")
    return requests


def _requests(path: Path, field: str) -> Iterator[LabelledRequest]:
    opened: Any = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _request(line, str(path), number)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ConfigurationError(field, f"{path} cannot be read ({error}), name a JSON Lines file") from error


def _request(line: str, source: str, number: int) -> LabelledRequest:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RecordError(source, number, f"is not JSON ({error})") from error
    if not isinstance(row, dict) or not isinstance(row.get("text"), str) or not row["text"].strip():
        raise RecordError(source, number, "needs a text that is not empty")
    label = row.get("needs_plan")
    if isinstance(label, str | float | list | dict) or label not in (0, 1):
        raise RecordError(source, number, "needs a needs_plan of 0 or 1")
    return LabelledRequest(text=row["text"], needs_plan=bool(label))
