"""Checks that the settings of verifiers share."""

from __future__ import annotations

from typing import Any

from llmops_plugins.errors import ConfigurationError

__all__ = ["check_probability", "check_share"]


def check_share(field: str, value: Any) -> None:
    """Refuse a threshold that is not above 0 and at most 1: it would accept all or nothing.

    Args:
        field: The setting that holds it, for the error.
        value: What was given.

    Raises:
        ConfigurationError: If it is no such number.
    """
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= 1:
        raise ConfigurationError(field, f"must be a number above 0 and at most 1, got {value!r}")


def check_probability(field: str, value: Any) -> None:
    """Refuse a probability that is not strictly between 0 and 1: nothing finite can show those.

    Args:
        field: The setting that holds it, for the error.
        value: What was given.

    Raises:
        ConfigurationError: If it is no such number.
    """
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 1:
        raise ConfigurationError(field, f"must be a number between 0 and 1, got {value!r}")
