"""Items as rows of GPTCache's SQLite tables, which GPTCache itself reads on as its own.

An item is a question with a dependency (``QuestionDep``) that GPTCache keeps and deletes with it: its name
is the item's namespace and key, its data the item's value. The answer beside it is the reply's text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from langgraph.store.base import Item, SearchItem
from sqlalchemy import Index, Select, and_, delete, exists, func, select
from sqlalchemy.schema import CreateIndex

from llmops_plugins.storage.namespace_paths import namespace_of, path_of, path_range

__all__ = ["GPTCacheRows", "ItemRow", "RowsOf", "ordinary_rows"]

_MARK = "llmops:"
_IDS_A_STATEMENT = 500


@dataclass(frozen=True, kw_only=True)
class ItemRow:
    """An item and the row it is in.

    Args:
        id: The question's id, by which GPTCache's index of vectors knows it.
        namespace: The item's namespace.
        key: The item's key.
        value: The item's value.
        created_at: When the item was made.
        updated_at: When its value was put.
        vector: Its question's embedding, float32; empty for an item that is not searched for.
    """

    id: int
    namespace: tuple[str, ...]
    key: str
    value: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    vector: bytes

    def item(self) -> Item:
        """Return the item as a store hands it out."""
        return Item(
            value=self.value,
            key=self.key,
            namespace=self.namespace,
            created_at=self.created_at,
            updated_at=self.updated_at,
        )

    def search_item(self, score: float | None = None) -> SearchItem:
        """Return the item as a search hands it out."""
        return SearchItem(self.namespace, self.key, self.value, self.created_at, self.updated_at, score=score)


@dataclass(frozen=True, kw_only=True)
class RowsOf:
    """Some of the rows, and how to read an item from one.

    Args:
        statement: Selects them: ``id``, ``embedding_data`` and what ``read`` needs.
        read: Makes an item of what was selected.
    """

    statement: Select[Any]
    read: Callable[[Any], ItemRow | None]


class GPTCacheRows:
    """Finds, writes and deletes items in the tables of a GPTCache scalar store.

    Args:
        storage: GPTCache's ``SQLStorage``, on SQLite.
    """

    def __init__(self, storage: Any) -> None:
        # GPTCache 0.1.44 has no public names for its tables, and the extra is pinned to it.
        self.engine = storage._engine
        self.question = storage._ques.__table__.c
        self.answer = storage._answer.__table__.c
        self.part = storage._ques_dep.__table__.c
        self.session = storage._session.__table__.c
        self._create_indexes()

    def part_of(
        self, namespace: Sequence[str], key: str, value: Mapping[str, Any], created_at: datetime | None
    ) -> tuple[str, str]:
        """Return name and data of the dependency that holds an item.

        Args:
            namespace: The item's namespace.
            key: The item's key.
            value: The item's value.
            created_at: When it was made; None for now.
        """
        now = datetime.now(UTC)
        data = {
            "created_at": (created_at or now).isoformat(),
            "updated_at": now.isoformat(),
            "value": dict(value),
        }
        return _name(namespace, key), json.dumps(data)

    def under(self, prefix: Sequence[str]) -> RowsOf:
        """Return the items of a namespace and of those below it, in the order they were put."""
        first, after = path_range(prefix)
        return self._items(self.part.dep_name >= _MARK + first, self.part.dep_name < _MARK + after)

    def named(self, namespace: Sequence[str], key: str) -> RowsOf:
        """Return the item of a name; more than one only where a put was broken off, the newest last."""
        return self._items(self.part.dep_name == _name(namespace, key))

    def select(self, rows: RowsOf, ids: Iterable[int] | None = None) -> Iterator[ItemRow]:
        """Yield items, all of them or those with certain ids."""
        statements = [rows.statement]
        if ids is not None:
            wanted = list(ids)
            statements = [
                rows.statement.where(self.question.id.in_(wanted[start : start + _IDS_A_STATEMENT]))
                for start in range(0, len(wanted), _IDS_A_STATEMENT)
            ]
        with self.engine.connect() as connection:
            for statement in statements:
                for row in connection.execution_options(yield_per=200).execute(statement):
                    item = rows.read(row)
                    if item is not None:
                        yield item

    def page(self, rows: RowsOf, offset: int, limit: int) -> list[ItemRow]:
        """Return items of one page."""
        some = replace(rows, statement=rows.statement.offset(offset).limit(limit))
        return list(self.select(some))

    def count(self, rows: RowsOf, limit: int | None = None) -> int:
        """Return how many items there are, counting no further than ``limit``."""
        ids = rows.statement.with_only_columns(self.question.id, maintain_column_froms=True).order_by(None)
        with self.engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(ids.limit(limit).subquery())) or 0

    def vectors(self, rows: RowsOf, limit: int) -> list[tuple[int, bytes]] | None:
        """Return ids and vectors of items that have one, or None where more than ``limit`` items are."""
        if self.count(rows, limit + 1) > limit:
            return None
        with self.engine.connect() as connection:
            found = connection.execute(
                rows.statement.with_only_columns(
                    self.question.id, self.question.embedding_data, maintain_column_froms=True
                )
            )
            return [(id, vector) for id, vector in found if vector]

    def all_vectors(self) -> Iterator[tuple[int, bytes]]:
        """Yield id and vector of every row that GPTCache may find, its own rows included."""
        statement = select(self.question.id, self.question.embedding_data).where(
            self.question.deleted == 0, func.length(self.question.embedding_data) > 0
        )
        with self.engine.connect() as connection:
            for row in connection.execution_options(yield_per=1000).execute(statement):
                yield row.id, row.embedding_data

    def paths(self) -> list[str]:
        """Return the namespaces that hold items, as paths."""
        name = self.part.dep_name
        path = func.substr(name, len(_MARK) + 1, func.instr(name, "..") - len(_MARK))
        statement = select(path).distinct().join_from(self.part.id.table, self.question.id.table, self._whole)
        with self.engine.connect() as connection:
            return list(
                connection.scalars(statement.where(name.startswith(_MARK), self.question.deleted == 0))
            )

    def delete(self, ids: Sequence[int]) -> None:
        """Delete rows and all that belongs to them."""
        columns = (self.part.question_id, self.answer.question_id, self.session.question_id, self.question.id)
        with self.engine.begin() as connection:
            for column in columns:
                connection.execute(delete(column.table).where(column.in_(ids)))

    @property
    def _whole(self) -> Any:
        return self.part.question_id == self.question.id

    def _items(self, *conditions: Any) -> RowsOf:
        statement = (
            select(self.question.id, self.question.embedding_data, self.part.dep_name, self.part.dep_data)
            .join_from(self.part.id.table, self.question.id.table, self._whole)
            .where(self.question.deleted == 0, *conditions)
            .order_by(self.question.id)
        )
        return RowsOf(statement=statement, read=_read_item)

    def _create_indexes(self) -> None:
        # Without them GPTCache reads whole tables for the answers to one question, and so would a get. The
        # last one lists rows without their vectors; SQLite would prefer one on `deleted` to better ones.
        indexed = (
            (self.part.dep_name,),
            (self.part.question_id,),
            (self.answer.question_id,),
            (self.session.question_id,),
            (self.question.create_on, self.question.deleted),
        )
        with self.engine.begin() as connection:
            for columns in indexed:
                table = columns[0].table
                index = Index(f"llmops_{table.name}_{columns[0].name}", *columns)
                connection.execute(CreateIndex(index, if_not_exists=True))
                table.indexes.discard(index)


def ordinary_rows(rows: GPTCacheRows, read: Callable[[Any], ItemRow | None], *conditions: Any) -> RowsOf:
    """Return the rows that GPTCache's own users made: a question of text alone, answered by text.

    Rows with dependencies ask more than their text says, and those of a session may be nobody else's: neither
    is among them.

    Args:
        rows: The tables.
        read: Makes an item of ``id``, ``embedding_data``, ``question``, ``answer`` and ``create_on``.
        conditions: Which of them.
    """
    question, answer = rows.question, rows.answer
    of_row = answer.question_id == question.id
    first = select(func.min(answer.id)).where(of_row).correlate(question.id.table).scalar_subquery()
    statement = (
        select(question.id, question.embedding_data, question.question, answer.answer, question.create_on)
        .join_from(question.id.table, answer.id.table, and_(answer.id == first, answer.answer_type == 0))
        .where(
            question.deleted == 0,
            ~exists().where(rows.part.question_id == question.id),
            ~exists().where(rows.session.question_id == question.id),
            *conditions,
        )
        .order_by(question.id)
    )
    return RowsOf(statement=statement, read=read)


def _name(namespace: Sequence[str], key: str) -> str:
    # No label is empty, so the first two periods in a row are where the namespace ends.
    return f"{_MARK}{path_of(namespace)}.{key}"


def _read_item(row: Any) -> ItemRow | None:
    path, _, key = row.dep_name.removeprefix(_MARK).partition("..")
    try:
        data = json.loads(row.dep_data)
        return ItemRow(
            id=row.id,
            namespace=namespace_of(path + "."),
            key=key,
            value=data["value"],
            created_at=datetime.fromisoformat(data["created_at"]),
            updated_at=datetime.fromisoformat(data["updated_at"]),
            vector=row.embedding_data or b"",
        )
    except (KeyError, TypeError, ValueError):
        return None  # what somebody else wrote under our name is no item
