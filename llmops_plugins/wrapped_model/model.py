"""A chat model inside agent middleware.

Its runs are *chain* runs: the model calls inside are the model runs, so nothing counts twice, events and
attribution nest, and callbacks see what happened.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, cast

from langchain_core.callbacks import CallbackManagerForLLMRun, Callbacks
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult, LLMResult
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import ensure_config, merge_configs
from pydantic import ConfigDict, Field

from llmops_plugins.effects import Request, Response
from llmops_plugins.flow import Finished
from llmops_plugins.messages import chunk_of_message
from llmops_plugins.wrapped_model.event_source import EventSource
from llmops_plugins.wrapped_model.layers import MiddlewareLayers
from llmops_plugins.wrapped_model.request import reply_message, request_of_call
from llmops_plugins.wrapped_model.structured_output import StructuredOutput

__all__ = ["ModelWithMiddleware"]


class ModelWithMiddleware(BaseChatModel):
    """A chat model inside agent middleware; made by ``with_middleware``.

    Args:
        wrapped: The model that answers when nothing intervenes.
        middleware: Around it, outermost first.
    """

    # Not called "model": create_agent(response_format=) takes a string attribute of that name for the name.
    wrapped: BaseChatModel
    middleware: tuple[Any, ...] = Field(default=())

    model_config = ConfigDict(arbitrary_types_allowed=True)

    def model_post_init(self, context: Any, /) -> None:
        """Take over the wrapped model's profile, which says what it can do."""
        super().model_post_init(context)
        if self.profile is None:
            self.profile = self.wrapped.profile

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        # Traces carry this text, and only the wrapped model knows what of its own is a secret.
        yield "wrapped", f"{type(self.wrapped).__name__}({self.model_name})"
        yield "middleware", [one.name for one in self.middleware]

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
        return StructuredOutput(
            responder=self, response_schema=schema, include_raw=include_raw, settings=kwargs
        )

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

        return self._call_with_config(answer, input, self.own_config(config), run_type="chain")

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

        return await self._acall_with_config(answer, input, self.own_config(config), run_type="chain")

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

        stream = self._transform_stream_with_config(
            iter([input]), chunks, self.own_config(config), run_type="chain"
        )
        yield from cast("Iterator[AIMessageChunk]", stream)

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

        stream = self._atransform_stream_with_config(
            inputs(), chunks, self.own_config(config), run_type="chain"
        )
        async with contextlib.aclosing(cast("AsyncGenerator[AIMessageChunk, None]", stream)) as ended:
            async for chunk in ended:
                yield chunk

    def stream_events(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Stream events; version ``"v3"`` builds its events from :meth:`stream`."""
        if kwargs.get("version") == "v3":
            return EventSource(source=self, config=config).events(input, **kwargs)
        return super().stream_events(input, config, **kwargs)

    def astream_events(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Stream events; version ``"v3"`` builds its events from :meth:`astream`."""
        if kwargs.get("version") == "v3":
            return EventSource(source=self, config=config).aevents(input, **kwargs)
        return super().astream_events(input, config, **kwargs)

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
        """Answer each conversation with :meth:`invoke`; the inherited one would open model runs itself."""
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

    def respond(
        self, given: LanguageModelInput, stop: list[str] | None, settings: Mapping[str, Any]
    ) -> Response:
        """Answer inside the current run: the middleware's whole response, structured output included."""
        return MiddlewareLayers(self.middleware).call(self._request(given, stop, settings))

    async def arespond(
        self, given: LanguageModelInput, stop: list[str] | None, settings: Mapping[str, Any]
    ) -> Response:
        """Answer inside the current run; the async twin of :meth:`respond`."""
        return await MiddlewareLayers(self.middleware).acall(self._request(given, stop, settings))

    def own_config(self, config: RunnableConfig | None) -> RunnableConfig:
        """Return a call's configuration together with the callbacks, tags and metadata of this model."""
        given = ensure_config(config)
        handlers: Any = getattr(given["callbacks"], "handlers", given["callbacks"]) or []
        own = self.callbacks or []
        # Runnables ignore what a chat model carries itself; a handler given both ways must not hear twice.
        if isinstance(own, list):
            own = [one for one in own if one not in handlers]
        carried = RunnableConfig(tags=self.tags or [], metadata=self.metadata or {}, callbacks=own)
        return merge_configs(carried, given)

    def _request(
        self, given: LanguageModelInput, stop: list[str] | None, settings: Mapping[str, Any]
    ) -> Request:
        return request_of_call(self.wrapped, self._convert_input(given).to_messages(), stop, settings)


def _generate_config(
    callbacks: Callbacks, tags: list[str] | None, metadata: dict[str, Any] | None, kwargs: dict[str, Any]
) -> RunnableConfig:
    config = RunnableConfig(callbacks=callbacks, tags=tags or [], metadata=metadata or {})
    run_name, run_id = kwargs.pop("run_name", None), kwargs.pop("run_id", None)
    return {**config, "run_name": run_name, "run_id": run_id} if run_name or run_id else config
