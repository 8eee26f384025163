"""Agent middleware around a bare chat model, for hand-written nodes and chains."""

from __future__ import annotations

from typing import Any

from langchain.agents.middleware.types import AgentMiddleware
from langchain_core.language_models import BaseChatModel

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.models.build import as_chat_model
from llmops_plugins.wrapped_model.model import ModelWithMiddleware

__all__ = ["with_middleware"]

OTHER_HOOKS = ("before_agent", "before_model", "after_model", "after_agent", "wrap_tool_call")


def with_middleware(
    model: str | BaseChatModel, *middleware: AgentMiddleware[Any, Any, Any]
) -> ModelWithMiddleware:
    """Wrap a chat model in agent middleware, outermost first, for any node or chain that holds a model.

    Args:
        model: The chat model to wrap, or its name for ``init_chat_model``. Tools are bound to the wrapper.
        middleware: Middleware whose only hook is ``wrap_model_call``; the others need an agent's loop.

    Returns:
        A chat model to use in the place of ``model``.

    Raises:
        ConfigurationError: If ``model`` is no chat model, or a middleware is none, has another hook or tools.

    Example:
        >>> from llmops_plugins.testing import ScriptedChatModel
        >>> with_middleware(ScriptedChatModel(replies=["hello"])).invoke("hi").text
        'hello'
    """
    for one in middleware:
        _check(one)
    return ModelWithMiddleware(wrapped=as_chat_model("model", model), middleware=middleware)


def _check(one: Any) -> None:
    if not isinstance(one, AgentMiddleware):
        raise ConfigurationError("middleware", f"must be AgentMiddleware, got {one!r}")
    hooks = [hook for hook in OTHER_HOOKS if _overrides(one, hook)]
    if hooks:
        raise ConfigurationError(
            "middleware", f"{one.name} has {', '.join(hooks)}, which needs an agent: give it to create_agent"
        )
    if getattr(one, "tools", None):
        raise ConfigurationError("middleware", f"{one.name} brings tools: give it to create_agent")


def _overrides(middleware: AgentMiddleware[Any, Any, Any], hook: str) -> bool:
    kind = type(middleware)
    return any(getattr(kind, name) is not getattr(AgentMiddleware, name) for name in (hook, f"a{hook}"))
