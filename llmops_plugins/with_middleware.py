"""Agent middleware around a bare chat model, for hand-written nodes and chains.

The wrapper is a chat model whose runs are *chain* runs: the model calls inside it are the model runs, so nothing
counts twice, events and attribution nest, and callbacks see what happened.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from langchain.agents.middleware.types import AgentMiddleware, ModelRequest
from langchain.agents.structured_output import AutoStrategy
from langchain_core.callbacks import CallbackManagerForLLMRun, Callbacks
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, SystemMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult, LLMResult
from langchain_core.runnables import Runnable, RunnableConfig, RunnableSerializable
from langchain_core.runnables.config import ensure_config, merge_configs
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.config import get_config
from langgraph.runtime import Runtime, get_runtime
from langsmith import tracing_context
from pydantic import ConfigDict, Field

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.events import WRAPPER_KEY
from llmops_plugins.flow import Finished, Request, Response
from llmops_plugins.messages import chunk_of_message
from llmops_plugins.middleware_layers import PARSING_ERROR, MiddlewareLayers, reply_message

__all__ = ["ModelWithMiddleware", "with_middleware"]

OTHER_HOOKS = ("before_agent", "before_model", "after_model", "after_agent", "wrap_tool_call")


def with_middleware(model: BaseChatModel, *middleware: AgentMiddleware[Any, Any, Any]) -> ModelWithMiddleware:
    """Wrap a chat model in agent middleware, outermost first, so that any node or chain that holds it has them.

    Args:
        model: The chat model to wrap. Tools are bound to the wrapper, not to the model.
        middleware: Middleware whose only hook is ``wrap_model_call``; the others need an agent's loop.

    Returns:
        A chat model to use in the place of ``model``.

    Raises:
        ConfigurationError: If a middleware has another hook, or ``model`` is not a chat model.

    Example:
        >>> from llmops_plugins.testing import ScriptedChatModel
        >>> with_middleware(ScriptedChatModel(replies=["hello"])).invoke("hi").text
        'hello'
    """
    if not isinstance(model, BaseChatModel):
        raise ConfigurationError(
            "model", f"must be a chat model without bound tools, got {type(model).__name__}"
        )
    for one in middleware:
        hooks = [hook for hook in OTHER_HOOKS if _overrides(one, hook)]
        if hooks:
            raise ConfigurationError(
                "middleware",
                f"{one.name} has {', '.join(hooks)}, which needs an agent: give it to create_agent",
            )
        if getattr(one, "tools", None):
            raise ConfigurationError("middleware", f"{one.name} brings tools: give it to create_agent")
    return ModelWithMiddleware(wrapped=model, middleware=tuple(middleware))


def _overrides(middleware: AgentMiddleware[Any, Any, Any], hook: str) -> bool:
    kind = type(middleware)
    return any(getattr(kind, name) is not getattr(AgentMiddleware, name) for name in (hook, f"a{hook}"))


class ModelWithMiddleware(BaseChatModel):
    """A chat model inside agent middleware; made by :func:`with_middleware`.

    Args:
        wrapped: The model that answers when nothing intervenes.
        middleware: Around it, outermost first.
    """

    # Not called "model": create_agent(response_format=) takes a string attribute of that name for the model's name.
    wrapped: BaseChatModel
    middleware: tuple[Any, ...] = Field(default=())

    model_config = ConfigDict(arbitrary_types_allowed=True)

    def model_post_init(self, context: Any, /) -> None:
        """Take over the wrapped model's profile, which says what it can do."""
        super().model_post_init(context)
        if self.profile is None:
            self.profile = self.wrapped.profile

    @property
    def _llm_type(self) -> str:
        return "with_middleware"

    @property
    def model_name(self) -> str:
        """The wrapped model's name, where code asks a chat model for one."""
        return getattr(self.wrapped, "model_name", None) or getattr(self.wrapped, "model", None) or ""

    @property
    def _identifying_params(self) -> dict[str, Any]:
        names = [one.name for one in self.middleware]
        return {"wrapped": self.wrapped._identifying_params, "middleware": names}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> Any:
        return self.wrapped._get_ls_params(stop=stop, **kwargs)

    def get_num_tokens_from_messages(self, messages: list[BaseMessage], tools: Any = None) -> int:
        """Count tokens as the wrapped model does."""
        return self.wrapped.get_num_tokens_from_messages(messages, tools)

    def bind_tools(
        self, tools: Sequence[Any], *, tool_choice: Any = None, **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind tools, which reach whichever model the middleware chooses."""
        return self.bind(tools=list(tools), tool_choice=tool_choice, **kwargs)

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """Parse replies into ``schema``, by whichever way the model that answers supports."""
        return _StructuredOutput(outer=self, response_schema=schema, include_raw=include_raw, settings=kwargs)

    def invoke(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Answer, through the middleware."""

        def answer(given: LanguageModelInput) -> AIMessage:
            return reply_message(self.respond(given, stop, kwargs))

        return self._call_with_config(answer, input, self._own_config(config), run_type="chain")

    async def ainvoke(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Answer, through the middleware."""

        async def answer(given: LanguageModelInput) -> AIMessage:
            return reply_message(await self.arespond(given, stop, kwargs))

        return await self._acall_with_config(answer, input, self._own_config(config), run_type="chain")

    def stream(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> Iterator[AIMessageChunk]:
        """Stream the reply that is passed on live; one that had to be verified first arrives whole."""

        def chunks(inputs: Iterator[LanguageModelInput]) -> Iterator[AIMessageChunk]:
            layers = MiddlewareLayers(self.middleware)
            streamed = False
            parts = layers.stream(self._request(next(inputs), stop, kwargs))
            with contextlib.closing(parts):
                while True:
                    try:
                        chunk = next(parts)
                    except StopIteration as end:
                        response = end.value
                        break
                    streamed = True
                    yield chunk
            if not streamed:
                yield chunk_of_message(reply_message(response))

        yield from self._transform_stream_with_config(
            iter([input]), chunks, self._own_config(config), run_type="chain"
        )

    async def astream(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[AIMessageChunk]:
        """Stream the reply that is passed on live; one that had to be verified first arrives whole."""

        async def chunks(inputs: AsyncIterator[LanguageModelInput]) -> AsyncIterator[AIMessageChunk]:
            layers = MiddlewareLayers(self.middleware)
            streamed = False
            request = self._request(await anext(inputs), stop, kwargs)
            async with contextlib.aclosing(layers.astream(request)) as items:
                async for item in items:
                    if not isinstance(item, Finished):
                        streamed = True
                        yield item
                    elif not streamed:
                        yield chunk_of_message(reply_message(item.response))

        async def inputs() -> AsyncIterator[LanguageModelInput]:
            yield input

        async for chunk in self._atransform_stream_with_config(
            inputs(), chunks, self._own_config(config), run_type="chain"
        ):
            yield chunk

    def stream_events(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # type: ignore[override]
        """Stream events; version ``"v3"`` builds its events from :meth:`stream`."""
        if kwargs.get("version") != "v3":
            return super().stream_events(input, config, **kwargs)
        with tracing_context(enabled=False):  # the calls inside are traced; this shell is no call
            return _EventSource(outer=self, config=config).stream_events(input, EVENT_CONFIG, **kwargs)

    def astream_events(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # type: ignore[override]
        """Stream events; version ``"v3"`` builds its events from :meth:`astream`."""
        if kwargs.get("version") != "v3":
            return super().astream_events(input, config, **kwargs)
        return self._astream_events_v3(input, config, kwargs)

    async def _astream_events_v3(
        self, input: Any, config: RunnableConfig | None, kwargs: dict[str, Any]
    ) -> Any:
        with tracing_context(enabled=False):
            return await _EventSource(outer=self, config=config).astream_events(input, EVENT_CONFIG, **kwargs)

    def generate(
        self,
        messages: list[list[BaseMessage]],
        stop: list[str] | None = None,
        callbacks: Callbacks = None,
        *,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        """Answer each conversation with :meth:`invoke`; the inherited one would open model runs of its own."""
        config = _generate_config(callbacks, tags, metadata, kwargs)
        replies = [self.invoke(one, config, stop=stop, **kwargs) for one in messages]
        return LLMResult(generations=[[ChatGeneration(message=reply)] for reply in replies])

    async def agenerate(
        self,
        messages: list[list[BaseMessage]],
        stop: list[str] | None = None,
        callbacks: Callbacks = None,
        *,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        """Answer each conversation with :meth:`ainvoke`, all at once."""
        config = _generate_config(callbacks, tags, metadata, kwargs)
        replies = await asyncio.gather(*[self.ainvoke(one, config, stop=stop, **kwargs) for one in messages])
        return LLMResult(generations=[[ChatGeneration(message=reply)] for reply in replies])

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self.invoke(messages, stop=stop, **kwargs))])

    def respond(self, given: LanguageModelInput, stop: list[str] | None, kwargs: dict[str, Any]) -> Response:
        """Answer inside the current run: the middleware's whole response, structured output included."""
        return MiddlewareLayers(self.middleware).call(self._request(given, stop, kwargs))

    async def arespond(
        self, given: LanguageModelInput, stop: list[str] | None, kwargs: dict[str, Any]
    ) -> Response:
        """Answer inside the current run; the async twin of :meth:`respond`."""
        return await MiddlewareLayers(self.middleware).acall(self._request(given, stop, kwargs))

    def _own_config(self, config: RunnableConfig | None) -> RunnableConfig:
        # _call_with_config ignores the callbacks, tags and metadata a chat model carries itself.
        own = {"tags": self.tags, "metadata": self.metadata, "callbacks": self.callbacks}
        return merge_configs(RunnableConfig(**{k: v for k, v in own.items() if v}), ensure_config(config))  # type: ignore[typeddict-item]

    def _request(self, given: LanguageModelInput, stop: list[str] | None, kwargs: dict[str, Any]) -> Request:
        settings = {
            k: v for k, v in kwargs.items() if k not in ("ls_structured_output_format", RESPONSE_FORMAT)
        }
        messages = self._convert_input(given).to_messages()
        system = messages[0] if messages and isinstance(messages[0], SystemMessage) else None
        if stop:
            settings["stop"] = stop
        tools = settings.pop("tools", None) or []
        return ModelRequest(
            model=self.wrapped,
            messages=messages[1:] if system else messages,  # type: ignore[arg-type]
            system_message=system,
            tool_choice=settings.pop("tool_choice", None),
            tools=[one if isinstance(one, BaseTool | dict) else convert_to_openai_tool(one) for one in tools],
            response_format=kwargs.get(RESPONSE_FORMAT),
            state={"messages": messages},  # type: ignore[typeddict-item]
            runtime=_runtime(),
            model_settings=settings,
        )


RESPONSE_FORMAT = "llmops_response_format"
EVENT_CONFIG: RunnableConfig = {"callbacks": [], "metadata": {WRAPPER_KEY: True}}


def _runtime() -> Runtime[Any]:
    with contextlib.suppress(RuntimeError, KeyError):
        get_config()
        return get_runtime() or Runtime()
    return Runtime()


def _generate_config(
    callbacks: Callbacks, tags: list[str] | None, metadata: dict[str, Any] | None, kwargs: dict[str, Any]
) -> RunnableConfig:
    config = RunnableConfig(callbacks=callbacks, tags=tags or [], metadata=metadata or {})
    run_name, run_id = kwargs.pop("run_name", None), kwargs.pop("run_id", None)
    return {**config, "run_name": run_name, "run_id": run_id} if run_name or run_id else config


class _StructuredOutput(RunnableSerializable[LanguageModelInput, Any]):
    """Runs the wrapped model for a parsed value, through the middleware."""

    outer: ModelWithMiddleware
    response_schema: Any
    include_raw: bool
    settings: dict[str, Any]

    def invoke(self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        def answer(given: LanguageModelInput) -> Any:
            return self._output(self.outer.respond(given, None, self._call_settings(kwargs)))

        return self._call_with_config(answer, input, self.outer._own_config(config), run_type="chain")

    async def ainvoke(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Any:
        async def answer(given: LanguageModelInput) -> Any:
            return self._output(await self.outer.arespond(given, None, self._call_settings(kwargs)))

        return await self._acall_with_config(answer, input, self.outer._own_config(config), run_type="chain")

    def _call_settings(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        return {**self.settings, **kwargs, RESPONSE_FORMAT: AutoStrategy(self.response_schema)}

    def _output(self, response: Response) -> Any:
        raw = reply_message(response)
        error = raw.response_metadata.pop(PARSING_ERROR, None)
        if self.include_raw:
            return {"raw": raw, "parsed": response.structured_response, "parsing_error": error}
        if error is not None:
            raise error
        return response.structured_response


class _EventSource(BaseChatModel):
    """Feeds LangChain's v3 event builder from the wrapper's chunks; it makes no call and is counted by nobody."""

    outer: ModelWithMiddleware
    config: Any

    @property
    def _llm_type(self) -> str:
        return "with_middleware_events"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return self.outer._generate(messages, **kwargs)

    def _stream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> Any:
        for chunk in self.outer.stream(messages, self.config, stop=stop, **kwargs):
            yield ChatGenerationChunk(message=chunk)

    async def _astream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> Any:
        async for chunk in self.outer.astream(messages, self.config, stop=stop, **kwargs):
            yield ChatGenerationChunk(message=chunk)
