"""Builds chat models from their names, with one sentence for whatever can go wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmops_plugins.errors import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

__all__ = ["as_chat_model", "build_chat_model"]


def build_chat_model(field: str, name: str, **settings: Any) -> BaseChatModel:
    """Return a new chat model.

    Args:
        field: The setting that names it, for the error.
        name: An ``init_chat_model`` string such as ``"openai:gpt-4o-mini"``.
        settings: Passed on to ``init_chat_model``.

    Raises:
        MissingExtraError: The provider's LangChain package is not installed.
        ConfigurationError: ``init_chat_model`` or the provider refuses it, for want of a key for example.
    """
    from langchain.chat_models import init_chat_model

    try:
        model: BaseChatModel = init_chat_model(name, **settings)
    except ImportError as error:
        raise MissingExtraError(field, f"{name!r} cannot be built: {_first_line(error)}") from error
    except Exception as error:  # providers raise exceptions of their own
        if "model_provider" in str(error) and "model_provider" not in settings:
            raise ConfigurationError(field, f"{name!r} cannot be built: {_unknown_provider(name)}") from error
        raise ConfigurationError(field, f"{name!r} cannot be built: {_first_line(error)}") from error
    return model


def as_chat_model(field: str, model: Any) -> BaseChatModel:
    """Return a chat model as it is, or build it from its name.

    Args:
        field: The setting that holds it, for the error.
        model: A chat model, or an ``init_chat_model`` string.

    Raises:
        ConfigurationError: It is neither, or cannot be built.
    """
    from langchain_core.language_models import BaseChatModel

    if isinstance(model, str):
        return build_chat_model(field, model)
    if not isinstance(model, BaseChatModel):
        problem = f"must be a chat model without bound tools, got {type(model).__name__}"
        raise ConfigurationError(field, problem)
    return model


def _unknown_provider(name: str) -> str:
    """Say what to write instead of a name that LangChain can make nothing of."""
    provider, colon, model = name.partition(":")
    if colon:
        return f"LangChain knows no provider {provider!r}, write for example 'openai:{model}'"
    return f"it names no provider, write for example 'openai:{name}'"


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
