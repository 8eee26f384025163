"""A simulated chat model that answers the demo's support requests, so that the demo runs on every machine.

It is no language model. It follows rules (``intents.py``, ``findings.py``, ``replies.py``) and, in its small
form, fails on purpose (``faults.py``). What surrounds it is real: the agent loop, the tools, the database,
the token counts it reports and the callbacks they go through. Nothing measured with it says how well an
actual model does, only that the parts around one work and what they would cost at the rates it simulates.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any, Literal

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LangSmithParams, LanguageModelInput
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolCall,
    ToolMessage,
)
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from llmops_plugins.demo.faults import (
    GIVING_UP,
    HEDGE,
    choose_fault,
    is_lucky,
    misread,
    spoil_arguments,
    wrong_tool,
)
from llmops_plugins.demo.findings import Call, missing_calls, read_findings
from llmops_plugins.demo.intents import understand
from llmops_plugins.demo.replies import compose_answer

__all__ = ["SimulatedSupportModel"]

_CHARACTERS_PER_TOKEN = 4
_TOKENS_PER_MESSAGE = 4


class SimulatedSupportModel(BaseChatModel):
    """A chat model simulated by rules; it sees what a model would see and nothing else.

    It reads the system prompt, the messages and the bound tools, and answers the same conversation always in
    the same way, without any delay. Tokens are estimated at four characters each.

    Args:
        model_name: The name it reports with every reply, for example ``"simulated-small"``.
        skill: ``"large"`` handles every request its rules understand. ``"small"`` fails on a fixed share of
            them: it calls tools that do not exist, gives arguments a schema refuses, hedges, and now and then
            states a wrong figure with confidence.
    """

    model_name: str
    skill: Literal["small", "large"]

    @property
    def _llm_type(self) -> str:
        return "simulated-support"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": self.model_name, "skill": self.skill}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return LangSmithParams(ls_provider="simulated", ls_model_name=self.model_name, ls_model_type="chat")

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind tools, in OpenAI's format; ``tool_choice`` is accepted and has no influence."""
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        reply = self._reply(messages, kwargs.get("tools", []))
        return ChatResult(generations=[ChatGeneration(message=reply)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for message in _chunks(self._reply(messages, kwargs.get("tools", []))):
            chunk = ChatGenerationChunk(message=message)
            if run_manager is not None:
                run_manager.on_llm_new_token(str(message.text), chunk=chunk)
            yield chunk

    def _reply(self, messages: Sequence[BaseMessage], tools: Sequence[dict[str, Any]]) -> AIMessage:
        content, calls = self._decide(messages, {tool["function"]["name"] for tool in tools})
        tool_calls = [
            ToolCall(name=name, args=arguments, id=_call_id(messages, index), type="tool_call")
            for index, (name, arguments) in enumerate(calls)
        ]
        reply = AIMessage(content=content, tool_calls=tool_calls)
        reply.response_metadata["model_name"] = self.model_name
        reply.usage_metadata = _usage(messages, tools, reply)
        return reply

    def _decide(self, messages: Sequence[BaseMessage], bound: set[str]) -> tuple[str, list[Call]]:
        """Return the text of the reply and the tool calls it makes; one of them is empty."""
        request, since = _last_request(messages)
        intent, findings = understand(request), read_findings(since)
        fault = choose_fault(request, intent.hard) if self.skill == "small" else None
        calls = missing_calls(intent, findings)
        if not calls:
            if fault == "wrong_figure" or (fault == "hedging" and not is_lucky(request)):
                findings = misread(findings)
            hedge = HEDGE if fault == "hedging" else ""
            return hedge + compose_answer(intent, findings, _today(messages)), []
        if not since:
            if fault == "unknown_tool":
                return "", [wrong_tool(calls[0])]
            if fault == "invalid_arguments":
                return "", [spoil_arguments(calls[0], request)]
        gives_up = self.skill == "small" and _has_failed(since) and not is_lucky(request)
        if gives_up or _stuck(calls, since, bound):
            return GIVING_UP, []
        return "", calls


def _last_request(messages: Sequence[BaseMessage]) -> tuple[str, Sequence[BaseMessage]]:
    for index in range(len(messages) - 1, -1, -1):
        if isinstance(messages[index], HumanMessage):
            return str(messages[index].text), messages[index + 1 :]
    return "", ()


def _today(messages: Sequence[BaseMessage]) -> date | None:
    system = " ".join(str(message.text) for message in messages if isinstance(message, SystemMessage))
    stated = re.search(r"Today is (\d{4}-\d{2}-\d{2})", system)
    return date.fromisoformat(stated[1]) if stated else None


def _has_failed(since: Sequence[BaseMessage]) -> bool:
    return any(isinstance(message, ToolMessage) and message.status == "error" for message in since)


def _stuck(calls: Sequence[Call], since: Sequence[BaseMessage], bound: set[str]) -> bool:
    """Say whether a call cannot be made, or was made already and told nothing: repeating it is no use."""
    replies = [reply for reply in since if isinstance(reply, AIMessage)]
    made = [(call["name"], call["args"]) for reply in replies for call in reply.tool_calls]
    return any(call in made or call[0] not in bound for call in calls)


def _call_id(messages: Sequence[BaseMessage], index: int) -> str:
    conversation = f"{len(messages)}:{index}:{messages[-1].text if messages else ''}"
    return f"call_{hashlib.sha256(conversation.encode()).hexdigest()[:24]}"


def _chunks(reply: AIMessage) -> Iterator[AIMessageChunk]:
    for word in re.findall(r"\s*\S+", str(reply.text)):
        yield AIMessageChunk(content=word)
    for index, call in enumerate(reply.tool_calls):
        part = tool_call_chunk(name=call["name"], args=json.dumps(call["args"]), id=call["id"], index=index)
        yield AIMessageChunk(content="", tool_call_chunks=[part])
    yield AIMessageChunk(
        content="",
        usage_metadata=reply.usage_metadata,
        response_metadata=reply.response_metadata,
        chunk_position="last",
    )


def _usage(
    messages: Sequence[BaseMessage], tools: Sequence[dict[str, Any]], reply: AIMessage
) -> UsageMetadata:
    read = sum(_characters(message) for message in messages) + sum(len(json.dumps(tool)) for tool in tools)
    tokens_in = _tokens(read) + _TOKENS_PER_MESSAGE * len(messages)
    tokens_out = _tokens(_characters(reply)) + _TOKENS_PER_MESSAGE
    return UsageMetadata(
        input_tokens=tokens_in, output_tokens=tokens_out, total_tokens=tokens_in + tokens_out
    )


def _characters(message: BaseMessage) -> int:
    calls = message.tool_calls if isinstance(message, AIMessage) else []
    return len(message.text) + sum(len(call["name"]) + len(json.dumps(call["args"])) for call in calls)


def _tokens(characters: int) -> int:
    return -(-characters // _CHARACTERS_PER_TOKEN)
