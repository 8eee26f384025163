"""Where solved requests are kept, and found again by those whose questions are like them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Any, Required, TypedDict, Unpack

from llmops_plugins.flow import arun, run
from llmops_plugins.hierarchy.demonstrations.adding import Addition
from llmops_plugins.hierarchy.demonstrations.demonstration import Demonstration, Evidence
from llmops_plugins.hierarchy.demonstrations.store_flows import DemonstrationFlows
from llmops_plugins.hierarchy.demonstrations.tenancy import FromRequest
from llmops_plugins.hierarchy.demonstrations.transfer import read_demonstrations, write_demonstrations
from llmops_plugins.storage.lazy_store import LazyStore

__all__ = ["AdditionSettings", "DemonstrationStore", "RecallSettings"]


class RecallSettings(TypedDict, total=False):
    """What :meth:`DemonstrationStore.recall` is told beside the question.

    Args:
        user: Who asks: what is shown is the user's own, and what the tenant's users share.
        limit: The most that are wanted; by default 3.
        token_budget: The most tokens that they may take in a prompt, at four characters each; by default
            2,000.
        request: What functions for tenant and user are given.
    """

    user: Required[FromRequest]
    limit: int
    token_budget: int
    request: Any


class AdditionSettings(TypedDict, total=False):
    """What :meth:`DemonstrationStore.add` is told beside question and solution.

    Args:
        user: Whose request it was.
        assistant: Name of the assistant that solved it.
        model: Its model.
        evidence: What says that it is solved; its source must be neither of the two.
        model_version: The model's version, where it is known.
        cost_usd: What solving it cost, in USD, where it is known.
        solved_at: When, with a time zone; by default now.
        request: What functions for tenant and user are given.
    """

    user: Required[FromRequest]
    assistant: Required[str]
    model: Required[str]
    evidence: Required[Evidence]
    model_version: str
    cost_usd: float | None
    solved_at: datetime | None
    request: Any


class DemonstrationStore(DemonstrationFlows):
    """Solution demonstrations over a LangGraph store: how requests were solved, for those like them.

    EcoAssistant's solution demonstrations (Zhang et al. 2023, https://arxiv.org/abs/2310.03046, section 3.2),
    without taking anybody's own word: what is kept was found solved by others than who solved it, only its
    user is shown it until enough other users have solved the same or confirmed it, and what stops helping
    sinks. Nothing crosses tenants. Secrets and the obvious personal data are removed before anything is
    written; see :mod:`~llmops_plugins.hierarchy.demonstrations.scrubbing` for what those are.

    Every method has a twin for event loops whose name begins with ``a``, and each is a
    flow too, whose name ends with ``_flow``.

    Args:
        store: The file to keep them in, or any LangGraph store with an index to search by meaning, by cosine.
        tenant: Whose they are, or a function of the ``request`` that methods are given.
        embeddings: What a file's questions are embedded with, as ``resolve_embeddings`` takes it. Give those
            of a store to its index; ``resolve_embeddings`` makes them cached and counted there too.
        confirmations: How many users other than its author must stand for a demonstration before it is shown
            to others than its author, from 1 to 100.
        lifetime_days: How long one is kept after it was last solved.
        max_entries: The most that are kept of a tenant's; above it the least useful go.
        clock: Returns Unix time in seconds.

    Raises:
        ConfigurationError: If a setting is wrong.
        MissingExtraError: If the embedded default is not installed.

    Example:
        >>> from langchain_core.embeddings import DeterministicFakeEmbedding
        >>> store = DemonstrationStore(
        ...     ":memory:", tenant="acme", embeddings=DeterministicFakeEmbedding(size=8)
        ... )
        >>> addition = store.add(
        ...     "What is 6 * 7?",
        ...     "print(6 * 7)",
        ...     user="ann",
        ...     assistant="small",
        ...     model="gpt-5-nano",
        ...     evidence=Evidence(kind="execution", source="sandbox", statement="It printed 42."),
        ... )
        >>> [one.solution for one in store.recall("What is 6 * 7?", user="ann")]
        ['print(6 * 7)']
        >>> store.recall("What is 6 * 7?", user="ben")
        ()
    """

    def recall(self, question: str, **settings: Unpack[RecallSettings]) -> tuple[Demonstration, ...]:
        """Return the demonstrations to show for a question, best first.

        They are those whose questions are nearest, weighed by how often they have helped (see
        :func:`~llmops_plugins.hierarchy.demonstrations.usefulness.usefulness`), and that differ from each
        other.

        Args:
            question: What is asked; demonstrations that were put into it are no part of it.
            settings: See :class:`RecallSettings`.

        Raises:
            ConfigurationError: If an argument is wrong.
            Exception: Whatever the store raises.
        """
        return run(self.recall_flow(question, **settings)).demonstrations

    async def arecall(self, question: str, **settings: Unpack[RecallSettings]) -> tuple[Demonstration, ...]:
        """Return the demonstrations to show for a question; the twin of :meth:`recall`."""
        return (await arun(self.recall_flow(question, **settings))).demonstrations

    def add(self, question: str, solution: str, **details: Unpack[AdditionSettings]) -> Addition:
        """Keep a solved request: for its user alone, until enough other users stand for the same.

        Args:
            question: What was asked; demonstrations that were put into it are no part of it.
            solution: What solved it.
            details: See :class:`AdditionSettings`.

        Returns:
            What became of it: what is empty, too long or revoked is not kept.

        Raises:
            ConfigurationError: If an argument is wrong, or the evidence is the author's own word.
            Exception: Whatever the store raises.
        """
        return run(self.add_flow(question, solution, **details))

    async def aadd(self, question: str, solution: str, **details: Unpack[AdditionSettings]) -> Addition:
        """Keep a solved request; the twin of :meth:`add`."""
        return await arun(self.add_flow(question, solution, **details))

    def confirm(self, demonstration_id: str, *, user: FromRequest, request: Any = None) -> Demonstration:
        """Note that a user stands for another's demonstration, and share it if enough do.

        Args:
            demonstration_id: Which one it is.
            user: Who stands for it.
            request: What functions for tenant and user are given.

        Returns:
            The demonstration, with all who stand for it.

        Raises:
            ConfigurationError: If there is none of this id, or it is the user's own.
            Exception: Whatever the store raises.
        """
        return run(self.confirm_flow(demonstration_id, user=user, request=request))

    async def aconfirm(
        self, demonstration_id: str, *, user: FromRequest, request: Any = None
    ) -> Demonstration:
        """Note that a user stands for another's demonstration; the twin of :meth:`confirm`."""
        return await arun(self.confirm_flow(demonstration_id, user=user, request=request))

    def record_outcome(
        self, ids: Iterable[str], *, helped: bool, user: FromRequest, request: Any = None
    ) -> int:
        """Note whether a request that demonstrations were shown for was solved; each user's latest few count.

        Args:
            ids: Which ones were shown.
            helped: Whether the request was solved.
            user: Whose request it was.
            request: What functions for tenant and user are given.

        Returns:
            How many of them this user could have been shown; the others are left alone.

        Raises:
            ConfigurationError: If an argument is wrong.
            Exception: Whatever the store raises.
        """
        return run(self.record_outcome_flow(ids, helped=helped, user=user, request=request))

    async def arecord_outcome(
        self, ids: Iterable[str], *, helped: bool, user: FromRequest, request: Any = None
    ) -> int:
        """Note whether demonstrations helped; the twin of :meth:`record_outcome`."""
        return await arun(self.record_outcome_flow(ids, helped=helped, user=user, request=request))

    def revoke(self, demonstration_id: str, *, reason: str = "", request: Any = None) -> int:
        """Take a demonstration back for good, with all its copies: the same does not come back by itself.

        Args:
            demonstration_id: Which one it is.
            reason: Why, for whoever reads the note that stays.
            request: What a function for the tenant is given.

        Returns:
            How many copies there were: users' own, and the shared one.

        Raises:
            ConfigurationError: If it is no id.
            Exception: Whatever the store raises; a part may have been deleted.
        """
        return run(self.revoke_flow(demonstration_id, reason=reason, request=request))

    async def arevoke(self, demonstration_id: str, *, reason: str = "", request: Any = None) -> int:
        """Take a demonstration back for good; the twin of :meth:`revoke`."""
        return await arun(self.revoke_flow(demonstration_id, reason=reason, request=request))

    def get(
        self, demonstration_id: str, *, user: FromRequest | None = None, request: Any = None
    ) -> Demonstration | None:
        """Return a demonstration by its id, or None where there is none.

        Args:
            demonstration_id: Which one it is.
            user: Who is shown it; None, for operators, finds any user's own too.
            request: What functions for tenant and user are given.
        """
        return run(self.get_flow(demonstration_id, user=user, request=request))

    async def aget(
        self, demonstration_id: str, *, user: FromRequest | None = None, request: Any = None
    ) -> Demonstration | None:
        """Return a demonstration by its id; the twin of :meth:`get`."""
        return await arun(self.get_flow(demonstration_id, user=user, request=request))

    def list(self, *, user: FromRequest | None = None, request: Any = None) -> tuple[Demonstration, ...]:
        """Return all demonstrations of the tenant, the latest first, each once.

        Args:
            user: Who is shown them; None, for operators, returns all users' own too.
            request: What functions for tenant and user are given.
        """
        return tuple(run(self.list_flow(user=user, request=request)))

    async def alist(
        self, *, user: FromRequest | None = None, request: Any = None
    ) -> tuple[Demonstration, ...]:
        """Return all demonstrations of the tenant; the twin of :meth:`list`."""
        return tuple(await arun(self.list_flow(user=user, request=request)))

    def export(
        self,
        path: str | PathLike[str],
        *,
        user: FromRequest | None = None,
        with_users: bool = False,
        request: Any = None,
    ) -> int:
        """Write what :meth:`list` returns to a file, one JSON object a line, and return how many.

        Args:
            path: The file, which is replaced whole or not at all.
            user: As for :meth:`list`.
            with_users: Write hashes of the users, too. Names that can be guessed, as e-mail addresses can,
                are known by their hashes to whoever tries.
            request: What functions for tenant and user are given.

        Raises:
            OSError: If it cannot be written.
            Exception: Whatever the store raises.
        """
        demonstrations = self.list(user=user, request=request)
        return write_demonstrations(Path(path), demonstrations, with_users=with_users)

    async def aexport(
        self,
        path: str | PathLike[str],
        *,
        user: FromRequest | None = None,
        with_users: bool = False,
        request: Any = None,
    ) -> int:
        """Write what :meth:`list` returns to a file; the twin of :meth:`export`."""
        demonstrations = await self.alist(user=user, request=request)
        return await asyncio.to_thread(
            write_demonstrations, Path(path), demonstrations, with_users=with_users
        )

    def import_file(
        self, path: str | PathLike[str], *, user: FromRequest, trusted: bool = False, request: Any = None
    ) -> int:
        """Keep what :meth:`export` wrote, and return how many that were.

        They become the user's own, and nobody stands for them. What was revoked here, and what is too long,
        stays away. The file is read whole before anything is kept.

        Args:
            path: The file.
            user: Whose they become.
            trusted: Take the file's word for what was shared, with its confirmations and counts, and
                share it.
            request: What functions for tenant and user are given.

        Raises:
            ConfigurationError: If the file cannot be read.
            RecordError: For the first row that describes no demonstration, or was changed.
            Exception: Whatever the store raises; a part may have been kept.
        """
        rows = read_demonstrations(Path(path))
        name = Path(path).name
        return run(self.import_flow(rows, source=name, user=user, trusted=trusted, request=request))

    async def aimport_file(
        self, path: str | PathLike[str], *, user: FromRequest, trusted: bool = False, request: Any = None
    ) -> int:
        """Keep what :meth:`export` wrote; the twin of :meth:`import_file`."""
        rows = await asyncio.to_thread(read_demonstrations, Path(path))
        name = Path(path).name
        return await arun(self.import_flow(rows, source=name, user=user, trusted=trusted, request=request))

    def close(self) -> None:
        """Close the file, if the store is one that this opened; a later call opens it again."""
        if isinstance(self.store, LazyStore):
            self.store.close()
