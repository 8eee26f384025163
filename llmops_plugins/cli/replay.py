"""`llmops replay`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llmops_plugins.errors import ConfigurationError

if TYPE_CHECKING:
    from llmops_plugins.backtest.replay_result import ReplayResult

__all__ = ["replay"]


def replay(
    records: Annotated[Path, typer.Argument(help="Recorded answers, .jsonl or .jsonl.gz.")],
    models: Annotated[
        Path | None, typer.Option(help="Prices of the models; models.yaml beside the records by default.")
    ] = None,
    tiers: Annotated[str | None, typer.Option(help="Tiers, for example small+medium,large.")] = None,
    fit: Annotated[Path | None, typer.Option(help="Other records to calibrate a policy on.")] = None,
    policy: Annotated[Path | None, typer.Option(help="A policy saved with --policy-out.")] = None,
    graph: Annotated[
        str | None,
        typer.Option(help="Your graph, as module:function; the function makes it of models by name."),
    ] = None,
    max_risk: Annotated[
        float | None,
        typer.Option(help="Most score to lose to the best single model where any is lost, from 0 to 1."),
    ] = None,
    max_cost: Annotated[
        float | None, typer.Option(help="Most to pay, as a share of the best single model's cost.")
    ] = None,
    confidence: Annotated[
        float | None, typer.Option(help="Probability with which bounds hold; 0.9 by default.")
    ] = None,
    halves: Annotated[
        int | None, typer.Option(min=2, help="Calibrate on random halves, measure on the others.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of every shuffle.")] = 0,
    score: Annotated[
        str | None,
        typer.Option(help="How to score answers of a graph that no record holds, as for llmops record."),
    ] = None,
    policy_out: Annotated[Path | None, typer.Option(help="Save the calibrated policy here.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw cost and quality to a .png or .html file.")] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave out rows that cannot be used.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Replay recorded answers through a real agent with the cascade, beside every model alone."""
    from llmops_plugins.backtest.calibrating import CalibrationSettings
    from llmops_plugins.backtest.plot import check_plot, plot_replay
    from llmops_plugins.backtest.replay import replay as run
    from llmops_plugins.cli.progress import progress_bar
    from llmops_plugins.cli.render import print_json
    from llmops_plugins.cli.replay_output import print_replay
    from llmops_plugins.models.registry import ModelRegistry

    if plot is not None:
        check_plot(plot)
    if policy_out is not None and fit is None and halves is None:
        raise ConfigurationError("policy_out", "saves what is calibrated, give --fit RECORDS or --halves N")
    beside = records.parent / "models.yaml"
    priced_by = models or (beside if beside.is_file() else None)
    with progress_bar("replaying") as progress:
        result = run(
            records,
            registry=ModelRegistry.from_yaml(priced_by) if priced_by else None,
            tiers=tiers,
            fit=fit,
            policy=policy,
            graph=graph,
            score=score,
            halves=halves,
            calibration=CalibrationSettings(
                max_risk=max_risk, max_cost=max_cost, confidence=confidence, seed=seed
            ),
            skip_bad=skip_bad,
            progress=progress,
        )
    if policy_out is not None:
        _save(result, policy_out)
    if plot is not None:
        plot_replay(result, plot)
    if json:
        print_json(result.to_dict())
    else:
        print_replay(result)


def _save(result: ReplayResult, path: Path) -> None:
    if result.policy is None:
        raise ConfigurationError("policy_out", f"there is no policy to save: {result.notes[-1]}")
    try:
        result.policy.save(path)
    except ConfigurationError as error:
        raise ConfigurationError("policy_out", error.problem) from error
