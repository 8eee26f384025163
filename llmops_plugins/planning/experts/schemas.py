"""What an expert takes and gives, read from the runnable that does its work as far as that says it."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any, is_typeddict

from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langgraph.graph.state import CompiledStateGraph
from langgraph.pregel import Pregel
from pydantic import BaseModel, TypeAdapter, create_model

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.planning.experts.sort import MESSAGES, chat_model_of

__all__ = [
    "DOCUMENTS",
    "QUERY",
    "Schema",
    "derived_arguments",
    "derived_description",
    "derived_output",
    "graph_inputs",
    "signature_model",
]

Schema = Mapping[str, Any]

QUERY: Schema = {
    "type": "object",
    "properties": {"query": {"type": "string", "description": "What to look for."}},
    "required": ["query"],
    "additionalProperties": False,
}
"""What a retriever takes."""

DOCUMENTS: Schema = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"page_content": {"type": "string"}, "metadata": {"type": "object"}},
    },
}
"""What a retriever gives."""


def derived_arguments(runnable: Any) -> Schema | None:
    """Return the JSON schema of what a runnable takes, or None where it does not say.

    Args:
        runnable: What does an expert's work.

    Raises:
        ConfigurationError: If it is a tool that needs an agent's state, or a function without type hints.
    """
    if isinstance(runnable, str) or chat_model_of(runnable) is not None:
        return None
    if isinstance(runnable, BaseTool):
        return _tool_arguments(runnable)
    if isinstance(runnable, BaseRetriever):
        return QUERY
    if isinstance(runnable, Pregel) and MESSAGES in graph_inputs(runnable):
        return None
    if isinstance(runnable, Runnable):
        return _declared(_graph_schema(runnable, "input_schema") or _asked(runnable.get_input_jsonschema))
    return signature_model(runnable).model_json_schema() if callable(runnable) else None


def derived_output(runnable: Any) -> Schema | None:
    """Return the JSON schema of what a runnable gives, or None where it does not say."""
    if isinstance(runnable, BaseRetriever):
        return DOCUMENTS
    if isinstance(runnable, CompiledStateGraph):
        return None if MESSAGES in graph_inputs(runnable) else _declared(_output_of_graph(runnable))
    if isinstance(runnable, str | Runnable) or not callable(runnable):
        return None
    hint = _hints(runnable).get("return", Any)
    return None if hint is Any else _asked(lambda: TypeAdapter(hint).json_schema(mode="serialization"))


def derived_description(runnable: Any) -> str:
    """Return what a tool or a function says of itself; a class's own text is none of its instances'."""
    if isinstance(runnable, BaseTool):
        return runnable.description
    documented = inspect.isfunction(runnable) or inspect.ismethod(runnable)
    return (inspect.getdoc(runnable) or "") if documented else ""


def graph_inputs(graph: Any) -> tuple[str, ...]:
    """Return the names of what a compiled graph takes; none for anything else."""
    if not isinstance(graph, Pregel):
        return ()
    schema = _graph_schema(graph, "input_schema") or _asked(graph.get_input_jsonschema) or {}
    return tuple(schema.get("properties", ()))


def signature_model(function: Callable[..., Any]) -> type[BaseModel]:
    """Return a pydantic model of a function's arguments.

    Args:
        function: With a type hint on each argument, all of which can be given by name.

    Raises:
        ConfigurationError: If that is not so.
    """
    hints, fields = _hints(function), {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            problem = f"takes {name!r} by position or in any number: give a function of named arguments"
            raise ConfigurationError("runnable", problem)
        if name not in hints:
            raise ConfigurationError("runnable", f"says not of what type {name!r} is, give it a type hint")
        fields[name] = (hints[name], ... if parameter.default is parameter.empty else parameter.default)
    return _model(getattr(function, "__name__", type(function).__name__), fields)


def _tool_arguments(tool: BaseTool) -> Schema:
    shown: Any = tool.tool_call_schema
    if isinstance(shown, dict):
        return shown
    injected = _fields(tool.get_input_schema()) - _fields(shown)
    if injected:
        problem = (
            f"is a tool that needs {', '.join(sorted(injected))} from an agent: wrap it in a function without"
        )
        raise ConfigurationError("runnable", problem)
    return _declared(_asked(shown.model_json_schema)) or {"type": "object", "properties": {}}


def _fields(model: Any) -> set[str]:
    return set(getattr(model, "model_fields", ()))


def _output_of_graph(graph: CompiledStateGraph[Any, Any, Any, Any]) -> Schema | None:
    return _graph_schema(graph, "output_schema") or _asked(graph.get_output_jsonschema)


def _graph_schema(graph: Any, name: str) -> Schema | None:
    """Return the schema of a state that is a ``typing.TypedDict``, which pydantic may refuse."""
    state = getattr(graph.builder, name, None) if isinstance(graph, CompiledStateGraph) else None
    if state is None or not is_typeddict(state):
        return None
    # Below Python 3.12 pydantic takes only those of typing_extensions.
    needed: frozenset[str] = getattr(state, "__required_keys__", frozenset())
    hints = {
        name: (hint, ... if name in needed else None) for name, hint in typing.get_type_hints(state).items()
    }
    return _asked(lambda: _model(state.__name__, hints).model_json_schema())


def _model(name: str, fields: Mapping[str, tuple[Any, Any]]) -> type[BaseModel]:
    config: Any = {"arbitrary_types_allowed": True}
    try:
        model: type[BaseModel] = create_model(name, __config__=config, **fields)  # type: ignore[call-overload] # its overloads do not know fields made here
        model.model_json_schema()
    except Exception as error:  # whatever pydantic raises for a type it knows no schema of
        problem = f"has types that no JSON schema can say ({type(error).__name__}), give arguments="
        raise ConfigurationError("runnable", problem) from error
    return model


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    target = function if inspect.isroutine(function) else type(function).__call__
    try:
        return typing.get_type_hints(target, include_extras=True)
    except Exception as error:  # hints are code, and may name what is not there
        raise ConfigurationError(
            "runnable", f"has type hints that cannot be read ({error}), give arguments="
        ) from error


def _declared(schema: Schema | None) -> Schema | None:
    """Return a schema that says which arguments there are, else None."""
    return (
        schema if schema is not None and schema.get("type") == "object" and schema.get("properties") else None
    )


def _asked(ask: Callable[[], Schema]) -> Schema | None:
    try:
        return ask()
    except Exception:  # noqa: BLE001 - a type without a JSON schema says nothing, and pydantic has many errors
        return None
