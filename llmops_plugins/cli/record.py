"""`llmops record`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llmops_plugins.errors import ConfigurationError

if TYPE_CHECKING:
    from llmops_plugins.backtest.dataset import Question
    from llmops_plugins.backtest.ledger_traffic import LedgerTraffic
    from llmops_plugins.backtest.recording import Recording
    from llmops_plugins.backtest.recording_result import RecordingResult
    from llmops_plugins.models.registry import ModelRegistry

__all__ = ["record"]

_INTERRUPTED = 130
_FAILED = 1
_STOPPED_BY_CAP = 3


def record(
    dataset: Annotated[
        Path | None, typer.Argument(help="Questions: .jsonl, .jsonl.gz or .csv with prompt or messages.")
    ] = None,
    models: Annotated[
        str | None, typer.Option(help="Models to ask, for example openai:gpt-4o-mini,openai:gpt-4o.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Records to write or add to.")] = Path("records.jsonl"),
    score: Annotated[
        str,
        typer.Option(
            help="answer, exact, numeric, similarity, regex:PATTERN, schema:FILE, judge:MODEL "
            "or module:function."
        ),
    ] = "answer",
    reference: Annotated[
        str | None, typer.Option(help="The model whose answers count as right where there is no gold.")
    ] = None,
    embeddings: Annotated[
        str | None, typer.Option(help="For similarity, for example openai:text-embedding-3-small.")
    ] = None,
    from_ledger: Annotated[
        str | None, typer.Option(help="Take the questions from this ledger's stored traffic.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Questions at most.")] = None,
    registry: Annotated[
        Path | None, typer.Option(help="Models and prices; models.yaml beside the records by default.")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Calls at once.")] = 8,
    requests_per_minute: Annotated[
        float | None, typer.Option(help="Requests a minute to each model.")
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds that one call may take.")] = 300.0,
    max_cost: Annotated[
        float | None, typer.Option(help="USD that may be spent until the recording is complete.")
    ] = None,
    rescore: Annotated[
        bool, typer.Option("--rescore", help="Score the recorded answers anew; ask no model for any.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Ask nobody; print how many calls there are and their cost.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Ask models the questions of a dataset, score the answers, and write what replay reads."""
    from llmops_plugins.backtest.asking import AskingLimits
    from llmops_plugins.backtest.recording import Recording
    from llmops_plugins.cli.record_output import print_estimates, print_recording

    if dataset is not None and from_ledger is not None:
        raise ConfigurationError("from_ledger", "brings its own questions, leave out the dataset")
    if dataset is None and from_ledger is None and not rescore:
        raise ConfigurationError("dataset", "is missing, name a file of questions or --from-ledger DATABASE")
    if models is None and from_ledger is None and not rescore:
        raise ConfigurationError("models", "are missing, name for example openai:gpt-4o-mini")
    traffic = _traffic(from_ledger, limit) if from_ledger is not None else None
    recording = Recording(
        _questions(dataset, limit, traffic),
        models=[name.strip() for name in models.split(",")] if models is not None else [],
        out=out,
        score=score,
        reference=reference,
        embeddings=embeddings,
        registry=_registry(registry, out),
        max_cost=max_cost,
        limits=AskingLimits(
            concurrency=concurrency, requests_per_minute=requests_per_minute, timeout_seconds=timeout
        ),
        rescore=rescore,
        known=traffic.answers if traffic is not None else (),
    )
    notes = traffic.notes if traffic is not None else []
    if dry_run:
        print_estimates(recording.estimate(), notes, as_json=json)
        return
    result = _run(recording, "scoring" if rescore else "asking")
    print_recording(result, [*notes, *result.notes], as_json=json)
    if result.failed or result.stopped_by_cap:
        raise typer.Exit(_FAILED if result.failed else _STOPPED_BY_CAP)


def _registry(path: Path | None, out: Path) -> ModelRegistry | None:
    from llmops_plugins.models.registry import ModelRegistry

    beside = out.parent / "models.yaml"
    chosen = path or (beside if beside.is_file() else None)
    return ModelRegistry.from_yaml(chosen) if chosen is not None else None


def _traffic(database: str, limit: int | None) -> LedgerTraffic:
    from llmops_plugins.backtest.ledger_traffic import read_ledger_traffic
    from llmops_plugins.cli.database import opened

    with opened(database if "://" in database else f"sqlite:///{database}") as engine:
        return read_ledger_traffic(engine, limit=limit)


def _questions(
    dataset: Path | None, limit: int | None, traffic: LedgerTraffic | None
) -> Sequence[Question] | None:
    from llmops_plugins.backtest.dataset import read_dataset

    if traffic is not None:
        return traffic.questions
    return read_dataset(dataset, limit=limit) if dataset is not None else None


def _run(recording: Recording, label: str) -> RecordingResult:
    from llmops_plugins.cli.progress import progress_bar

    try:
        with progress_bar(label) as progress:
            return recording.run(progress)
    except KeyboardInterrupt:
        kept = recording.journal_path
        where = f"the answers so far are in {kept}, " if kept.exists() else ""
        typer.echo(f"llmops: interrupted; {where}run the same command again to go on", err=True)
        raise typer.Exit(_INTERRUPTED) from None
