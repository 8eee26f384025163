"""Answers that GPTCache held before, as entries of the one agent they are said to answer for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from langchain_core.messages import AIMessage

from llmops_integrations.gptcache_rows import GPTCacheRows, ItemRow, RowsOf, ordinary_rows
from llmops_plugins.caching.entry import CacheEntry
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.storage.namespace_paths import path_of

__all__ = ["AdoptedRows", "Adoption"]

_KEY = "gptcache-"


@dataclass(frozen=True, kw_only=True)
class Adoption:
    """Says which agent the answers are for that GPTCache stored by itself.

    GPTCache keeps no model, prompt, tools or tenant with an answer, so nothing can find out: whoever adopts
    them vouches that all of them, and those GPTCache stores from now on, are right for this one agent and
    this one tenant. Answers of a GPTCache session, other than text, or to more than text are left out.

    Args:
        namespace: The agent's namespace in the cache. ``list_namespaces`` names those in use.
        tenant: Whose they are, as in the cache's own settings; empty where those say nothing.
        corpus_version: Version of what they were drawn from; likewise.
        minutes: How long they are served, in minutes since GPTCache stored them; None for ever.

    Raises:
        ConfigurationError: If ``namespace`` is none, or ``minutes`` is not above zero.
    """

    namespace: tuple[str, ...]
    tenant: str = ""
    corpus_version: str = ""
    minutes: float | None = None

    def __post_init__(self) -> None:
        if not _is_namespace(self.namespace):
            raise ConfigurationError(
                "adopt.namespace",
                f"must be a namespace such as ('llmops_cache', '3f0c'), got {self.namespace!r}",
            )
        if self.minutes is not None and not self.minutes > 0:
            raise ConfigurationError("adopt.minutes", f"must be above zero or None, got {self.minutes!r}")


class AdoptedRows:
    """Reads GPTCache's own rows as items of the namespace they are adopted into.

    Args:
        rows: The tables.
        adoption: Whom they answer for.
    """

    def __init__(self, rows: GPTCacheRows, adoption: Adoption) -> None:
        self._rows = rows
        self._adoption = adoption
        self.path = path_of(adoption.namespace)

    def under(self, prefix: Sequence[str]) -> list[RowsOf]:
        """Return the adopted rows where they are in a namespace or below it."""
        inside = self._adoption.namespace[: len(prefix)] == tuple(prefix)
        return [ordinary_rows(self._rows, self._read)] if inside else []

    def named(self, namespace: Sequence[str], key: str) -> list[RowsOf]:
        """Return the adopted row of a name, where it is one's."""
        number = key.removeprefix(_KEY)
        if tuple(namespace) != self._adoption.namespace or key == number or not number.isdecimal():
            return []
        return [ordinary_rows(self._rows, self._read, self._rows.question.id == int(number))]

    def _read(self, row: Any) -> ItemRow:
        created_at = row.create_on.astimezone(UTC)  # GPTCache writes local time, without a zone
        minutes = self._adoption.minutes
        entry = CacheEntry(
            question=row.question,
            reply=(AIMessage(row.answer),),
            usage=None,
            tenant=self._adoption.tenant,
            corpus_version=self._adoption.corpus_version,
            created_at=created_at.timestamp(),
            expires_at=None if minutes is None else created_at.timestamp() + 60 * minutes,
        )
        return ItemRow(
            id=row.id,
            namespace=self._adoption.namespace,
            key=f"{_KEY}{row.id}",
            value=entry.to_value(),
            created_at=created_at,
            updated_at=created_at,
            vector=row.embedding_data or b"",
        )


def _is_namespace(namespace: Any) -> bool:
    try:
        return not isinstance(namespace, str) and bool(path_of(namespace))
    except (TypeError, ValueError):
        return False
