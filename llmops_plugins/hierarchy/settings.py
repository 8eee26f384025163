"""Checks of what a hierarchy is told."""

from __future__ import annotations

import inspect
from typing import Any

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.models.registry import ModelRegistry

__all__ = ["check_prices", "check_question"]


def check_prices(field: str, value: Any) -> None:
    """Refuse what holds no prices.

    Args:
        field: The setting that holds it, for the error.
        value: What was given; None is nothing to refuse.

    Raises:
        ConfigurationError: If it is no registry of models.
    """
    if not isinstance(value, ModelRegistry | None):
        problem = f"must be a ModelRegistry, as of ModelRegistry.from_yaml(path), got {type(value).__name__}"
        raise ConfigurationError(field, problem)


def check_question(field: str, value: Any) -> None:
    """Refuse what cannot be asked what a request is about.

    Args:
        field: The setting that holds it, for the error.
        value: What was given.

    Raises:
        ConfigurationError: If it is no plain function.
    """
    if not callable(value):
        raise ConfigurationError(field, f"must be a function of messages, got {type(value).__name__}")
    if inspect.iscoroutinefunction(value):
        raise ConfigurationError(field, "is asynchronous, give a plain function: def, not async def")
