"""An expert: the card that says what it can do and what that takes, and what does the work.

HuggingGPT's model descriptions (Shen et al. 2023, https://arxiv.org/abs/2303.17580, section 3.2), for
anything that can be called, with the schema, price and limits by which most are left out before a model
reads one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable, RunnableBinding
from pydantic import BaseModel

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.models.build import as_chat_model
from llmops_plugins.models.prices import PriceBook
from llmops_plugins.models.registry import ModelRegistry
from llmops_plugins.planning.experts.prices import call_estimate, context_window
from llmops_plugins.planning.experts.runner import Job, expert_job
from llmops_plugins.planning.experts.schemas import (
    Schema,
    derived_arguments,
    derived_description,
    derived_output,
    graph_inputs,
)
from llmops_plugins.planning.experts.sort import ExpertSort, chat_model_of, sort_of
from llmops_plugins.planning.validation.kind_spec import KindSpec
from llmops_plugins.setting_checks import (
    check_count,
    check_flag,
    check_instance,
    check_number,
    check_seconds,
)
from llmops_plugins.verification.json_schema import schema_mistake

__all__ = ["Expert", "checked_experts"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Expert:
    """Who can do tasks of some kinds, what it takes, and what it costs.

    Args:
        name: What plans, reports and outcomes call it.
        kinds: The kinds of task that it can do.
        runnable: What does the work: a chat model, bound or not, or an ``init_chat_model`` string; a tool; a
            retriever; a ``create_agent`` agent or any compiled graph; any other runnable that takes a
            mapping; or a plain function with type hints. Without one it can be planned with and not run.
        description: What it does, in a sentence; a chat model and an agent are also told it as their part.
            A tool's and a function's own by default.
        arguments: JSON schema or pydantic model of what it takes, an object; read from the runnable by
            default, where that says it.
        output: Likewise of what it gives. A result that breaks it is a failure. A chat model that gives an
            object answers in structured output.
        cost_usd: USD that a call is thought to cost, until there are calls whose cost is known; None where
            nobody knows, which is never taken for nothing.
        latency_seconds: Seconds that a call is thought to take, likewise.
        side_effects: Whether it changes something outside, and so must not be called twice. No runnable says
            so itself: it is False unless you say so, of a tool as well.
        max_input_tokens: Most tokens of arguments it can be given, counted as three characters each.
        model: The chat model that a graph or function asks, or its ``init_chat_model`` string: what its price
            and its context are looked up by. A chat model is its own.
        healthy: Says whether it can be asked now; an exception is no.
        timeout: Seconds that a call has; None leaves it the time that tasks have.

    Raises:
        ConfigurationError: If a field is wrong, or neither it nor the runnable says what arguments it takes.
    """

    name: str
    kinds: Sequence[str]
    runnable: Runnable[Any, Any] | Callable[..., Any] | str | None = None
    description: str = ""
    arguments: Schema | type[BaseModel] | None = None
    output: Schema | type[BaseModel] | None = None
    cost_usd: float | None = None
    latency_seconds: float | None = None
    side_effects: bool = False
    max_input_tokens: int | None = None
    model: BaseChatModel | str | None = None
    healthy: Callable[[], bool | Awaitable[bool]] | None = None
    timeout: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise ConfigurationError("name", "is empty: say what reports shall call the expert")
        try:
            self._check_fields()
            self._derive()
        except ConfigurationError as error:
            raise ConfigurationError(f"experts.{self.name}.{error.field}", error.problem) from error

    @property
    def sort(self) -> ExpertSort | None:
        """What sort of runnable does the work, or None without one."""
        if self.runnable is None:
            return None
        names = (self.spec.argument_schema or {}).get("properties", {})
        return sort_of(self.runnable, graph_inputs(self.runnable), names)

    @cached_property
    def spec(self) -> KindSpec:
        """What it takes and gives, as plans are checked against it."""
        return KindSpec(arguments=self.arguments, output=self.output, description=self.description)

    @cached_property
    def schema_text(self) -> str:
        """What it takes, as text: the same of experts that take the same."""
        return json.dumps(self.spec.argument_schema, sort_keys=True, default=str)

    @property
    def chat_model(self) -> BaseChatModel | str | None:
        """The chat model behind it, or its name, as far as that is known."""
        if self.model is not None:
            return self.model
        return self.runnable if isinstance(self.runnable, str) else chat_model_of(self.runnable)

    def asked(self, task_id: str | None = None) -> Runnable[dict[str, Any], Any]:
        """Return what takes a task's arguments and gives its result as plain data.

        Model calls inside carry the expert's name and the task's id as run metadata, so that a report can be
        grouped by them, and never reach the user's token stream.

        Args:
            task_id: The task it is asked for.

        Raises:
            ConfigurationError: If there is nothing that does the work.
        """
        return self._job.asked(task_id)

    @cached_property
    def _job(self) -> Job:
        if self.runnable is None or self.sort is None:
            raise ConfigurationError(f"experts.{self.name}.runnable", "is missing, so it cannot be asked")
        return expert_job(
            self.name, self.runnable, self.sort, self.description, self.arguments, self.spec.output_schema
        )

    def _check_fields(self) -> None:
        kinds = self.kinds
        if (
            isinstance(kinds, str)
            or not isinstance(kinds, Collection)
            or not kinds
            or not all(isinstance(one, str) and one.strip() for one in kinds)
        ):
            raise ConfigurationError("kinds", f"must be the kinds of task it can do, got {kinds!r}: name one")
        object.__setattr__(self, "kinds", tuple(dict.fromkeys(kinds)))
        if self.runnable is not None and sort_of(self.runnable, (), ()) is None:
            problem = f"must be a runnable or a function, got {type(self.runnable).__name__}"
            raise ConfigurationError("runnable", problem)
        check_instance("description", self.description, str, "a text")
        check_flag("side_effects", self.side_effects)
        for name in ("cost_usd", "latency_seconds"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), 0, math.inf, "a number from 0, or None if unknown")
        if self.timeout is not None:
            check_seconds("timeout", self.timeout)
        if self.model is not None and not isinstance(self.model, BaseChatModel | str):
            problem = f"must be a chat model or its name, got {type(self.model).__name__}"
            raise ConfigurationError("model", problem)
        if self.max_input_tokens is not None:
            check_count("max_input_tokens", self.max_input_tokens)
        if self.healthy is not None and not callable(self.healthy):
            raise ConfigurationError("healthy", f"must be a function, got {type(self.healthy).__name__}")

    def _derive(self) -> None:
        """Fill in what the runnable says and the card does not."""
        arguments = self.arguments if self.arguments is not None else derived_arguments(self.runnable)
        if arguments is None:
            problem = "is missing and cannot be told from the runnable, give a pydantic model or JSON schema"
            raise ConfigurationError("arguments", problem)
        output = self.output if self.output is not None else derived_output(self.runnable)
        for name, schema in (("arguments", arguments), ("output", output)):
            _check_schema(name, schema)
        object.__setattr__(self, "arguments", arguments)
        object.__setattr__(self, "output", output)
        object.__setattr__(self, "description", self.description or derived_description(self.runnable))
        if self.spec.argument_schema is not None and self.spec.argument_schema.get("type") != "object":
            problem = 'must be of an object, write {"type": "object", "properties": {...}}'
            raise ConfigurationError("arguments", problem)
        self._check_promise()
        if self.sort == "retriever" and "query" not in self.spec.argument_schema.get("properties", {}):  # type: ignore[union-attr] # it was just found not to be None
            raise ConfigurationError("arguments", 'must have "query", which is what a retriever looks for')

    def _check_promise(self) -> None:
        """Refuse what a chat model could never give: then each of its results would be a failure."""
        promised = (self.spec.output_schema or {}).get("type", "string")
        types = [promised] if isinstance(promised, str) else promised
        if isinstance(self.runnable, str | BaseChatModel) and not {"string", "object"} & set(types):
            raise ConfigurationError(
                "output", "must be of a string or an object, which is what a model gives"
            )
        if isinstance(self.runnable, RunnableBinding) and self.sort == "chat" and "string" not in types:
            problem = "is no string, and a bound model gives text: give model.with_structured_output(...)"
            raise ConfigurationError("output", problem)


def checked_experts(
    experts: Iterable[Any], *, registry: ModelRegistry | None = None, need_runnable: bool = True
) -> tuple[Expert, ...]:
    """Return the experts with their chat models built, their prices estimated and their limits looked up.

    Args:
        experts: What the user gave.
        registry: The deployment's models: their prices, before the public ones, and their context windows.
        need_runnable: Whether they are to be run; if not, none is built and one may lack a runnable.

    Raises:
        ConfigurationError: If there is none, one is no expert or cannot be run, or two have one name.
    """
    check_instance("experts", experts, Iterable, "a list of experts")
    listed = list(experts)
    if not listed:
        raise ConfigurationError("experts", "is empty: give at least one Expert")
    for index, expert in enumerate(listed):
        if not isinstance(expert, Expert):
            problem = (
                f"must be an Expert, write Expert(name=..., kinds=..., runnable=...), got {expert!r:.80}"
            )
            raise ConfigurationError(f"experts[{index}]", problem)
    names = [expert.name for expert in listed]
    twice = next((name for index, name in enumerate(names) if name in names[:index]), None)
    if twice is not None:
        raise ConfigurationError("experts", f"two are called {twice!r}: give each a name of its own")
    prices = PriceBook(registry)
    return tuple(_looked_up(_built(one) if need_runnable else one, registry, prices) for one in listed)


def _built(expert: Expert) -> Expert:
    if expert.runnable is None:
        problem = "is missing, so it cannot be asked: give what does the work"
        raise ConfigurationError(f"experts.{expert.name}.runnable", problem)
    if isinstance(expert.runnable, str):
        built = as_chat_model(f"experts.{expert.name}.runnable", expert.runnable)
        expert = replace(expert, runnable=built)
    return expert


def _looked_up(expert: Expert, registry: ModelRegistry | None, prices: PriceBook) -> Expert:
    found: dict[str, Any] = {}
    if expert.cost_usd is None:
        found["cost_usd"] = call_estimate(prices, expert.chat_model)
    if expert.max_input_tokens is None:
        found["max_input_tokens"] = context_window(registry, expert.chat_model)
    return replace(expert, **found)


def _check_schema(name: str, schema: Any) -> None:
    if schema is None or (isinstance(schema, type) and issubclass(schema, BaseModel)):
        return
    if not isinstance(schema, dict):
        problem = f"must be a pydantic model or a JSON schema, got {type(schema).__name__}"
        raise ConfigurationError(name, problem)
    mistake = schema_mistake(schema)
    if mistake is not None:
        raise ConfigurationError(name, f"is no JSON schema: {mistake}")
