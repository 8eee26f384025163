"""What tasks of one kind take and give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import BaseModel

__all__ = ["KindSpec"]

Schema = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class KindSpec:
    """What tasks of one kind take and give, as far as it is declared.

    Args:
        arguments: JSON schema or pydantic model of the arguments, an object; None takes anything.
        output: JSON schema or pydantic model of the result; None promises nothing.
        description: What it does, in a sentence.
    """

    arguments: Schema | type[BaseModel] | None = None
    output: Schema | type[BaseModel] | None = None
    description: str = ""

    @cached_property
    def argument_schema(self) -> dict[str, Any] | None:
        """JSON schema of the arguments."""
        return _schema(self.arguments)

    @cached_property
    def output_schema(self) -> dict[str, Any] | None:
        """JSON schema of the result."""
        return _schema(self.output)


def _schema(declared: Schema | type[BaseModel] | None) -> dict[str, Any] | None:
    if declared is None:
        return None
    return dict(declared) if isinstance(declared, Mapping) else declared.model_json_schema()
