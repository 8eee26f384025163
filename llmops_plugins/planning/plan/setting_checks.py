"""Checks that the settings of planning share: each names the field, and what to give instead."""

from __future__ import annotations

import math
from typing import Any

from llmops_plugins.errors import ConfigurationError

__all__ = ["check_count", "check_flag", "check_instance", "check_number", "check_seconds", "is_number"]


def is_number(value: Any) -> bool:
    """Tell whether a value is a finite number; a truth value is none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def check_count(field: str, value: Any, problem: str, least: int = 1) -> None:
    """Refuse what is no whole number, or too small a one.

    Args:
        field: The setting that holds it, for the error.
        value: What was given.
        problem: What is wrong with a smaller one.
        least: The least that is taken.

    Raises:
        ConfigurationError: If it is no such number.
    """
    if type(value) is not int:
        raise ConfigurationError(field, f"must be a whole number from {least}, got {value!r:.100}")
    if value < least:
        raise ConfigurationError(field, problem)


def check_number(field: str, value: Any, least: float, below: float, wanted: str) -> None:
    """Refuse what is no number within its bounds.

    Args:
        field: The setting that holds it, for the error.
        value: What was given.
        least: The least that is taken.
        below: What it must be below.
        wanted: What is taken, in words.

    Raises:
        ConfigurationError: If it is no such number.
    """
    if not is_number(value) or not least <= value < below:
        raise ConfigurationError(field, f"must be {wanted}, got {value!r:.100}")


def check_seconds(field: str, value: Any, unit: str = "seconds") -> None:
    """Refuse what is no time above 0.

    Args:
        field: The setting that holds it, for the error.
        value: What was given.
        unit: What it is counted in.

    Raises:
        ConfigurationError: If it is no such time.
    """
    if not is_number(value) or not value > 0:
        raise ConfigurationError(field, f"must be {unit} above 0, got {value!r:.100}")


def check_flag(field: str, value: Any) -> None:
    """Refuse what is neither True nor False.

    Args:
        field: The setting that holds it, for the error.
        value: What was given.

    Raises:
        ConfigurationError: If it is something else.
    """
    if not isinstance(value, bool):
        raise ConfigurationError(field, f"must be True or False, got {value!r:.100}")


def check_instance(field: str, value: Any, kind: type[Any], wanted: str | None = None) -> None:
    """Refuse what is no instance of a class.

    Args:
        field: The setting that holds it, for the error.
        value: What was given.
        kind: The class.
        wanted: How one is written; by default the class's name with its settings.

    Raises:
        ConfigurationError: If it is something else.
    """
    if not isinstance(value, kind):
        problem = f"must be {wanted or f'{kind.__name__}(...)'}, got {type(value).__name__}"
        raise ConfigurationError(field, problem)
