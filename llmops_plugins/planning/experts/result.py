"""What an expert gave, as plain data that a checkpoint keeps and other tasks can refer into."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from langchain_core.documents import Document
from langchain_core.messages import BaseMessage, HumanMessage

from llmops_plugins.errors import LlmopsError
from llmops_plugins.planning.execution.task_outcome import plain_data
from llmops_plugins.planning.experts.sort import MESSAGES, ExpertSort
from llmops_plugins.verification.json_schema import schema_problem

__all__ = ["ExpertResultError", "expert_result"]

_STRUCTURED = "structured_response"


class ExpertResultError(LlmopsError, TypeError):
    """An expert gave something other than it promises.

    Args:
        expert: Who.
        problem: What is wrong with it, as the rest of one sentence.
    """

    def __init__(self, expert: str, problem: str) -> None:
        super().__init__(f"expert {json.dumps(expert)} {problem}")
        self.expert = expert
        self.problem = problem

    def __reduce__(self) -> tuple[type[ExpertResultError], tuple[str, str]]:
        return type(self), (self.expert, self.problem)


def expert_result(expert: str, sort: ExpertSort, output: Any, schema: Mapping[str, Any] | None) -> Any:
    """Return what a runnable gave as plain data.

    A message becomes its text, an agent's state what it says last or its structured response, and documents
    their text and metadata.

    Args:
        expert: Whose it is.
        sort: What sort of runnable gave it.
        output: What it gave.
        schema: What it promised, if anything.

    Raises:
        ExpertResultError: If it is no plain data, or not what was promised.
    """
    try:
        result = plain_data(_simplified(_said(output) if sort == "agent" else output))
    except TypeError as error:
        raise ExpertResultError(expert, f"gave {error}") from error
    problem = None if schema is None else schema_problem(result, schema)
    if problem is not None:
        raise ExpertResultError(expert, f"gave what it does not promise: {problem}")
    return result


def _said(output: Any) -> Any:
    """Return what an agent answered, from the state it ended in."""
    if isinstance(output, Mapping):
        if output.get(_STRUCTURED) is not None:
            return output[_STRUCTURED]
        output = output.get(MESSAGES)
    last = output[-1] if isinstance(output, list | tuple) and output else output
    if not isinstance(last, BaseMessage | str) or isinstance(last, HumanMessage):
        raise TypeError("no answer, return messages with the answer last")
    return last


def _simplified(value: Any) -> Any:
    if isinstance(value, BaseMessage):
        return value.text
    if isinstance(value, Document):
        return {"page_content": value.page_content, "metadata": value.metadata}
    if isinstance(value, list | tuple):
        return [_simplified(member) for member in value]
    if isinstance(value, dict):
        return {name: _simplified(member) for name, member in value.items()}
    return value
