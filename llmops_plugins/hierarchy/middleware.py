"""Demonstrations in front of any agent, and of any model through ``with_middleware``."""

from __future__ import annotations

from os import PathLike
from typing import Any, ClassVar

from langchain_core.messages import HumanMessage
from langgraph.store.base import BaseStore

from llmops_plugins.effects import Emit, Flow, Forward, Request, Response
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.events import Decision, Mode
from llmops_plugins.flow_middleware import FlowMiddleware
from llmops_plugins.hierarchy.demonstrations.recall import Recall
from llmops_plugins.hierarchy.demonstrations.rendering import (
    asked_question,
    estimated_tokens,
    has_demonstrations,
    is_all_text,
    last_human_index,
    render,
    with_demonstrations,
)
from llmops_plugins.hierarchy.demonstrations.settings import DEFAULT_LIMIT, DEFAULT_TOKEN_BUDGET
from llmops_plugins.hierarchy.demonstrations.store import DemonstrationStore
from llmops_plugins.hierarchy.demonstrations.tenancy import FromRequest, check_name_source, name_from
from llmops_plugins.hierarchy.demonstrations.turns import Turns, turn_key
from llmops_plugins.setting_checks import check_count
from llmops_plugins.verification.verdict import answer_message

__all__ = ["DemonstrationsMiddleware"]


class DemonstrationsMiddleware(FlowMiddleware):
    """Show a model how requests like this one were solved.

    They stand in the person's last message as it is sent, before its text, and not in the state: the same for
    every model call of a turn. Where the store cannot be reached, the request goes on without them. Nothing
    is learned here: :meth:`DemonstrationStore.add` takes what was solved.

    Args:
        store: A :class:`DemonstrationStore`, or what one is made of: a file, or a LangGraph
            store with an index.
        user: Who asks, or a function of the request, such as
            ``lambda request: request.runtime.context.user_id``.
        tenant: Whose demonstrations they are, likewise; left out beside a :class:`DemonstrationStore`, whose
            function for the tenant is given the model's request.
        limit: The most that are shown.
        token_budget: The most tokens that they take, at four characters each.
        mode: ``"shadow"`` finds them and records which, and shows none; see
            :class:`~llmops_plugins.flow_middleware.FlowMiddleware`.

    Raises:
        ConfigurationError: If a setting is wrong.

    Example:
        >>> from langchain.agents import create_agent
        >>> from langchain_core.embeddings import DeterministicFakeEmbedding
        >>> from llmops_plugins.hierarchy.demonstrations.demonstration import Evidence
        >>> from llmops_plugins.testing import ScriptedChatModel
        >>> store = DemonstrationStore(
        ...     ":memory:", tenant="acme", embeddings=DeterministicFakeEmbedding(size=8)
        ... )
        >>> solved = Evidence(kind="human", source="ann")
        >>> by_whom = {"user": "ann", "assistant": "large", "model": "gpt-5", "evidence": solved}
        >>> store.add("What is 6 * 7?", "print(6 * 7)", **by_whom).outcome
        'added'
        >>> model = ScriptedChatModel(replies=["42"])
        >>> agent = create_agent(model, [], middleware=[DemonstrationsMiddleware(store, user="ann")])
        >>> _ = agent.invoke({"messages": ["What is 6 * 7?"]})
        >>> "print(6 * 7)" in model.calls[0][-1].text
        True
    """

    capability: ClassVar[str] = "demonstrations"

    def __init__(
        self,
        store: DemonstrationStore | BaseStore | str | PathLike[str] = "llmops_demonstrations.db",
        *,
        user: FromRequest,
        tenant: FromRequest | None = None,
        limit: int = DEFAULT_LIMIT,
        token_budget: int = DEFAULT_TOKEN_BUDGET,
        mode: Mode = "on",
    ) -> None:
        super().__init__(mode=mode)
        check_name_source("user", user)
        check_count("limit", limit)
        check_count("token_budget", token_budget)
        self.store = _store(store, tenant)
        self._user = user
        self._limit = limit
        self._token_budget = token_budget
        self._turns = Turns()

    def close(self) -> None:
        """Close the file, if the store is one that was opened here; a later request opens it again."""
        self.store.close()

    def flow(self, request: Request) -> Flow[Response]:
        """Show demonstrations to the model, and pass its reply on."""
        found = yield from self._found(request)
        messages = with_demonstrations(request.messages, found.demonstrations)
        sent = request.override(messages=messages) if found.demonstrations else request
        reply: Response = yield Forward(sent, live=True)
        yield Emit(_decision(found, reply, "on"))
        return reply

    def shadow_flow(self, request: Request, reply: Response) -> Flow[None]:
        """Find what would have been shown."""
        found = yield from self._found(request)
        yield Emit(_decision(found, reply, "shadow"))

    def _found(self, request: Request) -> Flow[Recall]:
        index = last_human_index(request.messages)
        asked = request.messages[index] if index is not None else None
        if index is None or not isinstance(asked, HumanMessage):
            return Recall()
        if has_demonstrations(asked) or not is_all_text(asked):
            return Recall()
        user = name_from("user", self._user, request)
        tenant = name_from("tenant", self.store.tenant, request)
        key = turn_key(tenant, user, request.messages, index)
        is_first_call = index == len(request.messages) - 1
        shown = None if is_first_call else self._turns.get(key)
        if shown is not None:
            return shown
        found = yield from self.store.recall_flow(
            asked_question(asked),
            user=user,
            limit=self._limit,
            token_budget=self._token_budget,
            request=request,
        )
        self._turns.put(key, found)
        return found


def _store(store: Any, tenant: FromRequest | None) -> DemonstrationStore:
    if isinstance(store, DemonstrationStore):
        if tenant is not None:
            raise ConfigurationError("tenant", "is the DemonstrationStore's, leave it out here")
        return store
    if not isinstance(store, BaseStore | str | PathLike):
        problem = f"must be a DemonstrationStore, a file or a LangGraph store, got {type(store).__name__}"
        raise ConfigurationError("store", problem)
    if tenant is None:
        problem = "is missing: name whose demonstrations they are, or give a DemonstrationStore"
        raise ConfigurationError("tenant", problem)
    return DemonstrationStore(store, tenant=tenant)


def _decision(found: Recall, reply: Response, mode: Mode) -> Decision:
    shown = found.demonstrations
    message = answer_message(reply)
    reason = f"{len(shown)} of {found.considered} stored solutions were near and useful enough"
    return Decision(
        capability=DemonstrationsMiddleware.capability,
        outcome="recalled" if shown else "none",
        reason=reason if shown else "no stored solution could be shown",
        mode=mode,
        returned=message.id if message is not None else None,
        details={
            "demonstrations": [one.demonstration_id for one in shown],
            "tokens": estimated_tokens(render(shown)),
            "considered": found.considered,
            "changed": found.changed,
        },
    )
