"""Recorded outcomes of experts' calls, in any LangGraph store: what the choice between them learns from."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from langgraph.store.base import BaseStore, GetOp, Item, PutOp, SearchOp
from langgraph.store.memory import InMemoryStore

from llmops_plugins.effects import Flow, StoreOps
from llmops_plugins.planning.execution.assignment import Assignment
from llmops_plugins.planning.execution.task_outcome import TaskOutcome
from llmops_plugins.planning.experts.standing import WINDOW, Outcome, Row, Standing, standing
from llmops_plugins.setting_checks import check_instance, check_seconds

__all__ = ["ExpertOutcomes", "Standings", "call_outcomes"]

Standings: TypeAlias = Mapping[tuple[str, str], Standing]
"""How experts fare, by expert and kind; who is missing is untried."""

_ROOT = ("llmops", "planning", "outcomes")
_MOST_EXPERTS = 1_000
_DAY_S = 86_400.0


class ExpertOutcomes:
    """The latest outcomes of each expert with each kind of task, a tenant's apart from another's.

    Of two processes that note an outcome of the same expert at the same moment one may be lost: they are
    counted, not accounted for.

    Args:
        store: Any LangGraph store; None keeps them in memory.
        lifetime_days: Days an outcome counts, after which an expert that nobody dared ask is as good as new.
        clock: Seconds since 1970.

    Raises:
        ConfigurationError: If outcomes would never or always count.
    """

    def __init__(
        self,
        store: BaseStore | None = None,
        *,
        lifetime_days: float = 7.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if store is not None:
            check_instance("store", store, BaseStore, "a LangGraph store, or None for one in memory")
        check_seconds("lifetime_days", lifetime_days, "days")
        check_instance("clock", clock, Callable, "a function that gives seconds")  # type: ignore[arg-type] # mypy takes no abstract class
        self._store = InMemoryStore() if store is None else store
        self._lifetime_s = lifetime_days * _DAY_S
        self._clock = clock

    def standings_flow(self, tenant: str, kinds: Iterable[str]) -> Flow[Standings]:
        """Read how experts fare with tasks of some kinds.

        Args:
            tenant: Whose tasks.
            kinds: The kinds.

        Returns:
            The standings of all experts that were asked of late.
        """
        wanted = list(dict.fromkeys(kinds))
        searches = [SearchOp(_place(tenant, kind), limit=_MOST_EXPERTS) for kind in wanted]
        found = yield StoreOps(self._store, searches)
        read: dict[tuple[str, str], Standing] = {}
        for kind, items in zip(wanted, found, strict=True):
            for item in items:
                rows = self._latest(item)
                if rows:
                    read[item.value["expert"], kind] = standing(rows)
        return read

    def record_flow(self, tenant: str, outcomes: Sequence[Outcome]) -> Flow[None]:
        """Note how calls ended.

        Args:
            tenant: For whose tasks they were made.
            outcomes: The outcomes, the oldest first.
        """
        added: dict[tuple[str, str], list[Row]] = {}
        for outcome in outcomes:
            added.setdefault((outcome.expert, outcome.kind), []).append(outcome.row)
        if not added:
            return
        places = [(_place(tenant, kind), _hashed(expert)) for expert, kind in added]
        items = yield StoreOps(self._store, [GetOp(*place) for place in places])
        puts = [
            PutOp(*place, _value(expert, [*self._latest(item), *new]), index=False)
            for place, item, ((expert, _), new) in zip(places, items, added.items(), strict=True)
        ]
        yield StoreOps(self._store, puts)

    def now(self) -> float:
        """Return the time, in seconds since 1970, as outcomes carry it."""
        return self._clock()

    def _latest(self, item: Item | None) -> list[Row]:
        return [] if item is None else _rows(item, since=self._clock() - self._lifetime_s)


def call_outcomes(
    assignment: Assignment, outcome: TaskOutcome, *, at: float, costs: Mapping[str, float] | None = None
) -> list[Outcome]:
    """Return the outcomes of the calls that were made for a task, the failed ones before the last included.

    Args:
        assignment: Who was to do the task.
        outcome: How it ended. One that was cancelled, or for which nobody was asked, says nothing.
        at: When, in seconds since 1970.
        costs: USD that the calls of an expert cost together, by its name, as far as they are known.
    """
    if (
        outcome.attempts < 1
        or outcome.expert is None
        or outcome.status not in ("succeeded", "failed", "defaulted")
    ):
        return []
    by_fallback = outcome.expert != assignment.expert
    first = [assignment.expert] * (outcome.attempts - 1) if by_fallback else []
    asked = [*first, outcome.expert] if by_fallback else [outcome.expert] * outcome.attempts
    last = len(asked) - 1
    return [
        Outcome(
            expert=expert,
            kind=assignment.task.kind,
            succeeded=number == last and outcome.status == "succeeded",
            at=at,
            cost_usd=None if expert not in (costs or {}) else (costs or {})[expert] / asked.count(expert),
            seconds=outcome.seconds if last == 0 else None,
        )
        for number, expert in enumerate(asked)
    ]


def _place(tenant: str, kind: str) -> tuple[str, ...]:
    return (*_ROOT, _hashed(tenant), _hashed(kind))


def _hashed(name: str) -> str:
    """Return a name for a store: tenants may be e-mail addresses, and namespaces take no periods."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _value(expert: str, rows: Sequence[Row]) -> dict[str, Any]:
    return {"expert": expert, "outcomes": [list(row) for row in rows[-WINDOW:]]}


def _rows(item: Item, since: float) -> list[Row]:
    """Return what an item holds; anybody may write to a store, so what is none is passed over."""
    rows = item.value.get("outcomes")
    if not isinstance(item.value.get("expert"), str) or not isinstance(rows, list):
        return []
    return [row for row in map(_row, rows[-WINDOW:]) if row is not None and row[0] >= since]


def _row(row: Any) -> Row | None:
    if not isinstance(row, list | tuple) or len(row) != 4:
        return None
    at, succeeded, cost, seconds = row
    if not _is_amount(at) or type(succeeded) is not bool:
        return None
    known = (cost is None or _is_amount(cost)) and (seconds is None or _is_amount(seconds))
    return (at, succeeded, cost, seconds) if known else None


def _is_amount(value: Any) -> bool:
    return (type(value) is float or type(value) is int) and 0 <= value < math.inf
