"""Structured output that whoever asked for it can use."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, TypeAdapter

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.verification.json_reply import json_text, json_value
from llmops_plugins.verification.json_schema import schema_mistake, schema_problem
from llmops_plugins.verification.validation import field_names, validation_problem
from llmops_plugins.verification.verdict import Verdict, answer_message

if TYPE_CHECKING:
    from langchain.agents.middleware.types import ModelRequest, ModelResponse

    from llmops_plugins.flow import Effect

__all__ = ["MatchesSchema"]

_ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)


class MatchesSchema:
    """Accept a reply whose structured output fits a schema.

    Judged is the reply's structured response where there is one, and else its text, which must be JSON or
    hold it in one fenced block. A reply that calls tools is not finished: this verifier abstains. It says
    that the form is right, nothing of whether the values are.

    Args:
        schema: A pydantic model class, or a JSON schema of which the part is checked that
            :mod:`~llmops_plugins.verification.json_schema` names.

    Raises:
        ConfigurationError: If it is neither, or a JSON schema that names a type there is not.

    Example:
        >>> verify = MatchesSchema({"type": "object", "required": ["total"]})
    """

    def __init__(self, schema: type[BaseModel] | Mapping[str, Any]) -> None:
        is_model = isinstance(schema, type) and issubclass(schema, BaseModel)
        if not is_model and not isinstance(schema, Mapping):
            raise ConfigurationError("schema", "must be a pydantic model class or a JSON schema as a dict")
        mistake = schema_mistake(schema) if isinstance(schema, Mapping) else None
        if mistake is not None:
            raise ConfigurationError("schema", mistake)
        self.schema = schema

    def __call__(
        self, request: ModelRequest[Any], replies: Sequence[ModelResponse[Any]]
    ) -> Generator[Effect, Any, Verdict]:
        """Judge the first reply."""
        yield from ()  # a flow that asks for nothing
        message = answer_message(replies[0])
        structured = replies[0].structured_response
        if structured is not None:
            problem = self._problem_of_value(structured)
        elif message is None:
            problem = "the reply holds no message of the model"
        elif message.tool_calls or message.invalid_tool_calls:
            return Verdict(outcome="abstain", reason="calls tools and holds no structured response yet")
        else:
            problem = self._problem(message.text)
        if problem is not None:
            return Verdict(outcome="reject", reason=problem)
        return Verdict(outcome="accept", reason="the structured output fits its schema")

    def _problem_of_value(self, value: Any) -> str | None:
        if isinstance(self.schema, type) and isinstance(value, self.schema):
            return None
        try:
            text = _ANYTHING.dump_json(value, by_alias=True).decode()
        except ValueError:
            return "the structured response is not JSON"
        return self._problem(text)

    def _problem(self, text: str) -> str | None:
        try:
            value = json_value(text)
        except ValueError:
            return "the reply is not JSON"
        if isinstance(self.schema, Mapping):
            return schema_problem(value, dict(self.schema))
        # From JSON and not from the value: a strict model takes a date as text only there.
        validate, names = self.schema.model_validate_json, field_names(self.schema)
        return validation_problem(validate, json_text(text), declared=names)
