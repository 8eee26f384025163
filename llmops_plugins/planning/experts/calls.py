"""Asks experts for tasks' results, and notes what their calls cost."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage
from langchain_core.outputs import LLMResult
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config, merge_configs

from llmops_plugins.events import WRAPPER_KEY
from llmops_plugins.models.call_cost import result_cost_usd
from llmops_plugins.models.prices import PriceBook
from llmops_plugins.models.registry import ModelRegistry
from llmops_plugins.models.usage import is_llm_cache_hit
from llmops_plugins.planning.execution.attempts import TaskCall
from llmops_plugins.planning.experts.expert import Expert

__all__ = ["ExpertCalls"]


class ExpertCalls:
    """What an execution of a plan asks experts through: :meth:`ask`, or :meth:`aask`, is its ``run_task``.

    One is made for each execution. What was spent on a task that has ended is kept in the task's outcome,
    also for a run that resumes; what was spent on one that was interrupted the ledger alone knows.

    Args:
        experts: All who may be asked.
        registry: The deployment's models, whose prices go before the public ones.
    """

    def __init__(self, experts: Iterable[Expert], registry: ModelRegistry | None = None) -> None:
        self._experts = {expert.name: expert for expert in experts}
        self._prices = PriceBook(registry)
        self._lock = threading.Lock()
        self._spent: dict[tuple[str, str], list[float | None]] = {}

    def ask(self, call: TaskCall) -> Any:
        """Ask an expert; returns the task's result, and raises what the expert raises."""
        expert, spending = self._experts[call.expert], _Spending(self._prices)
        with self._noted(call, expert, spending):
            return expert.asked(call.task_id).invoke(call.arguments, _heard_by(spending))

    async def aask(self, call: TaskCall) -> Any:
        """Ask an expert; the twin of :meth:`ask`."""
        expert, spending = self._experts[call.expert], _Spending(self._prices)
        with self._noted(call, expert, spending):
            return await expert.asked(call.task_id).ainvoke(call.arguments, _heard_by(spending))

    def costs(self, task_id: str) -> dict[str, float]:
        """Return the USD that was spent on a task, by expert; who spent an unknown amount is missing.

        Args:
            task_id: The task.
        """
        with self._lock:
            found = {name: list(spent) for (task, name), spent in self._spent.items() if task == task_id}
        return {
            name: sum(known)
            for name, spent in found.items()
            if len(known := [one for one in spent if one is not None]) == len(spent)
        }

    @contextmanager
    def _noted(self, call: TaskCall, expert: Expert, spending: _Spending) -> Iterator[None]:
        """Note what a call spent; until it ends, which one that was given up may do late, nobody knows."""
        with self._lock:
            spent = self._spent.setdefault((call.task_id, call.expert), [])
            place = len(spent)
            spent.append(None)
        try:
            yield
        finally:
            asks_models = bool(spending.calls or spending.running) or expert.sort == "chat"
            # Of what asks no model, the card's price is all there is; one not called answered from a cache.
            spent[place] = spending.usd if asks_models else expert.cost_usd


def _heard_by(spending: _Spending) -> RunnableConfig:
    # Beside whoever listens already: callbacks given alone would take the place of the run's own.
    return merge_configs(ensure_config(), {"callbacks": [spending]})


class _Spending(BaseCallbackHandler):
    """Adds up what the model calls inside of one call cost."""

    run_inline = True

    def __init__(self, prices: PriceBook) -> None:
        self._prices = prices
        self._lock = threading.Lock()
        self._named: dict[UUID, tuple[str | None, str | None]] = {}
        self._usd: float | None = 0.0
        self.calls = 0

    @property
    def running(self) -> int:
        """Calls that have begun and not ended, as those that were cancelled never do."""
        return len(self._named)

    @property
    def usd(self) -> float | None:
        """What the calls cost; None where that is unknown of one."""
        return None if self.running else self._usd

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Note which model is called."""
        noted = metadata or {}
        if not noted.get(WRAPPER_KEY):
            with self._lock:
                self._named[run_id] = noted.get("ls_provider"), noted.get("ls_model_name")

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        """Add what a call cost."""
        with self._lock:
            named = self._named.pop(run_id, None)
            if named is None or is_llm_cache_hit(response):
                return
            self.calls += 1
            spent = result_cost_usd(self._prices, *named, response, datetime.now(UTC))
            self._usd = None if spent is None or self._usd is None else self._usd + spent

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Forget a call that failed; one that was cancelled may have cost something."""
        if isinstance(error, Exception):
            with self._lock:
                self._named.pop(run_id, None)
