"""What a store of demonstrations does, as flows: capabilities yield from them, and its methods run them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from os import PathLike
from typing import Any

from langchain_core.embeddings import Embeddings
from langgraph.store.base import BaseStore

from llmops_plugins.effects import Flow
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.hierarchy.demonstrations.adding import Addition, Solved, add, check_evidence
from llmops_plugins.hierarchy.demonstrations.collection import Collection
from llmops_plugins.hierarchy.demonstrations.confirming import confirm
from llmops_plugins.hierarchy.demonstrations.demonstration import Demonstration, Evidence, Provenance
from llmops_plugins.hierarchy.demonstrations.listing import find_one, list_all
from llmops_plugins.hierarchy.demonstrations.outcomes import record_outcome
from llmops_plugins.hierarchy.demonstrations.recall import Recall, recall
from llmops_plugins.hierarchy.demonstrations.revoking import revoke
from llmops_plugins.hierarchy.demonstrations.searchable_store import as_searchable_store
from llmops_plugins.hierarchy.demonstrations.settings import (
    DEFAULT_LIMIT,
    DEFAULT_TOKEN_BUDGET,
    check_bound,
    check_id,
    check_text,
    check_usd,
)
from llmops_plugins.hierarchy.demonstrations.tenancy import FromRequest, check_name_source, name_from
from llmops_plugins.hierarchy.demonstrations.transfer import import_demonstrations
from llmops_plugins.setting_checks import check_count

__all__ = ["DemonstrationFlows"]

_MOST_CONFIRMATIONS = 100


class DemonstrationFlows:
    """The flows of a ``DemonstrationStore``, which says what it is built with."""

    def __init__(
        self,
        store: BaseStore | str | PathLike[str] = "llmops_demonstrations.db",
        *,
        tenant: FromRequest,
        embeddings: Embeddings | str | None = None,
        confirmations: int = 2,
        lifetime_days: float = 180.0,
        max_entries: int = 100_000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        check_name_source("tenant", tenant)
        check_count("confirmations", confirmations, most=_MOST_CONFIRMATIONS)
        check_bound("lifetime_days", lifetime_days)
        check_count("max_entries", max_entries)
        if not callable(clock):
            problem = f"must be a function that returns Unix time in seconds, got {type(clock).__name__}"
            raise ConfigurationError("clock", problem)
        self.tenant = tenant
        self.store = as_searchable_store(store, embeddings)
        self._confirmations = confirmations
        self._lifetime_days = lifetime_days
        self._max_entries = max_entries
        self._clock = clock
        self._counting = threading.Lock()
        self._changed = 0

    @property
    def changed_count(self) -> int:
        """How often recalls of this process met one that is not what was once stored, and left it out."""
        return self._changed

    def collection(self, request: Any) -> Collection:
        """Return the demonstrations of a request's tenant, as they are now, for the flows of one of them."""
        return Collection(
            store=self.store,
            tenant=name_from("tenant", self.tenant, request),
            confirmations=self._confirmations,
            lifetime_days=self._lifetime_days,
            most=self._max_entries,
            now=self._clock(),
        )

    def recall_flow(
        self,
        question: str,
        *,
        user: FromRequest,
        limit: int = DEFAULT_LIMIT,
        token_budget: int = DEFAULT_TOKEN_BUDGET,
        request: Any = None,
    ) -> Flow[Recall]:
        """Find the demonstrations to show for a question."""
        check_text("question", question)
        check_count("limit", limit)
        check_count("token_budget", token_budget)
        collection = self.collection(request)
        asking = self._user(collection, user, request)
        found = yield from recall(collection, question, user=asking, limit=limit, token_budget=token_budget)
        with self._counting:
            self._changed += found.changed
        return found

    def add_flow(
        self,
        question: str,
        solution: str,
        *,
        user: FromRequest,
        assistant: str,
        model: str,
        evidence: Evidence,
        model_version: str = "",
        cost_usd: float | None = None,
        solved_at: datetime | None = None,
        request: Any = None,
    ) -> Flow[Addition]:
        """Keep a solved request."""
        for field, text in (("question", question), ("solution", solution), ("model", model)):
            check_text(field, text)
        check_text("assistant", assistant)
        check_usd("cost_usd", cost_usd)
        check_evidence(evidence, assistant, model, model_version)
        collection = self.collection(request)
        provenance = Provenance(
            assistant=assistant,
            model=model,
            model_version=model_version,
            evidence=evidence,
            solved_at=solved_at or datetime.fromtimestamp(collection.now, UTC),
            cost_usd=cost_usd,
        )
        asking = self._user(collection, user, request)
        solved = Solved(question=question, solution=solution, user=asking, provenance=provenance)
        return (yield from add(collection, solved))

    def confirm_flow(
        self, demonstration_id: str, *, user: FromRequest, request: Any = None
    ) -> Flow[Demonstration]:
        """Note that a user stands for a demonstration of another's."""
        check_id("demonstration_id", demonstration_id)
        collection = self.collection(request)
        return (yield from confirm(collection, demonstration_id, self._user(collection, user, request)))

    def record_outcome_flow(
        self, ids: Iterable[str], *, helped: bool, user: FromRequest, request: Any = None
    ) -> Flow[int]:
        """Note whether a request that demonstrations were shown for was solved."""
        if isinstance(ids, str):
            raise ConfigurationError("ids", f"must be a list of ids, write [{ids!r}]")
        wanted = list(ids)
        for one in wanted:
            check_id("ids", one)
        collection = self.collection(request)
        asking = self._user(collection, user, request)
        return (yield from record_outcome(collection, wanted, helped=helped, user=asking))

    def revoke_flow(self, demonstration_id: str, *, reason: str, request: Any = None) -> Flow[int]:
        """Take a demonstration back for good."""
        check_id("demonstration_id", demonstration_id)
        collection = self.collection(request)
        return (yield from revoke(collection, demonstration_id, reason, now=collection.now))

    def get_flow(
        self, demonstration_id: str, *, user: FromRequest | None, request: Any = None
    ) -> Flow[Demonstration | None]:
        """Find a demonstration by its id."""
        check_id("demonstration_id", demonstration_id)
        collection = self.collection(request)
        asking = None if user is None else self._user(collection, user, request)
        return (yield from find_one(collection, demonstration_id, asking))

    def list_flow(self, *, user: FromRequest | None, request: Any = None) -> Flow[Sequence[Demonstration]]:
        """Read all demonstrations of the tenant."""
        collection = self.collection(request)
        asking = None if user is None else self._user(collection, user, request)
        return (yield from list_all(collection, asking))

    def import_flow(
        self,
        demonstrations: Iterable[Demonstration],
        *,
        source: str,
        user: FromRequest,
        trusted: bool,
        request: Any = None,
    ) -> Flow[int]:
        """Keep demonstrations from elsewhere."""
        collection = self.collection(request)
        asking = self._user(collection, user, request)
        return (
            yield from import_demonstrations(
                collection, demonstrations, source=source, user=asking, trusted=trusted
            )
        )

    @staticmethod
    def _user(collection: Collection, user: FromRequest, request: Any) -> str:
        return collection.user_hash(name_from("user", user, request))
