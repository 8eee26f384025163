"""A LlamaIndex LLM that asks a LangChain chat model."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse, LLMMetadata
from llama_index.core.bridge.pydantic import Field
from llama_index.core.constants import DEFAULT_CONTEXT_WINDOW, DEFAULT_NUM_OUTPUTS
from llama_index.core.llms import CustomLLM
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback

from llmops_integrations.llama_index.messages import chat_response, completion_response, langchain_messages
from llmops_integrations.llama_index.streams import aobserved, observed
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.models.build import as_chat_model

__all__ = ["MiddlewareLLM"]


class MiddlewareLLM(CustomLLM):
    """Lets a LlamaIndex app use a LangChain chat model, ``with_middleware(...)`` above all.

    Replies carry the LangChain message in ``raw`` and its token counts in ``additional_kwargs``. Streams that
    are closed, or dropped, close the model's own. Keyword arguments of a call reach the model as they are.

    Args:
        chat_model: The LangChain chat model, or its name for ``init_chat_model``.
        context_window: Tokens the model takes, prompt and reply together; by default what the model's profile
            says, and without one LlamaIndex's own default of 3,900.
        num_output: Tokens LlamaIndex leaves free for the reply; by default its own 256.
        config: LangChain's ``RunnableConfig`` for every call: callbacks such as a ledger, tags, metadata.
        settings: LlamaIndex's own settings of an LLM: ``system_prompt``, ``callback_manager`` and so on.

    Raises:
        ConfigurationError: A setting is wrong; from a call, when a message cannot be passed on.
        MissingExtraError: ``chat_model`` names a model whose LangChain package is not installed.

    Example:
        >>> from llmops_plugins import with_middleware
        >>> from llmops_plugins.testing import ScriptedChatModel
        >>> MiddlewareLLM(with_middleware(ScriptedChatModel(replies=["hello"]))).complete("hi").text
        'hello'
    """

    chat_model: BaseChatModel = Field(exclude=True)
    context_window: int | None = None
    num_output: int | None = None
    config: Any = Field(default=None, exclude=True, repr=False)

    def __init__(
        self,
        chat_model: str | BaseChatModel,
        *,
        context_window: int | None = None,
        num_output: int | None = None,
        config: Any = None,
        **settings: Any,
    ) -> None:
        for field, tokens in (("context_window", context_window), ("num_output", num_output)):
            if tokens is not None and tokens < 1:
                raise ConfigurationError(field, f"must be at least 1 token, got {tokens}")
        super().__init__(
            chat_model=as_chat_model("chat_model", chat_model),
            context_window=context_window,
            num_output=num_output,
            config=config,
            **settings,
        )

    @classmethod
    def class_name(cls) -> str:
        """Return the name that LlamaIndex's events and serialization know this class by."""
        return "MiddlewareLLM"

    @property
    def metadata(self) -> LLMMetadata:
        """What LlamaIndex plans its prompts by."""
        profile = self.chat_model.profile or {}
        name = getattr(self.chat_model, "model_name", None) or getattr(self.chat_model, "model", None)
        return LLMMetadata(
            context_window=self.context_window or profile.get("max_input_tokens") or DEFAULT_CONTEXT_WINDOW,
            num_output=self.num_output or DEFAULT_NUM_OUTPUTS,
            is_chat_model=True,
            model_name=name or "unknown",
        )

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer a conversation."""
        return chat_response(self.chat_model.invoke(langchain_messages(messages), self.config, **kwargs))

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer a conversation."""
        given = langchain_messages(messages)
        return chat_response(await self.chat_model.ainvoke(given, self.config, **kwargs))

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Answer a prompt, sent as one message of the user's."""
        given = self._prompt_messages(prompt, formatted)
        return completion_response(self.chat_model.invoke(given, self.config, **kwargs))

    @llm_completion_callback()
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Answer a prompt, sent as one message of the user's."""
        given = self._prompt_messages(prompt, formatted)
        return completion_response(await self.chat_model.ainvoke(given, self.config, **kwargs))

    def stream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> Generator[ChatResponse, None, None]:
        """Stream the answer to a conversation: each response holds all of it so far, and what is new."""
        responses = self._responses(langchain_messages(messages), kwargs, chat_response)
        return observed(llm_chat_callback(), responses, self, messages, **kwargs)

    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> AsyncGenerator[ChatResponse, None]:
        """Stream the answer to a conversation: each response holds all of it so far, and what is new."""
        responses = self._aresponses(langchain_messages(messages), kwargs, chat_response)
        return await aobserved(llm_chat_callback(), responses, self, messages, **kwargs)

    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> Generator[CompletionResponse, None, None]:
        """Stream the answer to a prompt: each response holds all of it so far, and what is new."""
        given = self._prompt_messages(prompt, formatted)
        responses = self._responses(given, kwargs, completion_response)
        return observed(llm_completion_callback(), responses, self, prompt, **kwargs)

    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> AsyncGenerator[CompletionResponse, None]:
        """Stream the answer to a prompt: each response holds all of it so far, and what is new."""
        given = self._prompt_messages(prompt, formatted)
        responses = self._aresponses(given, kwargs, completion_response)
        return await aobserved(llm_completion_callback(), responses, self, prompt, **kwargs)

    def _prompt_messages(self, prompt: str, formatted: bool) -> list[BaseMessage]:
        as_prompt: Any = self.completion_to_prompt  # LlamaIndex sets one where none is given
        return [HumanMessage(prompt if formatted else as_prompt(prompt))]

    def _responses(
        self, messages: list[BaseMessage], settings: dict[str, Any], respond: Callable[[AIMessage, str], Any]
    ) -> Generator[Any, None, None]:
        whole: Any = None
        stream: Any = self.chat_model.stream(messages, self.config, **settings)
        with contextlib.closing(stream):
            for chunk in stream:
                whole = chunk if whole is None else whole + chunk
                yield respond(whole, str(chunk.text))

    async def _aresponses(
        self, messages: list[BaseMessage], settings: dict[str, Any], respond: Callable[[AIMessage, str], Any]
    ) -> AsyncGenerator[Any, None]:
        whole: Any = None
        stream: Any = self.chat_model.astream(messages, self.config, **settings)
        async with contextlib.aclosing(stream):
            async for chunk in stream:
                whole = chunk if whole is None else whole + chunk
                yield respond(whole, str(chunk.text))
