"""What answers in a replay: the built-in agent with tiers or a policy, or the user's own graph."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel

from llmops_plugins.backtest.answering import Agent, BuildAgent
from llmops_plugins.backtest.graph_replay import load_graph
from llmops_plugins.backtest.recorded_models import RecordedModels, without_repeated_prompts
from llmops_plugins.backtest.tiers import parse_tiers
from llmops_plugins.cascade.middleware import CascadeMiddleware
from llmops_plugins.cascade.policy import CascadePolicy
from llmops_plugins.errors import UnknownModelError
from llmops_plugins.records.reading import Records
from llmops_plugins.verification.agreement import Agreement

__all__ = ["ReplayPlan", "graph_plan", "policy_plan", "tiers_plan"]


@dataclass(frozen=True, kw_only=True)
class ReplayPlan:
    """An agent to replay records through.

    Args:
        field: The setting it comes from, for errors.
        build: Makes it of the records' models.
        models: The models that have to have answered every row.
        tiers: The cascade's tiers; none where a user's graph decides.
        policy: The policy it follows, if it does.
    """

    field: str
    build: BuildAgent
    models: Sequence[str]
    tiers: list[list[str]]
    policy: CascadePolicy | None = None


def tiers_plan(text: str, records: Records) -> ReplayPlan:
    """Return the built-in agent with tiers as written on a command line.

    Raises:
        ConfigurationError: If they make no cascade of the records' models.
    """
    tiers = parse_tiers(text, records)

    def build(models: Mapping[str, BaseChatModel]) -> Agent:
        cascade = CascadeMiddleware(
            tiers=[[models[model] for model in tier] for tier in tiers], verify=Agreement()
        )
        agent: Agent = create_agent(models[tiers[-1][0]], tools=[], middleware=[cascade])
        return agent

    return ReplayPlan(field="tiers", build=build, models=[one for tier in tiers for one in tier], tiers=tiers)


def policy_plan(policy: CascadePolicy, records: Records, field: str) -> ReplayPlan:
    """Return the built-in agent with a calibrated policy.

    Args:
        policy: The policy. One without stages is its last model alone.
        records: What it is to answer.
        field: The setting that the policy comes from, for errors.

    Raises:
        UnknownModelError: If the records hold no answers of a model that it asks.
    """
    unknown = sorted(set(policy.models) - set(records.models))
    if unknown:
        raise UnknownModelError(
            field,
            f"asks {', '.join(unknown)}, of which {records.source} has no answers; calibrate on its like",
        )

    def build(models: Mapping[str, BaseChatModel]) -> Agent:
        # Asking the reference again is for production: here it would only add to the bill.
        cascade = [CascadeMiddleware(policy=policy, models=models, recheck_share=0.0)]
        middleware = cascade if policy.is_cascade else []
        agent: Agent = create_agent(models[policy.last], tools=[], middleware=middleware)
        return agent

    tiers = [*(list(stage.ask) for stage in policy.stages), [policy.last]]
    return ReplayPlan(field=field, build=build, models=policy.models, tiers=tiers, policy=policy)


def graph_plan(path: str, records: Records, runner: asyncio.Runner) -> ReplayPlan:
    """Return the graph that a function of the user's makes, called once to see which models it asks for.

    Args:
        path: Where the function is.
        records: What it is to answer.
        runner: Runs a graph that is async only.

    Raises:
        ConfigurationError: If there is no such function, or it fails.
    """
    build = load_graph(path, runner)
    models = RecordedModels(next(without_repeated_prompts(records.rows)), "graph")
    build(models)
    return ReplayPlan(field="graph", build=build, models=models.asked_for, tiers=[])
