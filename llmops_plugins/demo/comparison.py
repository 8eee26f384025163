"""Runs the support agent as it is and with the plugins, on the same requests, for two bills to compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import Runnable
from langgraph.errors import GraphRecursionError

from llmops_plugins.accounting.ledger import CostLedger
from llmops_plugins.accounting.report import CostReport, DecisionRow
from llmops_plugins.accounting.trace import Trace
from llmops_plugins.cascade.middleware import CascadeMiddleware
from llmops_plugins.demo.agent import build_support_agent
from llmops_plugins.demo.cache import Served, count_served, open_cache_store, support_cache
from llmops_plugins.demo.grading import SupportRequest, Variant, grade, load_requests
from llmops_plugins.demo.models import DemoModels
from llmops_plugins.demo.shop import open_shop
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.verification.first_applicable import FirstApplicable
from llmops_plugins.verification.predicate import Predicate
from llmops_plugins.verification.tool_calls import ValidToolCalls

__all__ = ["Bill", "Comparison", "compare", "support_cascade"]

Progress = Callable[[int, int], None]

_MAX_STEPS = 40
"""Far more than any request needs; an agent's own limit is in the thousands, and a real model may loop."""

_HEDGES = (
    "not sure",
    "not certain",
    "cannot say",
    "can't say",
    "unable to",
    "wasn't able to",
    "i don't know",
)


@dataclass(frozen=True, kw_only=True)
class Bill:
    """One run over all requests.

    Args:
        accuracy: Share of the requests answered right.
        report: The ledger's report, by model and kind.
    """

    accuracy: float
    report: CostReport

    def to_dict(self) -> dict[str, Any]:
        """Return the ledger's totals and the accuracy as plain data."""
        return {**asdict(self.report.totals), "accuracy": self.accuracy}


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Both runs.

    Args:
        simulated: Whether the models were simulated.
        requests: How many requests each run answered.
        baseline: The agent as it is, on the strong model.
        plugins: The agent with the cache and the cascade.
        served: What the cache answered, for each sort of request.
        savings: What each sort of decision saved, net, in USD; None where a price is missing. Measured and
            estimated savings are never in one figure.
        trace: The answer that took most calls.
    """

    simulated: bool
    requests: int
    baseline: Bill
    plugins: Bill
    served: Mapping[Variant, Served]
    savings: dict[str, float | None]
    trace: Trace

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain JSON-compatible data."""
        return {
            "simulated": self.simulated,
            "requests": self.requests,
            "baseline": self.baseline.to_dict(),
            "plugins": self.plugins.to_dict(),
            "served": {variant: asdict(one) for variant, one in self.served.items()},
            "savings": self.savings,
        }


def support_cascade(models: DemoModels) -> CascadeMiddleware:
    """Return the cascade the demo adds: the small model's tool calls must be valid, its answers definite."""
    verify = FirstApplicable(ValidToolCalls(), Predicate(_is_definite, name="definite answer"))
    return CascadeMiddleware(tiers=[models.cheap, models.strong], verify=verify)


def compare(models: DemoModels, *, limit: int | None = None, progress: Progress | None = None) -> Comparison:
    """Answer every request twice.

    Args:
        models: The models to use.
        limit: Answer only so many requests.
        progress: Told how many answers have come, and how many will.

    Raises:
        ConfigurationError: If a model fails; the message says how.
    """
    requests = load_requests()[:limit]
    counter = _Counter(2 * len(requests), progress)
    baseline = _run(models, requests, [], counter)
    with closing(open_cache_store()) as store:
        # First, so that a hit asks no tier; answers are kept apart by the agent's own model.
        plugins = _run(models, requests, [support_cache(store), support_cascade(models)], counter)
    return Comparison(
        simulated=models.simulated,
        requests=len(requests),
        baseline=baseline.bill,
        plugins=plugins.bill,
        served=count_served(plugins.answers),
        savings=_savings(plugins.bill.report.decisions),
        trace=plugins.trace,
    )


def _savings(decisions: Sequence[DecisionRow]) -> dict[str, float | None]:
    savings: dict[str, float | None] = {}
    for row in decisions:
        if row.spent_usd == 0 and row.saved_usd == 0:  # a miss took nothing and spared nothing
            continue
        name = f"{row.capability} {row.outcome}"
        savings[f"{name} ({row.saved_basis})" if name in savings else name] = row.saved_usd
    return savings


def _is_definite(message: AIMessage) -> bool:
    text = message.text.casefold()
    return bool(text.strip()) and not any(hedge in text for hedge in _HEDGES)


class _Counter:
    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total, self._progress, self._done = total, progress, 0

    def step(self) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._total)


@dataclass(frozen=True, kw_only=True)
class _Run:
    bill: Bill
    answers: list[tuple[Variant, str | None, bool]]
    trace: Trace


def _run(
    models: DemoModels,
    requests: Sequence[SupportRequest],
    middleware: Sequence[AgentMiddleware[Any, Any]],
    counter: _Counter,
) -> _Run:
    answers: list[tuple[Variant, str | None, bool]] = []
    with closing(open_shop()) as shop, closing(CostLedger("sqlite://", registry=models.registry)) as ledger:
        agent = build_support_agent(models.strong, shop, middleware).with_config(callbacks=[ledger])
        for request in requests:
            answer = _answer(agent, request)
            right = grade(answer.text, request.must_contain)
            answers.append((request.variant, answer.response_metadata.get("llmops_cache"), right))
            counter.step()
        accuracy = sum(right for _, _, right in answers) / len(answers)
        bill = Bill(accuracy=accuracy, report=ledger.report(by=["model", "kind"]))
        return _Run(bill=bill, answers=answers, trace=_telling_trace(ledger))


def _answer(agent: Runnable[Any, Any], request: SupportRequest) -> BaseMessage:
    try:
        output = agent.invoke({"messages": [("user", request.text)]}, {"recursion_limit": _MAX_STEPS})
    except GraphRecursionError:  # the model never stops calling tools: it has no answer
        return AIMessage("")
    except Exception as error:
        raise ConfigurationError(
            "model",
            f"failed on request {request.id} ({type(error).__name__}: {error}), check name, key and server",
        ) from error
    answer: BaseMessage = output["messages"][-1]
    return answer


def _telling_trace(ledger: CostLedger) -> Trace:
    """Return the trace with the most calls: it shows what a cascade does when the cheap model fails."""
    rows = ledger.report(by=["trace"]).rows
    return ledger.trace(max(rows, key=lambda row: row.calls).key["trace"])
