"""The answer is JSON that fits a schema."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llmops_plugins.backtest.dataset import Question
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.verification.json_reply import json_value
from llmops_plugins.verification.json_schema import schema_mistake, schema_problem

__all__ = ["SchemaScorer"]


@dataclass(frozen=True, kw_only=True)
class SchemaScorer:
    """1 where the answer is JSON, alone or in one fenced block, that fits a JSON schema.

    Args:
        file: A JSON file with the schema.

    Raises:
        ConfigurationError: If it holds none.
    """

    file: str
    needs_gold: bool = False
    _schema: dict[str, Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        try:
            schema = json.loads(Path(self.file).read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            raise ConfigurationError("score", f"{self.file} is no JSON file that can be read") from error
        if not isinstance(schema, dict):
            raise ConfigurationError("score", f"{self.file} must hold a JSON schema as an object")
        mistake = schema_mistake(schema)
        if mistake is not None:
            raise ConfigurationError("score", f"{self.file}: {mistake}")
        object.__setattr__(self, "_schema", schema)

    @property
    def name(self) -> str:
        """As the user wrote it."""
        return f"schema:{self.file}"

    async def __call__(self, question: Question, text: str) -> float:
        """Check the answer."""
        try:
            value = json_value(text)
        except ValueError:
            return 0.0
        return float(schema_problem(value, self._schema) is None)
