"""Reads sums out of the ledger's tables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, String, Table, and_, case, func, or_, select, true
from sqlalchemy.exc import SQLAlchemyError

from llmops_plugins.storage.database import CALLS, DECISIONS, LOSSES, require_tables, unavailable

__all__ = ["LedgerQueries"]

_PAGE = 1_000
_SENT = CALLS.c.status != "refused"
_UNPRICED = and_(CALLS.c.cost_usd.is_(None), CALLS.c.usage_source != "none")
_FINISHED = CALLS.c.status.in_(("ok", "aborted"))
# What embeddings use no provider reports, so they would say nothing of how much is known of models.
_FINISHED_BY_MODEL = and_(_FINISHED, CALLS.c.kind != "embed")
_WITHOUT_USAGE = and_(CALLS.c.status == "ok", CALLS.c.usage_source == "none")
# A call that failed before it used anything cost nothing, and that is known.
_COST_UNKNOWN = and_(CALLS.c.cost_usd.is_(None), or_(CALLS.c.usage_source != "none", CALLS.c.status == "ok"))


class LedgerQueries:
    """Queries over one selection of a ledger.

    Args:
        engine: The database.
        since: Only what happened from then on.
        thread: Only this conversation.
    """

    def __init__(self, engine: Engine, *, since: datetime | None = None, thread: str | None = None) -> None:
        self._engine = engine
        self._since = since
        self._thread = thread

    def grouped(self, by: Mapping[str, str | None]) -> list[dict[str, Any]]:
        """Return sums for each group of calls, the dearest first.

        Args:
            by: Column of each name to group by; None takes the name for a key of the user's metadata.
        """
        keys = [_key(name, column).label(f"key_{name}") for name, column in by.items()]
        query = self._of_calls(
            *keys,
            *_sums(),
            _count(CALLS.c.status != "ok").label("failed_calls"),
            func.avg(case((CALLS.c.status == "ok", CALLS.c.latency_seconds))).label("mean_latency_seconds"),
        ).group_by(*keys)
        rows = self._rows(query)
        for row in rows:
            del row["hidden_calls"]
        return sorted(rows, key=lambda row: (-(row["cost_usd"] or 0.0), -row["calls"]))

    def totals(self) -> dict[str, Any]:
        """Return sums over all calls."""
        query = self._of_calls(
            *_sums(),
            _count(_FINISHED_BY_MODEL).label("finished_calls"),
            _count(and_(_FINISHED_BY_MODEL, CALLS.c.usage_source == "reported")).label("reported_calls"),
        )
        return self._rows(query)[0]

    def decisions(self) -> list[dict[str, Any]]:
        """Return decisions by who decided what, in which mode and on which basis."""
        table = DECISIONS.c
        keys = (table.capability, table.outcome, table.mode, table.saved_basis)
        query = select(
            *keys,
            func.count().label("count"),
            func.sum(table.spent_usd).label("spent_usd"),
            func.sum(table.saved_usd).label("saved_usd"),
            _count(table.saved_usd.is_(None)).label("unpriced"),
        )
        return self._rows(self._selected(query, DECISIONS, table.at).group_by(*keys).order_by(*keys))

    def decided(self, capability: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the day in UTC and the details of each decision that a capability acted on, oldest first.

        They are read page by page, since a ledger may hold more than fit into memory.
        """
        table = DECISIONS.c
        day = func.date(table.at, type_=String).label("day")
        query = self._selected(
            select(table.at, table.decision_id, day, table.details), DECISIONS, table.at
        ).where(table.capability == capability, table.mode == "on")
        query = query.order_by(table.at, table.decision_id).limit(_PAGE)
        page = self._rows(query)
        while page:
            yield from ((str(row["day"]), row["details"] or {}) for row in page)
            at, decision_id = page[-1]["at"], page[-1]["decision_id"]
            later = or_(table.at > at, and_(table.at == at, table.decision_id > decision_id))
            page = self._rows(query.where(later)) if len(page) == _PAGE else []

    def rechecks(self) -> list[dict[str, Any]]:
        """Return how accepted answers came out that were asked again, by capability and by calibration.

        One calibration is told from another by its data and by what the details state of it; the one used
        last comes last.
        """
        table, stated = DECISIONS.c, ("bound", "accepted", "confidence")
        data = "data_fingerprint"
        outcomes = select(
            *(table.capability, table.outcome, table.at, table.spent_usd),
            *(table.details[name].as_float().label(name) for name in stated),
            table.details[data].as_string().label(data),
            table.details["differs"].as_boolean().label("differs"),
        ).where(table.outcome.in_(("rechecked", "bound_breached")))
        # Grouped by a subquery's columns, since PostgreSQL takes equal expressions with parameters for two.
        found = self._selected(outcomes, DECISIONS, table.at).subquery().c
        keys = (found.capability, *(found[name] for name in (data, *stated)))
        checked = found.outcome == "rechecked"
        spent, unpriced = case((checked, found.spent_usd)), and_(checked, found.spent_usd.is_(None))
        query = select(
            *keys,
            _count(checked).label("checked"),
            _count(and_(checked, found.differs)).label("differing"),
            _count(~checked).label("breaches"),
            func.max(case((~checked, found.at))).label("last_breach"),
            _known_sum(spent, unpriced).label("cost_usd"),
            _count(unpriced).label("unpriced"),
        )
        return self._rows(query.group_by(*keys).order_by(found.capability, func.max(found.at)))

    def input_parts(self, parts: Sequence[str]) -> dict[str, int]:
        """Return the tokens of all inputs by part; ``tools`` stands for all schemas together."""
        sums = [func.sum(CALLS.c.input_breakdown[part].as_integer()).label(part) for part in parts]
        billed = func.sum(CALLS.c.input_tokens).label("tools")
        query = self._of_calls(billed, *sums).where(
            CALLS.c.input_breakdown["billed"].as_boolean(), CALLS.c.usage_source == "reported"
        )
        found = {part: tokens or 0 for part, tokens in self._rows(query)[0].items()}
        found["tools"] -= sum(found[part] for part in parts)
        return {part: tokens for part, tokens in found.items() if tokens}

    def unpriced_models(self) -> list[str]:
        """Return the models of calls that nothing prices."""
        return self._models(_UNPRICED)

    def models_without_usage(self) -> list[str]:
        """Return the models of finished calls whose provider reported no usage."""
        return self._models(_WITHOUT_USAGE)

    def lost_calls(self) -> int:
        """Return how many calls could not be written while the database failed."""
        query = select(func.sum(LOSSES.c.calls).label("lost"))
        if self._since is not None:
            query = query.where(LOSSES.c.at >= self._since)
        return self._rows(query)[0]["lost"] or 0

    def trace_rows(self, trace_id: str | None) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return one trace's calls and decisions in order; the selection's latest trace without an id.

        Args:
            trace_id: The id, or how it begins.
        """
        latest = self._selected(select(CALLS.c.trace_id), CALLS, CALLS.c.started_at)
        latest = latest.order_by(CALLS.c.started_at.desc()).limit(1)
        if trace_id is not None:
            latest = latest.where(CALLS.c.trace_id.startswith(trace_id, autoescape=True))
        found = self._rows(latest)
        if not found:
            return [], []
        whole = found[0]["trace_id"]
        calls = select(CALLS).where(CALLS.c.trace_id == whole).order_by(CALLS.c.started_at)
        decisions = select(DECISIONS).where(DECISIONS.c.trace_id == whole).order_by(DECISIONS.c.at)
        return self._rows(calls), self._rows(decisions)

    def calls(self) -> list[dict[str, Any]]:
        """Return every call of the selection, oldest first."""
        return self._rows(
            self._selected(select(CALLS), CALLS, CALLS.c.started_at).order_by(CALLS.c.started_at)
        )

    def run_ids(self) -> set[str]:
        """Return the ids of every run on record: calls, and those that a decision made needless."""
        calls = self._rows(self._selected(select(CALLS.c.run_id), CALLS, CALLS.c.started_at))
        decisions = self._rows(self._selected(select(DECISIONS.c.run_id), DECISIONS, DECISIONS.c.at))
        return {row["run_id"] for row in (*calls, *decisions)}

    def _models(self, condition: ColumnElement[bool]) -> list[str]:
        rows = self._rows(self._of_calls(CALLS.c.model).where(condition).distinct().order_by(CALLS.c.model))
        return [row["model"] or "a model without a name" for row in rows]

    def _of_calls(self, *columns: Any) -> Select[Any]:
        return self._selected(select(*columns), CALLS, CALLS.c.started_at).where(_SENT)

    def _selected(self, query: Select[Any], table: Table, at: ColumnElement[Any]) -> Select[Any]:
        if self._since is not None:
            query = query.where(at >= self._since)
        if self._thread is not None:
            query = query.where(table.c.thread_id == self._thread)
        return query

    def _rows(self, query: Select[Any]) -> list[dict[str, Any]]:
        require_tables(self._engine)
        try:
            with self._engine.connect() as connection:
                return [dict(row) for row in connection.execute(query).mappings()]
        except SQLAlchemyError as error:
            raise unavailable(self._engine, "read", error) from error


def _key(name: str, column: str | None) -> ColumnElement[Any]:
    key: ColumnElement[Any]
    if column is None:
        # Written as JSON, as the stored keys are: SQLite compares the two without unescaping either.
        key = CALLS.c.user_metadata[json.dumps(name)[1:-1]].as_string()
    elif name == "day":
        key = func.date(CALLS.c[column], type_=String)
    else:
        key = CALLS.c[column]
    return key


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _sums() -> list[ColumnElement[Any]]:
    return [
        func.count().label("calls"),
        func.coalesce(func.sum(CALLS.c.input_tokens), 0).label("input_tokens"),
        func.coalesce(func.sum(CALLS.c.output_tokens), 0).label("output_tokens"),
        func.coalesce(func.sum(CALLS.c.resent_tokens), 0).label("resent_tokens"),
        _cost(true()).label("cost_usd"),
        _count(CALLS.c.hidden).label("hidden_calls"),
        _cost(CALLS.c.hidden).label("hidden_cost_usd"),
        _count(_UNPRICED).label("unpriced_calls"),
        _count(_WITHOUT_USAGE).label("calls_without_usage"),
    ]


def _cost(among: ColumnElement[bool]) -> ColumnElement[Any]:
    """Sum what the calls among a group cost."""
    return _known_sum(case((among, CALLS.c.cost_usd)), and_(among, _COST_UNKNOWN))


def _known_sum(known: ColumnElement[Any], unknown: ColumnElement[bool]) -> ColumnElement[Any]:
    """Sum known amounts; unknown ones alone make an unknown sum, none at all make zero."""
    nothing_known = and_(func.count(known) == 0, _count(unknown) > 0)
    return case((nothing_known, None), else_=func.coalesce(func.sum(known), 0.0))
