"""The cache as LangChain's own LLM cache, for ``set_llm_cache`` and ``ChatModel(cache=...)``."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from os import PathLike
from typing import Any

from langchain.agents.middleware.types import ModelResponse
from langchain_core.caches import RETURN_VAL_TYPE, BaseCache
from langchain_core.messages import AIMessage
from langchain_core.outputs import Generation
from langgraph.store.base import BaseStore, PutOp

from llmops_plugins.caching.admission import Admission
from llmops_plugins.caching.cache import Cache
from llmops_plugins.caching.decisions import failed, hit, missed, passed_by
from llmops_plugins.caching.entry import CacheEntry, recorded_usage
from llmops_plugins.caching.freshness import Freshness, volatility_of
from llmops_plugins.caching.generations import generations_of, messages_of, stored_messages
from llmops_plugins.caching.given_store import as_store
from llmops_plugins.caching.keeping import put_entry
from llmops_plugins.caching.lookup import Found, LookUp, by_meaning, exactly
from llmops_plugins.caching.partition import PartitionRule
from llmops_plugins.caching.place import CHECK_STORE, PassedBy, Place
from llmops_plugins.caching.prompt import PromptPlace, find_prompt_place
from llmops_plugins.caching.room import Room, entries_of
from llmops_plugins.caching.semantic import SemanticTier
from llmops_plugins.caching.settings import check_names
from llmops_plugins.effects import Emit, Flow, Spawn, StoreOps
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.events import Decision
from llmops_plugins.failures import warn_once
from llmops_plugins.flow import arun, run

__all__ = ["CAPABILITY", "LLM_CACHE_TAG", "SemanticLLMCache"]

CAPABILITY = "llm_cache"
LLM_CACHE_TAG = "llm_cache"
"""Tag of every entry that a :class:`SemanticLLMCache` keeps."""

_DELETED_AT_ONCE = 1_000


class SemanticLLMCache(BaseCache):
    """Answer every chat model and LLM of a program from a cache, by the prompt or by its meaning.

    Answers are shared inside one model with its settings (as LangChain's ``llm_string`` tells them apart),
    tenant, corpus version and leading system messages. By meaning only a conversation's first question is
    looked up, or a text model's whole prompt; by guards and rule as in
    :class:`~llmops_plugins.caching.middleware.CacheMiddleware`. Whatever fails, the model is asked.

    A cache of this kind has no model at hand, so it can ask nothing again: hits by meaning are not checked,
    nothing is learned from them and no later question is rewritten. A breach that a middleware with the same
    rule found in the same store holds here too. LangChain asks no cache for ``stream()``, and equal prompts
    at once are each sent. Prefer the middleware where there is a choice.

    What a hit spared is on its message: LangChain keeps the recorded usage there and sets its cost to zero,
    which the ledger reads. So decisions (capability ``llm_cache``) name no avoided call, and outside of a run
    there are none.

    Args:
        store: The file to keep answers in, or any LangGraph store; for a semantic tier one with an index.
        semantic: The semantic tier; None serves exact answers only.
        tenant: Whose requests they are.
        corpus_version: Version of what answers are drawn from.
        cacheable_tools: Names of tools, and of schemas given to ``with_structured_output``, whose calls may
            be replayed, exactly only. Replies that call others are never stored.
        minutes: How long answers are served, in minutes, by class: ``"volatile"`` where the question's words
            speak of what soon changes, ``"stable"`` otherwise; None for ever, 0 not at all.
        tags: Names that answers can be invalidated by, beside :data:`LLM_CACHE_TAG`.
        max_entries: The most entries kept in the store; above it the oldest go.

    Raises:
        ConfigurationError: If a setting is wrong.

    Example:
        >>> from llmops_plugins.testing import ScriptedChatModel
        >>> model = ScriptedChatModel(replies=["Berlin.", "Paris."], cache=SemanticLLMCache(":memory:"))
        >>> [model.invoke("What is the capital of Germany?").text for _ in range(2)]
        ['Berlin.', 'Berlin.']
    """

    def __init__(
        self,
        store: BaseStore | str | PathLike[str] = "llmops_cache.db",
        *,
        semantic: SemanticTier | None = None,
        tenant: str = "",
        corpus_version: str = "",
        cacheable_tools: Collection[str] = (),
        minutes: Mapping[str, float | None] | None = None,
        tags: Iterable[str] = (),
        max_entries: int = 100_000,
    ) -> None:
        _check(semantic, {"tenant": tenant, "corpus_version": corpus_version})
        self.tenant, self.corpus_version = tenant, corpus_version
        self.cache = Cache(
            store=as_store(store, semantic.embeddings if semantic is not None else None),
            partition=PartitionRule(tenant=tenant, corpus_version=corpus_version),
            admission=Admission(cacheable_tools=frozenset(check_names("cacheable_tools", cacheable_tools))),
            freshness=_freshness(minutes),
            tags=tuple(sorted({LLM_CACHE_TAG, *check_names("tags", tags)})),
            room=Room(max_entries),
            semantic=semantic,
            patience_seconds=1.0,
        )
        self._lock = threading.Lock()
        self._failures = 0

    @property
    def failures(self) -> int:
        """How many look-ups and updates have failed, in runs and outside of them."""
        return self._failures

    def lookup(self, prompt: str, llm_string: str) -> RETURN_VAL_TYPE | None:
        """Return the generations stored for a prompt, or for one that means the same; None without any."""
        return run(self._look_up(prompt, llm_string))

    async def alookup(self, prompt: str, llm_string: str) -> RETURN_VAL_TYPE | None:
        """Do the same in an event loop."""
        return await arun(self._look_up(prompt, llm_string))

    def update(self, prompt: str, llm_string: str, return_val: RETURN_VAL_TYPE) -> None:
        """Store a prompt's generations, if they may be stored."""
        run(self._update(prompt, llm_string, return_val))

    async def aupdate(self, prompt: str, llm_string: str, return_val: RETURN_VAL_TYPE) -> None:
        """Do the same in an event loop."""
        await arun(self._update(prompt, llm_string, return_val))

    def clear(self, **kwargs: Any) -> None:
        """Delete what LLM caches have stored for this tenant.

        Raises:
            ConfigurationError: If there are arguments: parts of a cache are invalidated by tag or model.
        """
        run(self._clear(kwargs))

    async def aclear(self, **kwargs: Any) -> None:
        """Do the same in an event loop."""
        await arun(self._clear(kwargs))

    def _look_up(self, prompt: str, llm_string: str) -> Flow[list[Generation] | None]:
        decision, generations = yield from self._answered(prompt, llm_string)
        yield from self._say(decision)
        return generations

    def _answered(self, prompt: str, llm_string: str) -> Flow[tuple[Decision, list[Generation] | None]]:
        looked = LookUp()
        try:
            place = self._place(prompt, llm_string)
            if isinstance(place, PassedBy):
                return passed_by(place), None
            looked = yield from self._found(place)
            if looked.found is None:
                return missed(place, looked, "the model is asked"), None
            generations = generations_of(looked.found.entry, looked.found.tier)
            return self._hit(place, looked.found, generations), generations
        except Exception as error:  # noqa: BLE001 - whatever a store or its embeddings raise
            warn_once("the LLM cache's look-up", error, CHECK_STORE)
            return failed(looked, "look-up", type(error).__name__), None

    def _place(self, prompt: str, llm_string: str) -> PromptPlace | PassedBy:
        return find_prompt_place(prompt, llm_string, tenant=self.tenant, corpus_version=self.corpus_version)

    def _found(self, place: Place) -> Flow[LookUp]:
        entry = yield from exactly(place, self.cache)
        if entry is not None:
            return LookUp(found=Found(entry=entry, tier="exact"))
        conversation, semantic = place.conversation, self.cache.semantic
        if semantic is None or conversation.question is None or conversation.steps:
            return LookUp()
        return (yield from by_meaning(conversation.question, place, self.cache, semantic))

    def _hit(self, place: Place, found: Found, generations: list[Generation]) -> Decision:
        messages = [generation.message for generation in generations if hasattr(generation, "message")]
        decision = hit(self.cache, place, found, ModelResponse(result=messages), warm=False)
        return replace(decision, avoided=None)

    def _update(self, prompt: str, llm_string: str, generations: RETURN_VAL_TYPE) -> Flow[None]:
        try:
            place = self._place(prompt, llm_string)
            messages = messages_of(generations)
            if isinstance(place, PassedBy) or not messages:
                return
            refusal, entry = self._entry(place, generations, messages)
            if entry is not None:
                key = place.conversation.key
                yield StoreOps(
                    self.cache.store, [put_entry(self.cache, place.partition.namespace, key, entry)]
                )
                if self.cache.room.note_put():
                    yield Spawn(self.cache.room.make(self.cache.store))
                return
            decision = Decision(capability=CAPABILITY, outcome="not_stored", reason=refusal)
        except Exception as error:  # noqa: BLE001 - whatever a store or its embeddings raise
            warn_once("the LLM cache's store", error, CHECK_STORE)
            decision = failed(LookUp(), "store", type(error).__name__)
        yield from self._say(decision)

    def _entry(
        self, place: PromptPlace, generations: RETURN_VAL_TYPE, messages: list[AIMessage]
    ) -> tuple[str, CacheEntry | None]:
        conversation, cache = place.conversation, self.cache
        for message in messages:
            refusal = cache.admission.refusal_of_reply(conversation, ModelResponse(result=[message]))
            if refusal is not None:
                return refusal, None
        minutes = cache.freshness.minutes[volatility_of(place.last_words)]
        if minutes == 0:
            return "answers of its class are not kept", None
        now = cache.clock()
        final = not conversation.steps and not any(message.tool_calls for message in messages)
        model = messages[0].response_metadata.get("model_name") or ""
        entry = CacheEntry(
            question=conversation.question if final else None,
            reply=stored_messages(generations, messages),
            usage=recorded_usage(messages[:1], None, model),
            tenant=self.tenant,
            corpus_version=self.corpus_version,
            tags=tuple(cache.tags) if not callable(cache.tags) else (),
            tools=tuple(sorted({call["name"] for message in messages for call in message.tool_calls})),
            created_at=now,
            expires_at=None if minutes is None else now + 60 * minutes,
        )
        return "", entry

    def _clear(self, arguments: Mapping[str, Any]) -> Flow[None]:
        if arguments:
            problem = "takes no arguments, invalidate by tag, model or corpus version instead"
            raise ConfigurationError("clear", problem)
        entries = yield from entries_of(self.cache.store)
        ours = [
            item
            for item in entries
            if LLM_CACHE_TAG in item.value.get("tags", ()) and item.value.get("tenant") == self.tenant
        ]
        for start in range(0, len(ours), _DELETED_AT_ONCE):
            some = ours[start : start + _DELETED_AT_ONCE]
            yield StoreOps(self.cache.store, [PutOp(item.namespace, item.key, None) for item in some])

    def _say(self, decision: Decision) -> Flow[None]:
        if decision.outcome == "failed_open":
            with self._lock:
                self._failures += 1
        with contextlib.suppress(Exception):  # who cannot hear of it must not make it the user's
            yield Emit(replace(decision, capability=CAPABILITY))


def _check(semantic: Any, texts: Mapping[str, Any]) -> None:
    if semantic is not None and not isinstance(semantic, SemanticTier):
        problem = f"must be SemanticTier(...) or None, got {type(semantic).__name__}"
        raise ConfigurationError("semantic", problem)
    if semantic is not None and semantic.rewriter is not None:
        problem = "rewrites later turns, which this cache looks up exactly only: leave rewrite out"
        raise ConfigurationError("semantic", problem)
    for field, value in texts.items():
        if not isinstance(value, str):
            raise ConfigurationError(field, f"must be a string, got {type(value).__name__}")


def _freshness(minutes: Mapping[str, float | None] | None) -> Freshness:
    if minutes is None:
        return Freshness()
    if not isinstance(minutes, Mapping) or {*minutes} != {"stable", "volatile"}:
        problem = f'must have "stable" and "volatile", got {minutes!r}'
        raise ConfigurationError("minutes", problem)
    return Freshness(minutes=minutes)
