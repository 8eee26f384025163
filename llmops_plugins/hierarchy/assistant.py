"""Who answers: anything that takes messages, by name, with its place in the order of costs and its limits."""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.runnables import Runnable, RunnableBinding, RunnableConfig, RunnableLambda
from langchain_core.runnables.config import merge_configs
from langgraph.pregel import Pregel

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.flow import NOSTREAM
from llmops_plugins.models.build import as_chat_model
from llmops_plugins.setting_checks import check_count, check_number, check_seconds
from llmops_plugins.unstreamed import unstreamed
from llmops_plugins.verification.attempt import ATTEMPT_KEY, attempts_of
from llmops_plugins.verification.execution import EXECUTION_KEY

__all__ = ["ASSISTANT_KEY", "Assistant", "Messages", "checked_assistants"]

Messages = Sequence[BaseMessage]

ASSISTANT_KEY = "assistant"
"""Run-metadata key that names the assistant which made a call, so that reports can be grouped by it."""


@dataclass(frozen=True, kw_only=True)
class Assistant:
    """One assistant of a hierarchy.

    Args:
        name: What reports and demonstrations call it.
        runnable: A chat model, with tools bound or not, or an ``init_chat_model`` string; a ``create_agent``
            agent or any compiled graph whose state has ``messages``; or any runnable from messages to a
            message.
        cost_rank: Its place among the others, the cheapest lowest; by default its place in the list.
        model: The chat model behind a graph, or its ``init_chat_model`` string: what a saving is counted
            against and who may not judge. A chat model is its own.
        timeout: Seconds for each time it is asked; one that is late has failed. None waits.
        max_steps: Most steps of a graph, its ``recursion_limit``.
        max_runs: Most runs of code where the hierarchy has an executor.
    """

    name: str
    runnable: Runnable[Any, Any] | str
    cost_rank: float | None = None
    model: BaseChatModel | str | None = None
    timeout: float | None = None
    max_steps: int = 25
    max_runs: int = 4

    @property
    def author(self) -> BaseChatModel | None:
        """The chat model that writes its answers, as far as that is known."""
        if self.model is not None:
            return as_chat_model("model", self.model)
        runnable = self.runnable
        while isinstance(runnable, RunnableBinding):
            runnable = runnable.bound
        return runnable if isinstance(runnable, BaseChatModel) else None

    def asked(self, attempt_id: str) -> Runnable[Any, list[BaseMessage]]:
        """Return what takes messages and gives the messages that the assistant adds to them.

        Args:
            attempt_id: Of which attempt the ledger is told that the calls are part.
        """

        def ask(messages: Messages, config: RunnableConfig) -> list[BaseMessage]:
            sent = _identified(messages)
            with _hidden(self._limited(config, attempt_id)) as limited:
                return _new(sent, self._called.invoke(self._input(sent), limited))

        async def aask(messages: Messages, config: RunnableConfig) -> list[BaseMessage]:
            sent = _identified(messages)
            with _hidden(self._limited(config, attempt_id)) as limited:
                return _new(sent, await self._called.ainvoke(self._input(sent), limited))

        return RunnableLambda(ask, aask, name=f"assistant {self.name}")

    @property
    def _called(self) -> Runnable[Any, Any]:
        if isinstance(self.runnable, str):  # checked_assistants has built it
            raise ConfigurationError("runnable", f"{self.runnable!r} is only a name, build the model first")
        return self.runnable

    def _input(self, messages: Messages) -> Any:
        return {"messages": list(messages)} if isinstance(self.runnable, Pregel) else list(messages)

    def _limited(self, config: RunnableConfig, attempt_id: str) -> RunnableConfig:
        attempts = [*attempts_of(config.get("metadata")), attempt_id]
        metadata = {ASSISTANT_KEY: self.name, ATTEMPT_KEY: attempts}
        named = merge_configs(config, {"metadata": metadata})
        # Merging drops a limit that is LangChain's default, and LangGraph's own is far higher.
        return {**named, "recursion_limit": self.max_steps}


def _hidden(config: RunnableConfig) -> AbstractContextManager[RunnableConfig]:
    """Keep out of the stream of messages what is asked without anybody reading along."""
    return unstreamed(config) if NOSTREAM in (config.get("tags") or ()) else nullcontext(config)


def checked_assistants(assistants: Sequence[Any]) -> tuple[Assistant, ...]:
    """Return the assistants with their models built, the cheapest first.

    Args:
        assistants: What the user gave.

    Raises:
        ConfigurationError: If there is none, one is no assistant, two have one name, or a limit is none.
    """
    if not isinstance(assistants, list | tuple):
        problem = f"must be a list of Assistant, the cheapest first, got {type(assistants).__name__}"
        raise ConfigurationError("assistants", problem)
    if not assistants:
        raise ConfigurationError("assistants", "is empty: give at least one, the cheapest first")
    for index, assistant in enumerate(assistants):
        _check(f"assistants[{index}]", assistant)
    names = [assistant.name for assistant in assistants]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigurationError("assistants", f"two are called {twice!r}: give each a name of its own")
    ranked = sorted(
        enumerate(assistants), key=lambda one: one[0] if one[1].cost_rank is None else one[1].cost_rank
    )
    return tuple(_built(index, assistant) for index, assistant in ranked)


def _check(field: str, assistant: Any) -> None:
    if not isinstance(assistant, Assistant):
        problem = (
            f"must be an Assistant, write Assistant(name=..., runnable=...), got {type(assistant).__name__}"
        )
        raise ConfigurationError(field, problem)
    if not isinstance(assistant.name, str):
        problem = f"must be a text, got {type(assistant.name).__name__}: say what reports shall call it"
        raise ConfigurationError(f"{field}.name", problem)
    if not assistant.name.strip():
        raise ConfigurationError(f"{field}.name", "is empty: say what reports shall call it")
    if not isinstance(assistant.runnable, Runnable | str) or assistant.runnable == "":
        problem = f"must be a chat model, an agent or a graph, got {type(assistant.runnable).__name__}"
        raise ConfigurationError(f"{field}.runnable", problem)
    if isinstance(assistant.runnable, Pregel) and "messages" not in assistant.runnable.channels:
        problem = "is a graph without messages in its state: give one that takes and returns messages"
        raise ConfigurationError(f"{field}.runnable", problem)
    if not isinstance(assistant.model, BaseChatModel | str | None) or assistant.model == "":
        problem = f"must be a chat model or its name, or left out, got {assistant.model!r}"
        raise ConfigurationError(f"{field}.model", problem)
    if assistant.timeout is not None:
        check_seconds(f"{field}.timeout", assistant.timeout, "None, or seconds")
    if assistant.cost_rank is not None:
        wanted = "a number, the cheapest lowest"
        check_number(f"{field}.cost_rank", assistant.cost_rank, -math.inf, math.inf, wanted)
    for limit in ("max_steps", "max_runs"):
        check_count(f"{field}.{limit}", getattr(assistant, limit))


def _built(index: int, assistant: Assistant) -> Assistant:
    field = f"assistants[{index}]"
    if isinstance(assistant.runnable, str):
        assistant = replace(assistant, runnable=as_chat_model(f"{field}.runnable", assistant.runnable))
    if assistant.model is not None:
        assistant = replace(assistant, model=as_chat_model(f"{field}.model", assistant.model))
    return assistant


def _identified(messages: Messages) -> list[BaseMessage]:
    """Return messages that all have ids, by which a graph's own are told from those it was given."""
    return [one if one.id else one.model_copy(update={"id": str(uuid.uuid4())}) for one in messages]


def _new(sent: Messages, output: Any) -> list[BaseMessage]:
    """Return the messages of an output that were not in the input."""
    if isinstance(output, BaseMessage):
        return [_unmarked(output)]
    if isinstance(output, str):
        return [AIMessage(output)]
    found = output.get("messages", ()) if isinstance(output, dict) else output
    if not isinstance(found, list | tuple) or not all(isinstance(one, BaseMessage) for one in found):
        raise TypeError(f"an assistant must return messages, got {type(output).__name__}")
    known = {message.id for message in sent}
    # A graph may have shortened the history: a summary in its place is no part of the answer.
    said = [one for one in found if isinstance(one, AIMessage | ToolMessage) and one.id not in known]
    return [_unmarked(one) for one in said]


def _unmarked(message: BaseMessage) -> BaseMessage:
    """Return a message without a claim that its code was run: only the executor's word counts."""
    if EXECUTION_KEY not in message.additional_kwargs:
        return message
    kept = {name: value for name, value in message.additional_kwargs.items() if name != EXECUTION_KEY}
    return message.model_copy(update={"additional_kwargs": kept})
