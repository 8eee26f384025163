"""Runs a graph once under a ledger and a witness that also sees the calls the ledger cannot."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.tracers.context import register_configure_hook

from llmops_plugins.accounting.ledger import CostLedger
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.events import WRAPPER_KEY
from llmops_plugins.models.registry import ModelRegistry

__all__ = ["DiagnosticRun", "run_once"]

_WITNESS_SWITCH = "LLMOPS_DOCTOR_WITNESS"
_ASYNC_ONLY = ("No synchronous function provided", "a coroutine function synchronously")
_NO_NAME = "a model without a name"


@dataclass(frozen=True, kw_only=True)
class DiagnosticRun:
    """What one run showed.

    Args:
        calls: The ledger's rows of its calls.
        lost_calls: Calls that the ledger did not see, by model.
        interrupted: Whether the graph stopped to wait for a human.
    """

    calls: list[dict[str, Any]]
    lost_calls: dict[str, int]
    interrupted: bool


class _Witness(BaseCallbackHandler):
    """Notes every model run of the process, whichever thread it is made in."""

    seen: dict[str, str] = {}  # noqa: RUF012 - LangChain makes a witness where it needs one; they share the notes
    ignore_chain = ignore_agent = ignore_retriever = ignore_custom_event = True

    def on_chat_model_start(
        self,
        serialized: Any,
        messages: Any,
        *,
        run_id: UUID,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Note the run, and which model it calls."""
        metadata = metadata or {}
        if WRAPPER_KEY not in metadata:
            self.seen[str(run_id)] = str(metadata.get("ls_model_name") or _NO_NAME)

    def on_llm_start(
        self,
        serialized: Any,
        prompts: Any,
        *,
        run_id: UUID,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Note a text model's run."""
        self.on_chat_model_start(serialized, prompts, run_id=run_id, metadata=metadata)


@cache
def _register_witness() -> None:
    """Have LangChain attach a witness to every run while the switch is on, also where contexts are lost."""
    context: contextvars.ContextVar[Any] = contextvars.ContextVar("llmops_doctor_witness", default=None)
    register_configure_hook(context, inheritable=True, handle_class=_Witness, env_var=_WITNESS_SWITCH)


_ONE_AT_A_TIME = threading.Lock()


@contextlib.contextmanager
def _witness() -> Iterator[dict[str, str]]:
    """Collect the model of every run made meanwhile, by run id."""
    _register_witness()
    with _ONE_AT_A_TIME:
        _Witness.seen = {}
        os.environ[_WITNESS_SWITCH] = "true"
        try:
            yield _Witness.seen
        finally:
            del os.environ[_WITNESS_SWITCH]


def run_once(graph: Any, graph_input: Any, registry: ModelRegistry | None) -> DiagnosticRun:
    """Run a graph once, streaming.

    Args:
        graph: A compiled graph, or any other runnable.
        graph_input: What to give it.
        registry: Prices beyond the public lists.

    Raises:
        ConfigurationError: If the graph fails; the message says how.
    """
    try:
        try:
            return _observed(graph, graph_input, registry, asynchronous=False)
        except (TypeError, NotImplementedError) as error:
            # LangChain and LangGraph refuse to run what is only async, each in words of its own.
            if not any(words in str(error) for words in _ASYNC_ONLY):
                raise
            return _observed(graph, graph_input, registry, asynchronous=True)
    except Exception as error:
        problem = f"failed when run once ({type(error).__name__}: {error}), give an --input it accepts"
        raise ConfigurationError("graph", problem) from error


def _observed(
    graph: Any, graph_input: Any, registry: ModelRegistry | None, *, asynchronous: bool
) -> DiagnosticRun:
    from llmops_plugins.storage.ledger_queries import LedgerQueries

    ledger = CostLedger("sqlite://", registry=registry)
    config = {"callbacks": [ledger], "configurable": {"thread_id": str(uuid.uuid4())}}
    # Graphs say what they stream; "messages" has the models stream inside nodes, as a user interface would.
    modes = {"stream_mode": ["messages", "values"]} if hasattr(graph, "stream_channels_asis") else {}
    try:
        with _witness() as seen:
            if asynchronous:
                parts = asyncio.run(_collect(graph.astream(graph_input, config, **modes)))
            else:
                parts = list(graph.stream(graph_input, config, **modes))
        ledger.flush()
        queries = LedgerQueries(ledger.engine)
        captured = queries.run_ids() if seen else set()
        lost = Counter(model for run_id, model in seen.items() if run_id not in captured)
        return DiagnosticRun(
            calls=queries.calls() if seen else [],
            lost_calls=dict(lost),
            interrupted=bool(modes) and any(_is_interrupt(values) for _, values in parts),
        )
    finally:
        ledger.close()


async def _collect(parts: Any) -> list[Any]:
    return [part async for part in parts]


def _is_interrupt(values: Any) -> bool:
    return isinstance(values, dict) and bool(values.get("__interrupt__"))
