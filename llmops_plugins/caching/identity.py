"""One JSON form for whatever tells two requests apart, or a refusal where there is none."""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import json
import threading
import uuid
from collections.abc import Mapping
from types import UnionType
from typing import Any, Union, get_args, get_origin
from weakref import ref

from langchain.agents.structured_output import AutoStrategy, ProviderStrategy, ToolStrategy
from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableBinding
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel, SecretStr, TypeAdapter

__all__ = ["CannotNameError", "digest", "model_identity", "named", "tool_identity"]

_NO_SETTINGS = frozenset(BaseChatModel.model_fields)
"""What all chat models have: callbacks, tags and the like."""

_WHERE_A_MODEL_RUNS = ("base", "url", "endpoint", "deployment", "region", "project", "location")


_NAMING = threading.Lock()
_INSTANCES: dict[int, tuple[ref[object], str]] = {}


class CannotNameError(Exception):
    """A value has no form that is the same wherever the value is, so nothing may be looked up by it."""


def digest(value: Any) -> str:
    """Return the SHA-256 of a value's form, in hexadecimal.

    Args:
        value: What :func:`named` takes.

    Raises:
        CannotNameError: If something in it has no form.
    """
    text = json.dumps(named(value), ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def named(value: Any) -> Any:
    """Return the JSON form of a value: equal for equal values, and different for different ones.

    Args:
        value: Plain data, a schema, a pydantic model, a dataclass, an enumeration member or a class.

    Raises:
        CannotNameError: If it is anything else, such as an open connection.
    """
    match value:
        case enum.Enum():
            return {"enum": [_type_name(type(value)), value.name]}
        case None | bool() | int() | float() | str():
            return value
        case bytes():
            return {"bytes": value.hex()}
        case SecretStr():  # who pays does not change the answer, and secrets are stored nowhere
            return {"secret": None}
        case Mapping():
            items = [[named(key), named(item)] for key, item in value.items()]
            return {"items": sorted(items, key=lambda pair: json.dumps(pair[0], sort_keys=True))}
        case list() | tuple():
            return [named(item) for item in value]
        case set() | frozenset():
            return {"set": sorted((named(item) for item in value), key=json.dumps)}
        case type():
            return {"type": [_type_name(value), _schema(value)]}
        case BaseTool():
            return tool_identity(value)
        case BaseChatModel():
            return {"model": named(model_identity(value))}
        case AutoStrategy() | ToolStrategy() | ProviderStrategy():
            return {"format": [_type_name(type(value)), *map(named, _told(value))]}
        case BaseModel():
            fields = {name: getattr(value, name) for name in type(value).model_fields}
            return {"object": [_type_name(type(value)), named(fields)]}
    if get_origin(value) in (Union, UnionType):
        return {"union": [named(one) for one in get_args(value)]}
    if dataclasses.is_dataclass(value):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return {"object": [_type_name(type(value)), named(fields)]}
    raise CannotNameError(f"a {type(value).__name__} has no name")


def tool_identity(tool: BaseTool | Mapping[str, Any]) -> Any:
    """Return what a model is told of a tool.

    Args:
        tool: A tool, or a provider's description of one.
    """
    if not isinstance(tool, BaseTool):
        return named(tool)
    return named([convert_to_openai_tool(tool), getattr(tool, "extras", None)])


def _told(strategy: AutoStrategy[Any] | ToolStrategy[Any] | ProviderStrategy[Any]) -> list[Any]:
    """Return what of a strategy reaches a model; a name that was drawn for a schema without one does not."""
    spec = getattr(strategy, "schema_spec", None)
    message = getattr(strategy, "tool_message_content", None)
    return [strategy.schema, getattr(spec, "strict", None), message]


def model_identity(model: Any) -> Any:
    """Return what makes a model answer as it does: its class, name, parameters and where it runs.

    The parameters are those by which LangChain's own cache tells models apart; keys are no part of them.

    Args:
        model: A chat model, or one bound to settings.

    Raises:
        CannotNameError: If it is neither, or a setting has no form.
    """
    if isinstance(model, RunnableBinding):
        return ["bound", model_identity(model.bound), named(dict(model.kwargs))]
    if not isinstance(model, BaseChatModel):
        raise CannotNameError(f"a {type(model).__name__} is no chat model")
    places = {
        name: value
        for name in type(model).model_fields
        if isinstance(value := getattr(model, name, None), str)
        and any(part in name for part in _WHERE_A_MODEL_RUNS)
    }
    parameters = model._get_llm_string()  # LangChain has no public name for it
    fields = _own_fields(model)
    around = [_instance_name(one) for one in getattr(model, "middleware", ())]
    return [_type_name(type(model)), parameters, dict(model._get_ls_params()), places, fields, around]


def _instance_name(value: object) -> str:
    """Return a name that no other object has: what middleware does to answers cannot be read from outside."""
    place = id(value)
    with _NAMING:
        known = _INSTANCES.get(place)
        if known is not None and known[0]() is value:  # its place may have been another's before
            return known[1]
        try:
            alive = ref(value, lambda _: _INSTANCES.pop(place, None))
        except TypeError as error:
            raise CannotNameError(f"a {type(value).__name__} cannot be told from others") from error
        _INSTANCES[place] = alive, uuid.uuid4().hex
        return _INSTANCES[place][1]


def _own_fields(model: BaseChatModel) -> dict[str, Any]:
    """Return the settings of a model that its own word on what identifies it leaves out, and inner models."""
    kind = type(model)
    says: Any = next(one for one in kind.__mro__ if "_identifying_params" in vars(one))
    said = kind.model_fields if model.is_lc_serializable() else says.model_fields
    found = {}
    for name, field in kind.model_fields.items():
        value = getattr(model, name, None)
        left_out = name in said or name in _NO_SETTINGS or field.exclude
        if isinstance(value, BaseChatModel) or not left_out:
            try:
                found[name] = named(value)
            except CannotNameError:  # a function or another runnable: only this very one is sure to be it
                found[name] = _instance_name(value)
    return found


def _type_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _schema(kind: type) -> Any:
    """Return a class's JSON schema: its fields may change while its name stays."""
    try:
        return TypeAdapter(kind).json_schema()
    except Exception:  # noqa: BLE001 - pydantic raises errors of many sorts for what has no schema
        return None
