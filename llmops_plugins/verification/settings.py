"""Checks that the settings of verifiers share."""

from __future__ import annotations

import inspect
import math
from typing import Any

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.setting_checks import check_number

__all__ = ["check_extract", "check_probability", "check_rechecks", "check_share"]

# The bounds that check_number takes hold the lower one and not the upper one.
_ABOVE_0 = math.nextafter(0.0, 1.0)
_ABOVE_1 = math.nextafter(1.0, 2.0)


def check_extract(value: Any) -> None:
    """Refuse what finds no answer in a text.

    Args:
        value: What was given as ``extract``.

    Raises:
        ConfigurationError: If it is no plain function.
    """
    if not callable(value) or inspect.iscoroutinefunction(value):
        problem = f"must be a plain function of a text that returns its answer or None, got {value!r:.100}"
        raise ConfigurationError("extract", problem)


def check_share(field: str, value: Any) -> None:
    """Refuse a threshold that is not above 0 and at most 1: it would accept all or nothing.

    Args:
        field: The setting that holds it, for the error.
        value: What was given.

    Raises:
        ConfigurationError: If it is no such number.
    """
    check_number(field, value, _ABOVE_0, _ABOVE_1, "a number above 0 and at most 1")


def check_probability(field: str, value: Any) -> None:
    """Refuse a probability that is not strictly between 0 and 1: nothing finite can show those.

    Args:
        field: The setting that holds it, for the error.
        value: What was given.

    Raises:
        ConfigurationError: If it is no such number.
    """
    check_number(field, value, _ABOVE_0, 1, "a number between 0 and 1")


def check_rechecks(share: Any, an_hour: Any) -> None:
    """Refuse what is no share of answers to ask for again, or no number of them in an hour.

    Args:
        share: What was given as ``recheck_share``.
        an_hour: What was given as ``rechecks_an_hour``.

    Raises:
        ConfigurationError: If one is not.
    """
    check_number("recheck_share", share, 0, _ABOVE_1, "a number from 0 to 1")
    if type(an_hour) is not int or an_hour < 0:
        raise ConfigurationError("rechecks_an_hour", f"must be a whole number, 0 or more, got {an_hour!r}")
