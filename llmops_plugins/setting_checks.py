"""Checks that settings share: each names the field, and what to give instead."""

from __future__ import annotations

import math
from typing import Any

from llmops_plugins.errors import ConfigurationError

__all__ = [
    "MOST_SECONDS",
    "check_checkpointer",
    "check_count",
    "check_flag",
    "check_instance",
    "check_number",
    "check_seconds",
    "is_number",
]

MOST_SECONDS = 30 * 24 * 60 * 60
"""The longest that anything is waited for: no clock or lock raises at it, on whatever system."""


def is_number(value: Any) -> bool:
    """Tell whether a value is a number that is finite as a float; a truth value is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def check_count(
    field: str, value: Any, problem: str | None = None, *, least: int = 1, most: int | None = None
) -> None:
    """Refuse what is no whole number, or too small or large a one.

    Args:
        field: The setting that holds it, for the error.
        value: What was given.
        problem: What is wrong with one out of bounds; by default the bounds are named.
        least: The least that is taken.
        most: The most that is taken; None takes any.

    Raises:
        ConfigurationError: If it is no such number.
    """
    within = type(value) is int and least <= value <= (value if most is None else most)
    if within:
        return
    if problem is None or type(value) is not int:
        bounds = f"from {least}" if most is None else f"from {least} to {most}"
        problem = f"must be a whole number {bounds}, got {_shown(value)}"
        if hasattr(value, "__index__") and not isinstance(value, int):
            problem = f"must be an int {bounds}, got {type(value).__name__}: write int(...) around it"
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
        raise ConfigurationError(field, f"must be {wanted}, got {_shown(value)}")


def check_seconds(field: str, value: Any, unit: str = "seconds", *, most: int = MOST_SECONDS) -> None:
    """Refuse what is no time above 0, or a longer one than can be waited for.

    Args:
        field: The setting that holds it, for the error.
        value: What was given.
        unit: What it is counted in.
        most: The longest that is taken.

    Raises:
        ConfigurationError: If it is no such time.
    """
    if not is_number(value) or not 0 < value <= most:
        raise ConfigurationError(field, f"must be {unit} above 0 and at most {most}, got {_shown(value)}")


def check_flag(field: str, value: Any) -> None:
    """Refuse what is neither True nor False.

    Args:
        field: The setting that holds it, for the error.
        value: What was given.

    Raises:
        ConfigurationError: If it is something else.
    """
    if not isinstance(value, bool):
        raise ConfigurationError(field, f"must be True or False, got {_shown(value)}")


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


def check_checkpointer(field: str, value: Any) -> None:
    """Refuse what LangGraph takes for no checkpointer: it would raise an error of its own.

    Args:
        field: The setting that holds it, for the error.
        value: What was given.

    Raises:
        ConfigurationError: If it is something else.
    """
    from langgraph.checkpoint.base import BaseCheckpointSaver

    if not isinstance(value, BaseCheckpointSaver | bool | None):
        wanted = "a LangGraph checkpointer, such as InMemorySaver(), a bool or None"
        raise ConfigurationError(field, f"must be {wanted}, got {type(value).__name__}")


def _shown(value: Any) -> str:
    """Return a value for an error; what has too many digits cannot be written out."""
    try:
        return f"{value!r:.100}"
    except ValueError:
        return f"one of {value.bit_length()} bits" if isinstance(value, int) else type(value).__name__
