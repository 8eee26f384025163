"""One call to a model, and what it takes for thousands of them: pace, retries, a cap, and a journal."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult

from llmops_plugins.backtest.asked_model import AskedModel
from llmops_plugins.backtest.budget import Budget
from llmops_plugins.backtest.dataset import chat_messages, fingerprint
from llmops_plugins.backtest.error_sentence import error_sentence
from llmops_plugins.backtest.journal import Answer, Journal
from llmops_plugins.backtest.passing_errors import is_hopeless, may_be_billed, passes, wait_seconds
from llmops_plugins.backtest.rate_limit import Pace
from llmops_plugins.errors import BudgetExceeded, ConfigurationError, LlmopsError
from llmops_plugins.events import KIND_KEY
from llmops_plugins.models.usage import reported_cost_usd, reported_model, reported_usage

__all__ = ["Asker", "AskingLimits", "ModelFailedError"]

Purpose = Literal["answer", "judge"]
"""What a call is for: an answer to a question, or a grade for one."""

_GIVE_UP_AFTER = 10
"""Answers in a row that a model fails to give before it is not asked any more."""


class ModelFailedError(LlmopsError):
    """A model gave no answer, whatever was tried."""


@dataclass(frozen=True, kw_only=True)
class AskingLimits:
    """How hard models may be asked.

    Args:
        concurrency: Calls in flight, over all models.
        requests_per_minute: Requests a minute to each model; None for any number. A client's own retries,
            where it makes any, are not counted.
        timeout_seconds: How long one call may take.
        attempts: How often a call is tried while its errors are such as pass.
        first_wait_seconds: How long to wait after the first such error; twice as long after each further.

    Raises:
        ConfigurationError: If a limit is not above zero.
    """

    concurrency: int = 8
    requests_per_minute: float | None = None
    timeout_seconds: float = 300.0
    attempts: int = 6
    first_wait_seconds: float = 1.0

    def __post_init__(self) -> None:
        for name in ("concurrency", "requests_per_minute", "timeout_seconds", "attempts"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigurationError(name, f"must be above 0, got {value!r}")


class Asker:
    """Asks models, and writes down every answer before anyone sees it.

    Args:
        journal: Where answers go.
        budget: What may be spent.
        limits: How hard models may be asked.
    """

    def __init__(self, journal: Journal, budget: Budget, limits: AskingLimits) -> None:
        self.calls: Counter[str] = Counter()
        self._journal = journal
        self._budget = budget
        self._limits = limits
        self._turns = asyncio.Semaphore(limits.concurrency)
        self._paces: dict[str, Pace] = {}
        self._failed_in_a_row: Counter[str] = Counter()
        self._given_up: dict[str, str] = {}

    async def ask(self, model: AskedModel, messages: Sequence[tuple[str, str]], kind: Purpose) -> Answer:
        """Return a model's answer, new and written down.

        Raises:
            BudgetExceeded: If it would cost more than may be spent.
            ModelFailedError: If the model does not answer.
            ConfigurationError: If the answer cannot be written down.
        """
        for attempt in range(self._limits.attempts):
            if model.name in self._given_up:
                raise ModelFailedError(self._given_up[model.name])
            try:
                answer = await self._once(model, messages, kind)
            except (BudgetExceeded, ConfigurationError):
                raise
            except Exception as error:
                if not passes(error) or attempt == self._limits.attempts - 1:
                    self._note_failure(model.name, error)
                    raise ModelFailedError(error_sentence(error)) from error
                await asyncio.sleep(wait_seconds(error, attempt, self._limits.first_wait_seconds))
            else:
                self._failed_in_a_row[model.name] = 0
                return answer
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _once(self, model: AskedModel, messages: Sequence[tuple[str, str]], kind: Purpose) -> Answer:
        await self._pace(model).wait()
        reserved = self._reservation(model, messages)
        await self._budget.reserve(reserved)
        charged = 0.0
        try:
            async with self._turns:
                charged = reserved  # what becomes of a call that is broken off, nobody knows
                started = time.perf_counter()
                try:
                    message = await self._call(model, messages, kind)
                except Exception as error:
                    charged = reserved if may_be_billed(error) else 0.0
                    raise
            seconds = time.perf_counter() - started
            answer = replace(_answer(model, messages, message, reserved), kind=kind, latency_seconds=seconds)
            charged = answer.charged_usd
        except BaseException:
            if charged:
                key = fingerprint(messages)
                lost = Answer(fingerprint=key, model=model.name, kind=kind, text=None, charged_usd=charged)
                self._journal.append(lost)
            raise
        finally:
            self._budget.settle(reserved, charged)
        self._journal.append(answer)
        model.learn(messages, answer.input_tokens, answer.output_tokens)
        return answer

    async def _call(self, model: AskedModel, messages: Sequence[tuple[str, str]], kind: Purpose) -> AIMessage:
        self.calls[model.name] += 1
        config: Any = {"metadata": {KIND_KEY: kind}}
        call = model.chat_model.ainvoke(chat_messages(messages), config)
        return await asyncio.wait_for(call, self._limits.timeout_seconds)

    def _reservation(self, model: AskedModel, messages: Sequence[tuple[str, str]]) -> float:
        if self._budget.cap_usd is None:
            return 0.0
        return model.estimate_usd(messages) or 0.0

    def _pace(self, model: AskedModel) -> Pace:
        return self._paces.setdefault(model.name, Pace(self._limits.requests_per_minute))

    def _note_failure(self, name: str, error: Exception) -> None:
        self._failed_in_a_row[name] += 1
        if is_hopeless(error) or self._failed_in_a_row[name] >= _GIVE_UP_AFTER:
            self._given_up[name] = error_sentence(error)


def _answer(
    model: AskedModel, messages: Sequence[tuple[str, str]], message: AIMessage, reserved_usd: float
) -> Answer:
    result = LLMResult(generations=[[ChatGeneration(message=message)]])
    usage, cost = reported_usage(result), reported_cost_usd(result)
    if cost is None and usage is not None:
        cost = model.cost_usd(usage, reported_model(result))
    return Answer(
        fingerprint=fingerprint(messages),
        model=model.name,
        text=message.text,
        input_tokens=usage.input_tokens if usage is not None else None,
        output_tokens=usage.output_tokens if usage is not None else None,
        cost_usd=cost,
        charged_usd=cost if cost is not None else reserved_usd,
    )
