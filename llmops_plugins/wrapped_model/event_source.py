"""Feeds LangChain's third version of streamed events from a chat model that streams in its own way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import RunnableConfig
from langsmith import tracing_context

from llmops_plugins.events import WRAPPER_KEY

__all__ = ["EventSource"]

_NOT_COUNTED: RunnableConfig = {"callbacks": [], "metadata": {WRAPPER_KEY: True}}


class EventSource(BaseChatModel):
    """The shell LangChain builds its events around; it makes no call itself and is counted by nobody.

    Args:
        source: Whose chunks to build events from.
        config: The configuration of the call, for ``source``.
    """

    source: BaseChatModel
    config: Any

    def events(self, given: Any, **kwargs: Any) -> Any:
        """Return the ``"v3"`` event stream of one call."""
        with tracing_context(enabled=False):  # the calls inside are traced; this shell is no call
            return self.stream_events(given, _NOT_COUNTED, **kwargs)

    async def aevents(self, given: Any, **kwargs: Any) -> Any:
        """Return the ``"v3"`` event stream of one call."""
        with tracing_context(enabled=False):
            return await self.astream_events(given, _NOT_COUNTED, **kwargs)

    @property
    def _llm_type(self) -> str:
        return "with_middleware_events"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return self.source._generate(messages, **kwargs)

    def _stream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        for chunk in self.source.stream(messages, self.config, stop=stop, **kwargs):
            yield ChatGenerationChunk(message=chunk)

    async def _astream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        async for chunk in self.source.astream(messages, self.config, stop=stop, **kwargs):
            yield ChatGenerationChunk(message=chunk)
