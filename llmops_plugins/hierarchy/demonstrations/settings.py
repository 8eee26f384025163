"""Checks of what demonstrations are asked for and told."""

from __future__ import annotations

import math
import re
from typing import Any

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.setting_checks import check_number

__all__ = [
    "DEFAULT_LIMIT",
    "DEFAULT_TOKEN_BUDGET",
    "check_bound",
    "check_id",
    "check_text",
    "check_usd",
]

DEFAULT_LIMIT = 3
"""The most demonstrations that are shown, unless said otherwise."""
DEFAULT_TOKEN_BUDGET = 2_000
"""The most tokens that they take, unless said otherwise."""

_ABOVE_0 = math.nextafter(0.0, 1.0)
_ID = re.compile("[0-9a-f]{64}")


def check_bound(field: str, value: Any) -> None:
    """Refuse what is no finite number above 0."""
    check_number(field, value, _ABOVE_0, math.inf, "a number above 0")


def check_text(field: str, value: Any) -> None:
    """Refuse what is no text."""
    if not isinstance(value, str):
        raise ConfigurationError(field, f"must be a text, got {type(value).__name__}")


def check_usd(field: str, value: Any) -> None:
    """Refuse what is no cost: USD from 0, or None where it is unknown."""
    if value is not None:
        check_number(field, value, 0, math.inf, "zero or more USD, or None if unknown")


def check_id(field: str, value: Any) -> None:
    """Refuse what is no demonstration's id."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise ConfigurationError(field, f"must be a demonstration's id, as list() shows them, got {value!r}")
