"""Takes down what LangChain's callbacks tell, on the caller's path, and hands it to the writer."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.outputs import LLMResult
from langchain_core.runnables.config import var_child_runnable_config
from langgraph.callbacks import GraphCallbackHandler

from llmops_plugins.accounting.attribution import KindRule
from llmops_plugins.accounting.langsmith import complete_traced_call, mark_root_call
from llmops_plugins.accounting.observed import (
    ABORTS,
    ObservedCall,
    ObservedDecision,
    ObservedEmbedding,
    RootEnded,
)
from llmops_plugins.accounting.open_calls import OpenCalls
from llmops_plugins.accounting.run_trees import RunTrees
from llmops_plugins.accounting.writer import Leftover, Writer
from llmops_plugins.embeddings import EMBEDDING_EVENT
from llmops_plugins.events import DECISION_EVENT, WRAPPER_KEY
from llmops_plugins.models.prices import PriceBook
from llmops_plugins.models.usage import snapshot

__all__ = ["Observer"]

_LATEST_EVENTS = 64


class Observer(GraphCallbackHandler):
    """The callback side of a ledger: references and clock readings, nothing computed.

    Args:
        writer: Takes what was observed.
        prices: Prices calls for LangSmith.
        kinds: The user's rule for kinds, for LangSmith.
    """

    # In the calling task or thread: a handler run elsewhere would miss the context, and be slower.
    run_inline = True

    def __init__(self, writer: Writer, *, prices: PriceBook, kinds: KindRule | None) -> None:
        self._writer = writer
        self._prices = prices
        self._kinds = kinds
        self._trees = RunTrees()
        self._calls = OpenCalls()
        # Handlers attached twice are told the same event object twice, one right after the other.
        self._latest_events: deque[Any] = deque(maxlen=_LATEST_EVENTS)

    def _forget_parent(self) -> None:
        """Start afresh in a forked child: its parent sees the ends of what had started."""
        self._trees.clear()
        self._calls.clear()
        self._writer.forget_parent()

    # -- runs: who is whose parent

    def _seen_parent(self, parent_run_id: UUID | None) -> UUID | None:
        """Return the parent, or the one above it in place of one that no callback told of.

        With LangSmith tracing on, a ``@traceable`` function (LangChain makes one of each middleware hook) is
        the parent of the runs inside it, and fires no callbacks.
        """
        if parent_run_id is None or self._trees.find(parent_run_id) is not None:
            return parent_run_id
        callbacks = (var_child_runnable_config.get() or {}).get("callbacks")
        above: UUID | None = getattr(callbacks, "parent_run_id", None)
        return parent_run_id if self._trees.find(above) is None else above

    def _end_run(self, run_id: UUID, outputs: Any = None, error: BaseException | None = None) -> None:
        tree = self._trees.end(run_id)
        if tree is None:
            return
        tree.aborted = isinstance(error, ABORTS)
        self._writer.put(RootEnded(tree, outputs, time.time()))
        if tree.open_calls:
            self._writer.put(Leftover(list(tree.open_calls), self._calls.give_up))

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
        self._trees.start(run_id, self._seen_parent(parent_run_id), metadata, inputs=inputs)

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
        self._trees.start(run_id, self._seen_parent(parent_run_id), metadata, tool=str(name))

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
        self._trees.start(run_id, self._seen_parent(parent_run_id), metadata)

    def on_retriever_end(self, documents: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Note the retriever's end."""
        self._end_run(run_id, documents)

    def on_retriever_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Note the retriever's end."""
        self._end_run(run_id, error=error)

    def on_interrupt(self, event: Any) -> None:
        """Note that the root's output waits for a human, so it ends with no answer."""
        run = self._trees.find(event.run_id)
        if run is not None:
            run.tree.interrupted = True
            if not event.checkpoint_ns:
                run.tree.interrupted_at = event.checkpoint_id

    def on_resume(self, event: Any) -> None:
        """Note that what went before may have been in another process."""
        run = self._trees.find(event.run_id)
        if run is not None:
            run.tree.resumed = True
            if not event.checkpoint_ns:
                run.tree.resumed_at = event.checkpoint_id

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
        conversation = messages[0] if messages else ()
        if not self._calls.is_open(run_id, conversation):
            self._open_call(run_id, parent_run_id, conversation, tags, metadata, kwargs, given=conversation)

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
        if not self._calls.is_open(run_id, prompts):
            messages = [HumanMessage(prompt) for prompt in prompts]
            self._open_call(run_id, parent_run_id, messages, tags, metadata, kwargs, given=prompts)

    def _open_call(
        self,
        run_id: UUID,
        parent_run_id: UUID | None,
        messages: Sequence[BaseMessage],
        tags: list[str] | None,
        metadata: dict[str, Any] | None,
        kwargs: dict[str, Any],
        *,
        given: Any,
    ) -> None:
        call = ObservedCall(
            run_id=str(run_id),
            parent_id=str(parent_run_id) if parent_run_id else None,
            run=self._trees.of_call(run_id, self._seen_parent(parent_run_id)),
            messages=messages,
            given=given,
            metadata=metadata or {},
            parameters=kwargs.get("invocation_params") or {},
            started_at=time.time(),
            started_clock=time.perf_counter(),
        )
        call.task = _current_task()
        if call.task is not None:
            call.may_be_vetoed = _another_handler_raises(self)
        for given_up in self._calls.open(run_id, call):
            self._writer.put(given_up)
        if parent_run_id is None:
            mark_root_call(call, metadata, self._kinds)

    def on_llm_new_token(self, token: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Take the time, and the length: a stream that is abandoned may end without a word about it."""
        call = self._calls.get(run_id)
        if call is not None:
            call.last_token_clock = time.perf_counter()
            call.first_token_clock = call.first_token_clock or call.last_token_clock
            call.read_bytes += len(token.encode("utf-8", "replace")) if isinstance(token, str) else 0

    def on_stream_event(self, event: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Take the time of the first event that carries content."""
        call = self._calls.get(run_id)
        if call is not None and call.first_token_clock is None and event.get("event") != "message-start":
            call.first_token_clock = time.perf_counter()

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        """Close the call."""
        self._close_call(run_id, response, None)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Close the call; what an aborted stream had said comes with the error."""
        self._close_call(run_id, kwargs.get("response"), error)

    def _close_call(self, run_id: UUID, result: LLMResult | None, error: BaseException | None) -> None:
        call = self._calls.close(run_id)
        if call is None:
            return
        call.ended_clock, call.task = time.perf_counter(), None
        call.result, call.error = result, error
        complete_traced_call(call, self._prices)
        call.result = snapshot(result)
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
        if any(data is seen for seen in tuple(self._latest_events)):  # attached twice
            return
        self._latest_events.append(data)
        observed = ObservedDecision if name == DECISION_EVENT else ObservedEmbedding
        run = self._trees.of_call(run_id, self._seen_parent(run_id))
        self._writer.put(observed(data, str(run_id), run, metadata or {}, time.time()))


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # no event loop here
        return None


def _another_handler_raises(ledger: Observer) -> bool:
    callbacks = (var_child_runnable_config.get() or {}).get("callbacks")
    handlers = callbacks if isinstance(callbacks, list) else getattr(callbacks, "handlers", ())
    return any(handler.raise_error for handler in handlers if handler is not ledger)
