"""Chat models for tests and back-tests: one says what it is told, one repeats what a model once answered."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field, PrivateAttr, SkipValidation

from llmops_plugins.errors import ConfigurationError, PromptNotRecordedError
from llmops_plugins.messages import chunk_of_message

__all__ = ["RecordedAnswer", "ReplayChatModel", "ScriptedChatModel"]

Reply = str | AIMessage | BaseException | Callable[[list[BaseMessage]], "str | AIMessage"]


class _AnsweringChatModel(BaseChatModel):
    """What both have in common: from one finished message to every way a chat model can be called."""

    model_name: str = "scripted"
    provider: str | None = "scripted"
    delay: float = Field(default=0.0, ge=0.0)
    """Seconds before the reply, or before each chunk of a streamed one."""

    @property
    def _llm_type(self) -> str:
        return self.provider or "scripted"

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> Any:
        named = {"ls_provider": self.provider} if self.provider is not None else {}
        name = kwargs.get("model", self.model_name)
        return {**named, "ls_model_name": name, "ls_model_type": "chat"}

    def bind_tools(
        self, tools: Sequence[Any], *, tool_choice: Any = None, **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind tools; whether they are called is up to the replies."""
        return self.bind(
            tools=[convert_to_openai_tool(one) for one in tools], tool_choice=tool_choice, **kwargs
        )

    def _answer(self, messages: list[BaseMessage]) -> AIMessage:
        raise NotImplementedError

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        if self.delay:
            time.sleep(self.delay)
        return ChatResult(generations=[ChatGeneration(message=self._answer(messages))])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        if self.delay:
            await asyncio.sleep(self.delay)
        return ChatResult(generations=[ChatGeneration(message=self._answer(messages))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for chunk in _chunks(self._answer(messages)):
            if self.delay:
                time.sleep(self.delay)
            yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in _chunks(self._answer(messages)):
            if self.delay:
                await asyncio.sleep(self.delay)
            yield chunk


def _chunks(message: AIMessage) -> Iterator[ChatGenerationChunk]:
    """Word by word, then tool calls and usage in the last chunk, as providers send them."""
    last = chunk_of_message(message)
    if isinstance(message.content, str) and message.content:
        first, *others = _words(message.content)
        # LangChain adds up whole tokens only, so a cost lasts where nothing comes before it.
        costed = message.usage_metadata if "total_cost" in (message.usage_metadata or {}) else None
        yield ChatGenerationChunk(message=AIMessageChunk(content=first, usage_metadata=costed))
        for word in others:
            yield ChatGenerationChunk(message=AIMessageChunk(content=word))
        last = last.model_copy(
            update={"content": "", "usage_metadata": None if costed else last.usage_metadata}
        )
    yield ChatGenerationChunk(message=last)


def _words(text: str) -> list[str]:
    words = text.split(" ")
    return [f"{word} " for word in words[:-1]] + [words[-1]]


_TAKING_TURNS = threading.Lock()
"""Shared by all scripts: a lock of its own would keep a model from being pickled and copied."""


class ScriptedChatModel(_AnsweringChatModel):
    """Says what it is told: each call takes the next reply, starting over at the end.

    Args:
        replies: What to say in turn: a text; an ``AIMessage`` (with its own usage and tool calls); an
            exception to raise; or a function of the messages that returns either of the first two.
        usage: Usage of each reply that brings none, or None for a provider that reports nothing.
        model_name: Name it reports.
        provider: Provider it reports.
        delay: Seconds before the reply, or before each chunk of a streamed one.

    Example:
        >>> model = ScriptedChatModel(replies=["one", ConnectionError("down"), "three"])
        >>> model.invoke("?").text
        'one'
    """

    replies: list[Any] = Field(repr=False)
    usage: UsageMetadata | None = Field(
        default_factory=lambda: UsageMetadata(input_tokens=10, output_tokens=5, total_tokens=15)
    )
    _calls: list[list[BaseMessage]] = PrivateAttr(default_factory=list)

    @property
    def _identifying_params(self) -> dict[str, Any]:
        # Caches tell models apart by these, and not by what a test lets them say.
        return {"model_name": self.model_name, "provider": self.provider}

    def __init__(self, *, replies: Sequence[Reply], **kwargs: Any) -> None:
        if isinstance(replies, str) or not replies:
            raise ConfigurationError("replies", "must be a list of at least one reply")
        super().__init__(**{**kwargs, "replies": list(replies)})

    @property
    def calls(self) -> list[list[BaseMessage]]:
        """The messages of every call so far."""
        return self._calls

    def _answer(self, messages: list[BaseMessage]) -> AIMessage:
        with _TAKING_TURNS:
            reply = self.replies[len(self._calls) % len(self.replies)]
            self._calls.append(messages)
        if isinstance(reply, BaseException):
            raise reply
        if callable(reply):
            reply = reply(messages)
        message = AIMessage(reply) if isinstance(reply, str) else reply
        return message.model_copy(
            update={
                "usage_metadata": message.usage_metadata or self.usage,
                "response_metadata": {"model_name": self.model_name, **message.response_metadata},
            }
        )


@dataclass(frozen=True, kw_only=True)
class RecordedAnswer:
    """What one model answered to one prompt.

    Args:
        text: The answer.
        input_tokens: Tokens it was sent.
        output_tokens: Tokens it wrote.
        cost_usd: What it cost, where that was recorded; it then goes before any price list.
    """

    text: str
    input_tokens: int
    output_tokens: int
    cost_usd: float | None = None


class ReplayChatModel(_AnsweringChatModel):
    """Answers a prompt with one model's recorded answer to it.

    The prompt is the last human message. Usage is the recorded one, whatever else was sent along.

    Args:
        answers: Recorded answers by the prompt's exact text. Kept as it is and shared by copies of the model,
            for it may be large; it appears in no representation.
        model_name: The model that gave them.
        provider: Provider it reports; None lets prices go by the model's name.

    Raises:
        PromptNotRecordedError: From a call, when the records do not hold its prompt.
    """

    answers: SkipValidation[Mapping[str, RecordedAnswer]] = Field(exclude=True, repr=False)
    provider: str | None = None

    @property
    def _identifying_params(self) -> dict[str, Any]:
        # Caches tell models apart by these, and not by what a test lets them say.
        return {"model_name": self.model_name, "provider": self.provider}

    def __init__(self, *, answers: Mapping[str, RecordedAnswer], **kwargs: Any) -> None:
        if not isinstance(answers, Mapping):
            raise ConfigurationError("answers", f"must map prompts to answers, got {type(answers).__name__}")
        super().__init__(**{**kwargs, "answers": answers})

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> ReplayChatModel:
        return super().__deepcopy__({**(memo or {}), id(self.answers): self.answers})

    def _answer(self, messages: list[BaseMessage]) -> AIMessage:
        prompt = next((one.text for one in reversed(messages) if isinstance(one, HumanMessage)), None)
        answer = self.answers.get(prompt) if prompt is not None else None
        if answer is None:
            asked = (prompt or "")[:60]
            raise PromptNotRecordedError(
                f"{self.model_name} has no recorded answer to {asked!r}, record it or leave it out"
            )
        total = answer.input_tokens + answer.output_tokens
        usage: dict[str, Any] = {
            "input_tokens": answer.input_tokens,
            "output_tokens": answer.output_tokens,
            "total_tokens": total,
        }
        if answer.cost_usd is not None:
            usage["total_cost"] = float(answer.cost_usd)  # an integer zero marks a cache hit
        return AIMessage(answer.text, usage_metadata=usage, response_metadata={"model_name": self.model_name})
