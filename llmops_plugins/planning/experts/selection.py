"""Who does a task: those that cannot are left out and the others ranked, before any model is asked.

HuggingGPT's model selection (Shen et al. 2023, https://arxiv.org/abs/2303.17580, section 3.2) ranks by
downloads and lets a model choose. Here the order is by what a success costs, given the recorded outcomes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from llmops_plugins.errors import LlmopsError
from llmops_plugins.planning.execution.assignment import Assignment
from llmops_plugins.planning.experts.expert import Expert
from llmops_plugins.planning.experts.kinds import misfit
from llmops_plugins.planning.experts.outcomes import Standings
from llmops_plugins.planning.experts.standing import WINDOW, Standing
from llmops_plugins.planning.plan.complaints import quoted
from llmops_plugins.planning.plan.plan import Task
from llmops_plugins.setting_checks import check_count, check_flag, check_number

__all__ = ["NoExpertError", "Selection", "SelectionRules", "select"]

_CHARACTERS_PER_TOKEN = 3
_UNTRIED = Standing()
_MOST_NAMED = 5


class NoExpertError(LlmopsError):
    """Nobody can do a task; says why of each who does its kind.

    Args:
        task_id: The task.
        kind: Its kind.
        reasons: Why not, by expert.
    """

    def __init__(self, task_id: str, kind: str, reasons: Mapping[str, str]) -> None:
        named = [f"{name} {reason}" for name, reason in list(reasons.items())[:_MOST_NAMED]]
        more = [f"and {len(reasons) - _MOST_NAMED} more"] if len(reasons) > _MOST_NAMED else []
        why = "; ".join([*named, *more]) or "nobody does that kind"
        super().__init__(f"no expert for task {quoted(task_id)} of kind {quoted(kind)}: {why}")
        self.task_id = task_id
        self.kind = kind
        self.reasons = dict(reasons)

    def __reduce__(self) -> tuple[type[NoExpertError], tuple[str, str, dict[str, str]]]:
        return type(self), (self.task_id, self.kind, self.reasons)


@dataclass(frozen=True, kw_only=True)
class SelectionRules:
    """How one expert is preferred to another.

    Args:
        minimum_success: Share of calls that must be relied on to give a result; who stays below is only asked
            where nobody reaches it.
        similar_price: How many times the lower of two prices the higher may be and still differ little.
        side_effects: Whether experts with side effects may be chosen.
        short_list: Most experts on the short list, among which a model chooses in doubt.

    Raises:
        ConfigurationError: If a number is out of its range.
    """

    minimum_success: float = 0.5
    similar_price: float = 1.25
    side_effects: bool = True
    short_list: int = 5

    def __post_init__(self) -> None:
        check_number("minimum_success", self.minimum_success, 0, 1, "a number from 0 to below 1")
        check_number("similar_price", self.similar_price, 1, math.inf, "a number from 1")
        check_flag("side_effects", self.side_effects)
        check_count("short_list", self.short_list, least=2, most=20)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Who is to do a task.

    Args:
        task: The task.
        expert: Who is asked.
        fallback: Who is asked once that one has failed, or None. Where the expert has side effects there is
            none, since one that failed may have had them; nobody who has them stands in for one who has not.
        reason: Why, in one sentence.
        ranked: The short list: the best who can do it, the best first.
        in_doubt: Whether the ranking alone does not say which of the best two is better.
    """

    task: Task
    expert: Expert
    fallback: Expert | None
    reason: str
    ranked: tuple[Expert, ...]
    in_doubt: bool

    @property
    def assignment(self) -> Assignment:
        """The task, given to the expert."""
        return Assignment(
            task=self.task,
            expert=self.expert.name,
            fallback=self.fallback.name if self.fallback is not None else None,
            side_effects=self.expert.side_effects,
            timeout_s=self.expert.timeout,
        )


def select(
    task: Task,
    experts: Sequence[Expert],
    *,
    standings: Standings | None = None,
    health: Callable[[str], str | None] | None = None,
    avoid: Collection[str] = (),
    rules: SelectionRules | None = None,
    prefer: Expert | None = None,
) -> Selection:
    """Return who is to do a task, without asking a model.

    Who cannot is left out: of another kind, with a schema that the arguments do not fit (what refers to
    another task's result counts as unknown), with less room than they take, unhealthy, or with side effects
    where none are allowed. The others are ranked by price for each success, which is the price of a call by
    the lower limit of the share that succeed; a price nobody knows comes after those that are known.

    Args:
        task: The task.
        experts: All experts, or those of its kind.
        standings: How they fare; who is missing is untried.
        health: Why an expert is not to be asked now, by its name, or None; everybody is healthy by default.
        avoid: Names of those that are only asked where nobody else is left, since they could not be reached.
        rules: How one is preferred to another.
        prefer: Who of the short list is asked, whatever the ranking.

    Raises:
        NoExpertError: If nobody can.
    """
    rules, known = rules or SelectionRules(), standings or {}
    of_kind = [one for one in experts if task.kind in one.kinds]
    scored = [
        _Scored(one, known.get((one.name, task.kind), _UNTRIED), rules, avoided=one.name in avoid)
        for one in of_kind
    ]
    check = _Check(task, health or (lambda name: None), rules)
    # Whether arguments fit is told slowly, so only those are asked that may be chosen.
    ranked = list(islice(filter(check, sorted(scored, key=lambda one: one.key)), rules.short_list))
    if not ranked:
        raise NoExpertError(task.id, task.kind, check.reasons)
    ranked = [one for one in ranked if not one.avoided] or ranked
    best = next((one for one in ranked if one.expert is prefer), ranked[0])
    others = (one for one in scored if one is not best and not one.expert.side_effects)
    safest = None if best.expert.side_effects else next(filter(check, sorted(others, key=_safest)), None)
    return Selection(
        task=task,
        expert=best.expert,
        fallback=None if safest is None else safest.expert,
        reason=_reason(best, len(of_kind)),
        ranked=tuple(one.expert for one in ranked),
        in_doubt=len(ranked) > 1 and _in_doubt(ranked[0], ranked[1], rules),
    )


class _Scored:
    """An expert, with what its place in the ranking is told from."""

    def __init__(self, expert: Expert, standing: Standing, rules: SelectionRules, *, avoided: bool) -> None:
        self.expert = expert
        self.avoided = avoided
        self.standing = standing
        self.lower = standing.lower
        self.price = expert.cost_usd if standing.cost_usd is None else standing.cost_usd
        self.per_success = math.inf if self.price is None else self.price / self.lower
        self.reliable = self.lower >= rules.minimum_success
        self.seconds = _first_known(standing.seconds, expert.latency_seconds)

    @property
    def key(self) -> tuple[float | str, ...]:
        by_price, by_success = self.per_success, -self.lower
        order = (by_price, by_success) if self.reliable else (by_success, by_price)
        return (self.avoided, not self.reliable, *order, self.seconds, self.expert.name)


class _Check:
    """Tells who can do a task, and keeps why the others cannot."""

    def __init__(self, task: Task, health: Callable[[str], str | None], rules: SelectionRules) -> None:
        self.reasons: dict[str, str] = {}
        self._task = task
        self._health = health
        self._rules = rules
        text = json.dumps(task.arguments, ensure_ascii=False, default=str)
        self._tokens = math.ceil(len(text) / _CHARACTERS_PER_TOKEN)
        self._fits: dict[str, str | None] = {}

    def __call__(self, one: _Scored) -> bool:
        reason = next(self._obstacles(one.expert), None)
        if reason is not None:
            self.reasons[one.expert.name] = reason
        return reason is None

    def _obstacles(self, expert: Expert) -> Iterator[str]:
        """Yield why an expert cannot do the task, what is quickly told first."""
        if expert.side_effects and not self._rules.side_effects:
            yield "has side effects, and none are allowed"
        room = expert.max_input_tokens
        if room is not None and self._tokens > room:
            yield f"can be given {room} tokens, and the arguments are some {self._tokens}"
        problem = self._health(expert.name)
        if problem is not None:
            yield problem
        if expert.schema_text not in self._fits:  # experts often take the same
            self._fits[expert.schema_text] = misfit(expert, self._task)
        unfit = self._fits[expert.schema_text]
        if unfit is not None:
            yield f"does not take its arguments: {unfit[0].lower()}{unfit[1:].rstrip('.')}"


def _safest(one: _Scored) -> tuple[float | str, ...]:
    """Return what the others are sorted by, who is likeliest to succeed where the best has failed first."""
    return (one.avoided, -one.lower, one.per_success, one.seconds, one.expert.name)


def _in_doubt(best: _Scored, second: _Scored, rules: SelectionRules) -> bool:
    """Tell whether a model may know better than the ranking.

    It may not where one of the two is well known: it would be asked again and again, and cost more than it
    could save.
    """
    trials = (best.standing.trials, second.standing.trials)
    if not second.reliable or max(trials) >= WINDOW:
        return False
    overlap = second.standing.upper >= best.lower and best.standing.upper >= second.lower
    return overlap and (trials[0] == 0 or _is_similar(best.price, second.price, rules.similar_price))


def _is_similar(first: float | None, second: float | None, factor: float) -> bool:
    if first is None or second is None:
        return True
    return max(first, second) <= min(first, second) * factor


def _reason(best: _Scored, among: int) -> str:
    price = "an unknown price" if best.price is None else f"{best.price:.4g} USD a call"
    tried = f"{best.standing.successes} of {best.standing.trials} calls succeeded"
    record = tried if best.standing.trials else "untried"
    alone = ", though it could not be reached of late" if best.avoided else ""
    return f"{best.expert.name} is preferred among {among} at {price}, {record}{alone}."


def _first_known(*values: float | None) -> float:
    return next((value for value in values if value is not None), math.inf)
