"""Replays recorded answers through a real agent, and counts what that would have cost.

Every model becomes a :class:`~llmops_plugins.testing.ReplayChatModel`; a LangGraph agent with the cascade,
or the user's own graph, answers each prompt, and the ledger keeps the bill.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import nullcontext
from pathlib import Path

from llmops_plugins.backtest.answering import AgentRun, Progress, answer_all
from llmops_plugins.backtest.calibrating import CalibrationSettings, calibrated
from llmops_plugins.backtest.halves import HalvesOutcome, measure_halves
from llmops_plugins.backtest.private_loop import with_private_loop
from llmops_plugins.backtest.recorded_models import complete_rows
from llmops_plugins.backtest.replay_plan import ReplayPlan, graph_plan, policy_plan, tiers_plan
from llmops_plugins.backtest.replay_result import CascadeOutcome, ReplayResult
from llmops_plugins.backtest.replay_settings import ReplaySettings
from llmops_plugins.backtest.scoring.unrecorded import unrecorded_scorer
from llmops_plugins.backtest.user_module import importable
from llmops_plugins.bounds import mean_upper
from llmops_plugins.cascade.policy import CascadePolicy
from llmops_plugins.cascade.traffic import read_traffic
from llmops_plugins.errors import BoundNotMetError, ConfigurationError
from llmops_plugins.models.prices import PriceBook
from llmops_plugins.models.registry import ModelRegistry
from llmops_plugins.records.fingerprint import fingerprint
from llmops_plugins.records.reading import Records, read_records
from llmops_plugins.records.singles import Single, best_single, singles
from llmops_plugins.verification.answers import extract_answer

__all__ = ["replay"]


def replay(
    path: Path | str,
    *,
    registry: ModelRegistry | None = None,
    tiers: str | None = None,
    fit: Path | str | None = None,
    policy: CascadePolicy | Path | str | None = None,
    graph: str | None = None,
    score: str | None = None,
    halves: int | None = None,
    calibration: CalibrationSettings | None = None,
    skip_bad: bool = False,
    progress: Progress | None = None,
) -> ReplayResult:
    """Replay a file of recorded answers.

    At most one of ``tiers``, ``fit``, ``policy`` and ``graph`` says what answers them.

    Args:
        path: The records.
        registry: Prices of the models; lists of public prices go after it.
        tiers: Tiers as written on a command line, for example ``"small+medium,large"``.
        fit: Other records to calibrate a policy on; with ``halves`` they may be the same.
        policy: A policy, or the file it was saved to.
        graph: A function, ``module:function``, that makes the user's own graph of models by name.
        score: With ``graph``: how to score an answer that no model's record holds, as
            :func:`~llmops_plugins.backtest.scoring.parsing.parse_scorer` reads it.
        halves: How many random halves of the records to calibrate on and measure on the other.
        calibration: What to calibrate for.
        skip_bad: Leave out rows that cannot be used instead of refusing the file.
        progress: Told how far it has come.

    Raises:
        ConfigurationError: If a setting is wrong.
        RecordError: If a row cannot be used and ``skip_bad`` is off.
        BoundNotMetError: If no policy fitted on ``fit`` can be shown to keep ``max_risk``.
    """
    settings = ReplaySettings(
        tiers=tiers,
        fit=fit,
        policy=policy,
        graph=graph,
        score=score,
        halves=halves,
        calibration=calibration or CalibrationSettings(),
        skip_bad=skip_bad,
    )
    # What the user's graph and scorer call imports too, so their folders are searched until the end.
    used = [named for named in (graph, score) if named is not None]
    with importable(*used) if used else nullcontext():
        return with_private_loop(lambda runner: _Replay(path, settings, registry, progress, runner).result())


class _Replay:
    """One replay, whose notes gather on the way."""

    def __init__(
        self,
        path: Path | str,
        settings: ReplaySettings,
        registry: ModelRegistry | None,
        progress: Progress | None,
        runner: asyncio.Runner,
    ) -> None:
        self._path, self._settings, self._registry, self._progress = path, settings, registry, progress
        self._runner = runner
        self._prices = PriceBook(registry)
        self._notes: list[str] = []

    def result(self) -> ReplayResult:
        settings = self._settings
        # The scorer is built first: its mistakes show before anything long has begun.
        scorer = unrecorded_scorer(settings.score) if settings.score is not None else None
        records = read_records(self._path, skip_bad=settings.skip_bad)
        plan = self._plan(records)
        rows, left_out = records.rows, list(records.skipped)
        if plan is not None:
            rows, lacking = complete_rows(records, plan.models, field=plan.field, skip_bad=settings.skip_bad)
            left_out += lacking
        if left_out:
            self._notes.append(f"{len(left_out)} rows were skipped, the first: {left_out[0]}.")
        found = singles(rows, self._prices)
        best = best_single(found)
        self._notes += _notes(found, len(rows))
        run = None
        if plan is not None:
            run = answer_all(
                rows,
                plan.build,
                field=plan.field,
                registry=self._registry,
                scorer=scorer,
                progress=self._progress,
                runner=self._runner,
            )
        policy = plan.policy if plan is not None else self._policy_of_all(records)
        risk, risk_upper = self._risk(run, policy, best)
        return ReplayResult(
            questions=len(rows),
            singles=found,
            best_single=best,
            cascade=_outcome(run, plan.tiers, found[best]) if run is not None and plan is not None else None,
            graph=settings.graph,
            policy=policy,
            max_risk=_max_risk(settings, policy),
            risk=risk,
            risk_upper=risk_upper,
            halves=self._halves(records),
            notes=self._notes,
        )

    def _plan(self, records: Records) -> ReplayPlan | None:
        """Return what to replay the records through, if anything."""
        settings = self._settings
        if settings.tiers is not None:
            return tiers_plan(settings.tiers, records)
        if settings.graph is not None:
            return graph_plan(settings.graph, records, self._runner)
        if settings.policy is not None:
            given = settings.policy
            policy = given if isinstance(given, CascadePolicy) else CascadePolicy.load(given)
            return self._policy_plan(policy, records, "policy")
        if settings.fit is not None and not self._fits_itself():
            other = read_records(settings.fit, skip_bad=settings.skip_bad, field="fit")
            policy = calibrated(other, self._prices, settings.calibration, field="fit")
            return self._policy_plan(policy, records, "fit")
        if settings.halves is None:
            self._notes.append(
                "No cascade was replayed: give --tiers small+medium,large, or --fit RECORDS to calibrate one "
                "on, or --halves 20 to calibrate on halves of these."
            )
        return None

    def _fits_itself(self) -> bool:
        """Tell whether the records to calibrate on are the ones to replay, which takes halves."""
        fit = self._settings.fit
        if fit is None or Path(fit).resolve() != Path(self._path).resolve():
            return False
        if self._settings.halves is None:
            raise ConfigurationError(
                "fit",
                "must be other records than those replayed, or the figures lie; or add --halves 20",
            )
        return True

    def _policy_plan(self, policy: CascadePolicy, records: Records, field: str) -> ReplayPlan:
        if not policy.is_cascade:
            self._notes.append(
                f"No cascade is worth it by the policy: {policy.last} is best used alone, and its figures "
                "stand as the cascade's."
            )
        if policy.measured_on.fingerprint == fingerprint(records.rows):
            self._notes.append("The policy was calibrated on these very records, so its figures flatter it.")
        return policy_plan(policy, records, field)

    def _policy_of_all(self, records: Records) -> CascadePolicy | None:
        """With halves, return the policy that all records give, for use on the traffic to come."""
        if self._settings.halves is None:
            return None
        try:
            return calibrated(records, self._prices, self._settings.calibration, field="halves")
        except BoundNotMetError as error:
            self._notes.append(f"All records together give no policy: {error}.")
            return None

    def _halves(self, records: Records) -> HalvesOutcome | None:
        if self._settings.halves is None:
            return None
        traffic, left_out = read_traffic(records.rows, self._prices, extract_answer)
        self._notes += [f"{model} is left out of the halves: it {why}." for model, why in left_out.items()]
        return measure_halves(traffic, self._settings.halves, self._settings.calibration, self._progress)

    def _risk(
        self, run: AgentRun | None, policy: CascadePolicy | None, best: str
    ) -> tuple[float | None, float | None]:
        """Return the mean score lost against the best single model where any is, and its upper limit."""
        if run is None:
            return None, None
        reference = policy.last if policy is not None else best
        losses = [
            max(0.0, answered.row.responses[reference].score - answered.score)
            for answered in run.answers
            if reference in answered.row.responses
        ]
        if len(losses) < len(run.answers):
            self._notes.append(f"The risk is unknown: {reference} has not answered every question.")
            return None, None
        if reference != best:
            self._notes.append(f"The risk is against {reference}, the policy's best single model.")
        calibration = self._settings.calibration
        confidence = calibration.bound_confidence
        if policy is not None and calibration.confidence is None:
            confidence = policy.bound.confidence
        return sum(losses) / len(losses), mean_upper(losses, confidence)


def _max_risk(settings: ReplaySettings, policy: CascadePolicy | None) -> float | None:
    if settings.calibration.max_risk is not None or policy is None:
        return settings.calibration.max_risk
    return policy.bound.max_risk


def _outcome(run: AgentRun, tiers: list[list[str]], best: Single) -> CascadeOutcome:
    cost = run.cost_usd
    return CascadeOutcome(
        accuracy=sum(answered.score for answered in run.answers) / len(run.answers),
        cost_usd=cost,
        cost_ratio=cost / best.cost_usd if cost is not None and best.cost_usd else None,
        calls=run.calls,
        tiers=tiers,
        answered_by=dict(Counter(answered.model for answered in run.answers if answered.model is not None)),
        seconds=run.seconds,
    )


def _notes(found: dict[str, Single], questions: int) -> list[str]:
    notes = [
        f"{model} answered {single.questions:,} of {questions:,} questions; its figures are over those."
        for model, single in found.items()
        if single.questions < questions
    ]
    unpriced = [model for model, single in found.items() if single.cost_usd is None]
    if unpriced:
        notes.append(
            f"No price or no usage is known for {', '.join(unpriced)}: name prices in --models FILE."
        )
    return notes
