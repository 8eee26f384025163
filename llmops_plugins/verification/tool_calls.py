"""Tool calls that the tools would refuse, caught before anyone runs them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from langchain_core.messages import AIMessage
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel, TypeAdapter

from llmops_plugins.verification.json_schema import schema_problem
from llmops_plugins.verification.validation import field_names, validation_problem
from llmops_plugins.verification.verdict import Verdict, answer_message

if TYPE_CHECKING:
    from langchain.agents.middleware.types import ModelRequest, ModelResponse

    from llmops_plugins.flow import Effect

__all__ = ["ValidToolCalls"]

Check: TypeAlias = Callable[[Mapping[str, Any]], str | None]
"""Returns what is wrong with a call's arguments, led by the argument's name, or ``None``."""

_UNTITLED = "response_format_"
"""How LangChain's made-up names of structured-output schemas without a title begin."""


class ValidToolCalls:
    """Accept a reply whose every tool call names a known tool with arguments that fit its schema.

    A reply without tool calls is for another verifier: this one abstains. Arguments that the runtime injects
    (``InjectedState``, ``InjectedToolCallId``, ``ToolRuntime``) are not asked of the model. Tools declared as
    dictionaries are checked against the part of JSON Schema that
    :mod:`~llmops_plugins.verification.json_schema` names; a provider's built-in tools have no schema here and
    pass.
    """

    def __call__(
        self, request: ModelRequest[Any], replies: Sequence[ModelResponse[Any]]
    ) -> Generator[Effect, Any, Verdict]:
        """Judge the first reply."""
        yield from ()  # a flow that asks for nothing
        message = answer_message(replies[0])
        if message is None or not (message.tool_calls or message.invalid_tool_calls):
            return Verdict(outcome="abstain", reason="made no tool call")
        problem = _problem(message, request)
        if problem is not None:
            return Verdict(outcome="reject", reason=problem)
        names = ", ".join(call["name"] for call in message.tool_calls)
        return Verdict(outcome="accept", reason=f"the arguments fit the schema of {names}")


def _problem(message: AIMessage, request: ModelRequest[Any]) -> str | None:
    if message.invalid_tool_calls:
        return "the arguments of a tool call cannot be parsed"
    for call in message.tool_calls:
        check = _check(call["name"], request)
        if check is None:
            return "calls a tool that does not exist"  # whose name is the model's own words
        problem = check(call["args"])
        if problem is not None:
            return f"{call['name']}: argument {problem}"
    return None


def _check(name: str, request: ModelRequest[Any]) -> Check | None:
    """Return the check of the named tool's arguments, or ``None`` where there is no such tool."""
    for tool in request.tools:
        if isinstance(tool, BaseTool):
            if tool.name == name:
                return _check_of_tool(tool)
        elif name in (declared := _declared(tool))[0]:
            return lambda arguments: schema_problem(arguments, declared[1])
    return _check_of_structured_output(name, request.response_format)


def _declared(tool: Any) -> tuple[tuple[str, ...], Any]:
    """Return the names a declaration goes by and its schema; a built-in tool's schema allows anything."""
    try:
        declaration = convert_to_openai_tool(tool)
    except ValueError:
        return tuple(tool), True
    function = declaration.get("function", declaration)
    return (str(function.get("name") or declaration.get("type")),), function.get("parameters", True)


def _check_of_tool(tool: BaseTool) -> Check:
    schema = tool.args_schema
    if not (isinstance(schema, type) and issubclass(schema, BaseModel)):
        parameters = _declared(tool)[1]
        return lambda arguments: schema_problem(arguments, parameters)
    asked = getattr(tool.tool_call_schema, "model_fields", {})
    injected = field_names(schema) - field_names(schema, only=asked)
    # The full schema, not the one without injected arguments: only it has the tool's own validators.
    return lambda arguments: validation_problem(
        schema.model_validate, dict(arguments), declared=field_names(schema), ignored=injected
    )


def _check_of_structured_output(name: str, response_format: Any) -> Check | None:
    # Imported here: it brings in all of LangChain's agents, which importing this package must not.
    from langchain.agents.structured_output import AutoStrategy, ProviderStrategy, ToolStrategy

    if response_format is None or isinstance(response_format, ProviderStrategy):
        return None
    if isinstance(response_format, AutoStrategy):
        response_format = response_format.schema
    strategy = response_format if isinstance(response_format, ToolStrategy) else ToolStrategy(response_format)
    for spec in strategy.schema_specs:
        if spec.name == name or (spec.name.startswith(_UNTITLED) and name.startswith(_UNTITLED)):
            schema = spec.schema
            if isinstance(schema, dict):
                return lambda arguments: schema_problem(arguments, schema)
            return lambda arguments: validation_problem(TypeAdapter(schema).validate_python, dict(arguments))
    return None
