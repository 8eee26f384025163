"""What pydantic has against a value, said without repeating the value."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

from pydantic import BaseModel, ValidationError

from llmops_plugins.effects import NEVER_SWALLOWED
from llmops_plugins.verification.json_schema import WHOLE

__all__ = ["field_names", "validation_problem"]

_QUOTING = frozenset({"error", "tag"})
"""Keys of an error's context whose message repeats the value, or what a parser says of it."""


def validation_problem(
    validate: Callable[[Any], Any],
    value: Any,
    *,
    declared: Container[Any] | None = None,
    ignored: Container[Any] = (),
) -> str | None:
    """Return the first thing that a pydantic validator has against a value.

    Args:
        validate: Raises ``ValidationError`` for a value it refuses.
        value: What a model wrote.
        declared: Names that may be repeated, because the schema and not the model chose them; all of them
            unless given.
        ignored: Top-level names whose problems are not the model's.

    Returns:
        Where and what is wrong, as in ``"guests: Input should be a valid integer"``, or ``None``.
    """
    try:
        validate(value)
    except ValidationError as error:
        for detail in error.errors(include_input=False):
            name = detail["loc"][0] if detail["loc"] else None
            if name is None or name not in ignored:
                known = name is not None and (declared is None or name in declared)
                # What is not allowed, and deeper places, may be named in the model's own words.
                place = name if known and detail["type"] != "extra_forbidden" else WHOLE
                return f"{place}: {_message(detail)}"
    except NEVER_SWALLOWED:
        raise
    except Exception as error:  # noqa: BLE001 - a validator of the user's may raise anything
        return f"{WHOLE}: its check raised {type(error).__name__}"
    return None


def field_names(model: type[BaseModel], only: Container[str] | None = None) -> frozenset[str]:
    """Return every name that the fields of a model go by.

    Args:
        model: The model's class.
        only: Names of the fields that count; all of them unless given.
    """
    return frozenset(
        key
        for name, field in model.model_fields.items()
        if only is None or name in only
        for key in (name, field.alias, field.validation_alias)
        if isinstance(key, str)
    )


def _message(detail: Any) -> str:
    # Reasons are stored and traced; a validator of the user's, or a parser's complaint, may quote the value.
    # Only pydantic's own errors have a page that explains them.
    if "url" not in detail or detail["type"] in ("value_error", "assertion_error"):
        return "its validator refuses the value"
    if _QUOTING & detail.get("ctx", {}).keys():
        return f"fails with {detail['type']}"
    return str(detail["msg"])
