"""`llmops backtest`: what a capability would have done, on labelled data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmops_plugins.cli.backtest_demonstrations import demonstrations
from llmops_plugins.cli.backtest_plans import plan_need, plans
from llmops_plugins.errors import ConfigurationError

if TYPE_CHECKING:
    from llmops_plugins.backtest.cache_result import CachePairsResult, CacheStreamResult
    from llmops_plugins.backtest.cache_settings import CacheBacktestSettings

__all__ = ["app", "cache"]

app = typer.Typer(name="backtest", help="Test a capability offline, on labelled data.", no_args_is_help=True)


app.command("demonstrations")(demonstrations)
app.command("plans")(plans)
app.command("plan-need")(plan_need)


@app.command()
def cache(
    pairs: Annotated[
        Path | None,
        typer.Argument(help='Labelled pairs, {"same": 0 or 1, "a", "b"} a line, .jsonl or .jsonl.gz.'),
    ] = None,
    stream: Annotated[
        Path | None,
        typer.Option(help='Instead of pairs: a stream of requests, {"intent", "text"} a line.'),
    ] = None,
    fit: Annotated[
        Path | None,
        typer.Option(help="Other pairs or requests to calibrate on; by default the rule that ships is used."),
    ] = None,
    max_error: Annotated[
        float, typer.Option(help="Largest share of wrong answers among those served, from 0 to 1.")
    ] = 0.01,
    confidence: Annotated[float, typer.Option(help="Probability with which bounds hold.")] = 0.9,
    no_guards: Annotated[bool, typer.Option("--no-guards", help="Leave the guards out.")] = False,
    embeddings: Annotated[
        str | None,
        typer.Option(
            help="An init_embeddings string such as openai:text-embedding-3-small, or your own as "
            "module:attribute; the embedded default otherwise."
        ),
    ] = None,
    requests: Annotated[
        int | None, typer.Option(min=2, help="Most requests of a stream to ask; 12,000 by default.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of every shuffle.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Test the semantic cache on labelled pairs, or on a stream of requests with --stream."""
    from llmops_plugins.backtest.cache_result import CachePairsResult
    from llmops_plugins.backtest.cache_settings import CacheBacktestSettings
    from llmops_plugins.cli.backtest_output import print_cache_pairs, print_cache_stream
    from llmops_plugins.cli.named_embeddings import named_embeddings
    from llmops_plugins.cli.render import print_json

    if (pairs is None) == (stream is None):
        problem = "give either labelled PAIRS or --stream FILE" if pairs else "give PAIRS, or --stream FILE"
        raise ConfigurationError("pairs", problem)
    if requests is not None and stream is None:
        raise ConfigurationError("requests", "is how many of a stream are asked, give it with --stream FILE")
    unguarded: dict[str, Any] = {"guards": ()} if no_guards else {}
    with named_embeddings(embeddings) as found:
        settings = CacheBacktestSettings(
            embeddings=found, max_error=max_error, confidence=confidence, seed=seed, **unguarded
        )
        result = _run(pairs, stream, fit, requests, settings)
    if json:
        print_json(result.to_dict())
    elif isinstance(result, CachePairsResult):
        print_cache_pairs(result)
    else:
        print_cache_stream(result)


def _run(
    pairs: Path | None,
    stream: Path | None,
    fit: Path | None,
    requests: int | None,
    settings: CacheBacktestSettings,
) -> CachePairsResult | CacheStreamResult:
    from llmops_plugins.backtest.cache_pairs import backtest_pairs
    from llmops_plugins.backtest.cache_stream import REQUESTS, backtest_stream
    from llmops_plugins.cli.progress import progress_bar

    with progress_bar("embedding") as progress:
        if pairs is not None:
            return backtest_pairs(pairs, fit=fit, settings=settings, progress=progress)
        assert stream is not None  # noqa: S101 - one of the two is there
        return backtest_stream(
            stream, fit=fit, requests=requests or REQUESTS, settings=settings, progress=progress
        )
