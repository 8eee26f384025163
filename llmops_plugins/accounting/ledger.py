"""The cost ledger: one callback handler that sees what every answer cost, hidden calls included."""

from __future__ import annotations

import contextvars
import time
import weakref
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, get_args
from uuid import UUID

from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.outputs import LLMResult
from langchain_core.tracers.context import register_configure_hook
from langgraph.callbacks import GraphCallbackHandler

from llmops_plugins.accounting.attribution import KindRule, check_kind_rule
from llmops_plugins.accounting.bookkeeper import Bookkeeper
from llmops_plugins.accounting.langsmith import complete_traced_call, mark_root_call
from llmops_plugins.accounting.observed import (
    ObservedCall,
    ObservedDecision,
    ObservedEmbedding,
    RootEnded,
    Run,
)
from llmops_plugins.accounting.rows import Content
from llmops_plugins.accounting.writer import Leftover, Writer
from llmops_plugins.embeddings import EMBEDDING_EVENT
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.events import DECISION_EVENT, WRAPPER_KEY
from llmops_plugins.models.prices import PriceBook
from llmops_plugins.models.registry import ModelRegistry

if TYPE_CHECKING:
    from llmops_plugins.accounting.report import CostReport, Trace

__all__ = ["CostLedger"]

_ACTIVE: contextvars.ContextVar[CostLedger | None] = contextvars.ContextVar("llmops_ledger", default=None)
register_configure_hook(_ACTIVE, inheritable=True)

_MAX_ENDED_RUNS = 10_000
_MAX_GIVEN_UP = 1_000


class CostLedger(GraphCallbackHandler):
    """Writes one row for each model call of any chain or graph, and the decisions of the plugins beside them.

    Attach it with ``graph.with_config(callbacks=[ledger])``, for one call with ``config={"callbacks": [ledger]}``,
    or as a context manager around any number of calls. It observes only: the app is never slowed by its
    database, and never broken by it.

    Args:
        url: SQLAlchemy URL of the database; made when missing.
        registry: Your own models and prices, or a YAML file of them; lists of public prices go after it.
        kinds: Your rule for what calls are for: kinds by node name, or a function of :class:`CallFacts`.
        content: Whether prompts and answers are stored: ``"none"``, ``"redacted"`` or ``"full"``.
        content_retention: How long stored prompts and answers are kept.
        max_queue: Events that may wait to be written; further ones are lost, and counted.

    Raises:
        ConfigurationError: If a setting is wrong. A database that cannot be opened is not: it warns once.

    Example:
        >>> from llmops_plugins.testing import ScriptedChatModel
        >>> ledger = CostLedger("sqlite://")
        >>> model = ScriptedChatModel(replies=["hello"])
        >>> model.invoke("hi", config={"callbacks": [ledger]}).text
        'hello'
        >>> ledger.report().totals.calls
        1
    """

    # In the calling task or thread: a handler run elsewhere would miss the context, and be slower.
    run_inline = True

    def __init__(
        self,
        url: str = "sqlite:///llmops.db",
        *,
        registry: ModelRegistry | str | Path | None = None,
        kinds: KindRule | None = None,
        content: Content = "none",
        content_retention: timedelta = timedelta(days=30),
        max_queue: int = 50_000,
    ) -> None:
        from llmops_plugins.storage.database import open_engine

        if content not in get_args(Content):
            raise ConfigurationError(
                "content", f"must be one of {', '.join(get_args(Content))}, got {content!r}"
            )
        if content_retention <= timedelta(0):
            raise ConfigurationError(
                "content_retention", "must be longer than nothing, or set content='none'"
            )
        if max_queue < 1:
            raise ConfigurationError("max_queue", f"must be at least 1, got {max_queue}")
        check_kind_rule(kinds)
        if isinstance(registry, str | Path):
            registry = ModelRegistry.from_yaml(registry)
        self._engine = open_engine(url)
        self._prices = prices = PriceBook(registry)
        self._kinds = kinds
        self._writer = Writer(
            self._engine,
            lambda: Bookkeeper(prices=prices, kinds=kinds, content=content),
            content_retention=content_retention,
            max_queue=max_queue,
        )
        self._runs: dict[UUID, Run] = {}
        self._ended: OrderedDict[UUID, Run] = OrderedDict()
        self._open: dict[UUID, ObservedCall] = {}
        self._given_up: OrderedDict[UUID, ObservedCall] = OrderedDict()
        self._interrupted: set[str] = set()
        self._root_metadata: dict[str, Mapping[str, Any]] = {}
        self._tokens: list[contextvars.Token[CostLedger | None]] = []
        # Also runs when the interpreter exits.
        self._close = weakref.finalize(self, _close, self._writer, self._engine)

    # -- what users call

    def report(
        self,
        by: Sequence[str] = ("node", "kind"),
        *,
        since: datetime | None = None,
        thread: str | None = None,
    ) -> CostReport:
        """Flush, and return what was spent and saved.

        Args:
            by: Columns to group by, or keys of your own run metadata.
            since: Only what happened from then on; without a time zone it is UTC.
            thread: Only this conversation.

        Raises:
            ConfigurationError: If ``by`` names nothing that can be grouped by.
        """
        from llmops_plugins.accounting.report import build_report

        self.flush()
        writer = self._writer
        unkept = writer.lost + writer.waiting
        return build_report(
            self._engine, by, since=since, thread=thread, unkept=unkept, trouble=writer.trouble
        )

    def trace(self, trace_id: str | None = None) -> Trace:
        """Flush, and return one run tree with its calls and decisions; the latest without an id."""
        from llmops_plugins.accounting.report import read_trace

        self.flush()
        return read_trace(self._engine, trace_id)

    def flush(self, timeout: float = 30.0) -> bool:
        """Wait until everything seen so far is durable.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            Whether it is; ``False`` when the database would not take it in time.
        """
        return self._writer.flush(timeout)

    def close(self) -> None:
        """Flush and let go of the database; calls whose end has not come are written as aborted."""
        self._close()

    def __enter__(self) -> CostLedger:
        self._tokens.append(_ACTIVE.set(self))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _ACTIVE.reset(self._tokens.pop())
        self.flush()

    # -- runs: who is whose parent

    def _start_run(
        self,
        run_id: UUID,
        parent_run_id: UUID | None,
        metadata: Mapping[str, Any] | None,
        *,
        inputs: Any = None,
        tool: str | None = None,
    ) -> Run:
        parent = self._runs.get(parent_run_id) or self._ended.get(parent_run_id) if parent_run_id else None
        if parent is not None:
            run = parent if tool is None else Run(parent.root, tool)
        else:
            run = Run(str(run_id), tool, inputs)
            self._root_metadata[run.root] = metadata or {}
        self._runs[run_id] = run
        return run

    def _end_run(self, run_id: UUID, outputs: Any = None, error: BaseException | None = None) -> None:
        run = self._runs.pop(run_id, None)
        if run is None:
            return
        self._ended[run_id] = run
        if len(self._ended) > _MAX_ENDED_RUNS:
            self._ended.popitem(last=False)
        if run.root == str(run_id):
            self._end_root(run, outputs, error)

    def _end_root(self, run: Run, outputs: Any, error: BaseException | None) -> None:
        interrupted = run.root in self._interrupted
        self._interrupted.discard(run.root)
        metadata = self._root_metadata.pop(run.root, {})
        self._writer.put(RootEnded(run.root, run.inputs, outputs, error, interrupted, metadata, time.time()))
        run.inputs = None
        unfinished = [
            call for call in list(self._open.values()) if call.run is run or call.run.root == run.root
        ]
        if unfinished:
            self._writer.put(Leftover(unfinished, self._give_up))

    def _give_up(self, call: ObservedCall) -> None:
        run_id = UUID(call.run_id)
        if self._open.pop(run_id, None) is not None:
            self._given_up[run_id] = call
            if len(self._given_up) > _MAX_GIVEN_UP:
                self._given_up.popitem(last=False)

    def on_chain_start(
        self,
        serialized: Any,
        inputs: Any,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Note where the run stands."""
        self._start_run(run_id, parent_run_id, metadata, inputs=inputs)

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Note the run's end; a root's output says which reply was the answer."""
        self._end_run(run_id, outputs)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Note the run's end."""
        self._end_run(run_id, error=error)

    def on_tool_start(
        self,
        serialized: dict[str, Any] | None,
        input_str: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Note that everything below happens inside a tool."""
        name = kwargs.get("name") or (serialized or {}).get("name") or "tool"
        self._start_run(run_id, parent_run_id, metadata, tool=str(name))

    def on_tool_end(self, output: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Note the tool's end."""
        self._end_run(run_id, output)

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Note the tool's end."""
        self._end_run(run_id, error=error)

    def on_retriever_start(
        self,
        serialized: dict[str, Any],
        query: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Note where the run stands."""
        self._start_run(run_id, parent_run_id, metadata)

    def on_retriever_end(self, documents: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Note the retriever's end."""
        self._end_run(run_id, documents)

    def on_retriever_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Note the retriever's end."""
        self._end_run(run_id, error=error)

    def on_interrupt(self, event: Any) -> None:
        """Note that the root's output waits for a human, so it ends with no answer."""
        run = self._runs.get(event.run_id)
        if run is not None:
            self._interrupted.add(run.root)

    # -- model calls

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Open the call."""
        if metadata is not None and WRAPPER_KEY in metadata:
            return
        self._open_call(run_id, parent_run_id, messages[0] if messages else (), tags, metadata, kwargs)

    def on_llm_start(
        self,
        serialized: dict[str, Any],
        prompts: list[str],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Open the call of a text model."""
        messages = [HumanMessage(prompt) for prompt in prompts]
        self._open_call(run_id, parent_run_id, messages, tags, metadata, kwargs)

    def _open_call(
        self,
        run_id: UUID,
        parent_run_id: UUID | None,
        messages: Sequence[BaseMessage],
        tags: list[str] | None,
        metadata: dict[str, Any] | None,
        kwargs: dict[str, Any],
    ) -> None:
        if run_id in self._open:  # attached twice
            return
        parent = self._runs.get(parent_run_id) or self._ended.get(parent_run_id) if parent_run_id else None
        call = ObservedCall(
            run_id=str(run_id),
            parent_id=str(parent_run_id) if parent_run_id else None,
            # Attached to the model alone, the ledger sees no tree: the parent's id still says what belongs together.
            run=parent or Run(str(parent_run_id or run_id)),
            messages=messages,
            metadata=metadata or {},
            parameters=kwargs.get("invocation_params") or {},
            started_at=time.time(),
            started_clock=time.perf_counter(),
            nostream="nostream" in (tags or ()),
        )
        self._open[run_id] = call
        if parent_run_id is None:
            mark_root_call(call, metadata)

    def on_llm_new_token(self, token: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Take the time of the first token."""
        call = self._open.get(run_id)
        if call is not None and call.first_token_clock is None:
            call.first_token_clock = time.perf_counter()

    def on_stream_event(self, event: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Take the time of the first event that carries content."""
        call = self._open.get(run_id)
        if call is not None and call.first_token_clock is None and event.get("event") != "message-start":
            call.first_token_clock = time.perf_counter()

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        """Close the call."""
        self._close_call(run_id, response, None)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Close the call; what an aborted stream had said comes with the error."""
        self._close_call(run_id, kwargs.get("response"), error)

    def _close_call(self, run_id: UUID, result: LLMResult | None, error: BaseException | None) -> None:
        call = self._open.pop(run_id, None) or self._given_up.pop(run_id, None)
        if call is None:
            return
        call.ended_clock = time.perf_counter()
        call.result, call.error = result, error
        complete_traced_call(call, self._prices, self._kinds)
        self._writer.put(call)

    # -- the bus

    def on_custom_event(
        self,
        name: str,
        data: Any,
        *,
        run_id: UUID,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Take down decisions and embedding calls."""
        if name not in (DECISION_EVENT, EMBEDDING_EVENT):
            return
        observed = ObservedDecision if name == DECISION_EVENT else ObservedEmbedding
        run = self._runs.get(run_id) or self._ended.get(run_id) or Run(str(run_id))
        self._writer.put(observed(data, str(run_id), run, metadata or {}, time.time()))


def _close(writer: Writer, engine: Any) -> None:
    writer.flush(final=True)
    engine.dispose()
