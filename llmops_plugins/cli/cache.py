"""`llmops cache`: what a cache holds, and taking it back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from llmops_plugins.errors import ConfigurationError

__all__ = ["app"]

app = typer.Typer(help="Look into a cache, and take answers back while it serves.")

_Store: TypeAlias = Annotated[
    str, typer.Option("--store", help="The cache's file, or module:attribute of your own store.")
]
_Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_FILE = "llmops_cache.db"


@app.command()
def stats(store: _Store = _FILE, json: _Json = False) -> None:
    """Print what is stored, for whom, how often it was checked, and whether the bound holds."""
    from llmops_plugins.caching.contents import cache_stats
    from llmops_plugins.cli.cache_output import print_stats
    from llmops_plugins.cli.opened_store import opened_store
    from llmops_plugins.cli.render import print_json

    with opened_store(store) as opened:
        found = cache_stats(opened)
    if json:
        print_json(found.to_dict())
    else:
        print_stats(found)


@app.command()
def clear(
    store: _Store = _FILE,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: _Json = False,
) -> None:
    """Delete all entries, labels and breaches of the cache, and nothing else that the store holds."""
    from llmops_plugins.caching import administration
    from llmops_plugins.cli.cache_output import print_result
    from llmops_plugins.cli.opened_store import opened_store

    with opened_store(store) as opened:
        if not yes:
            _confirm(store)
        deleted = administration.clear(opened)
    print_result({"deleted": deleted}, f"deleted {_entries(deleted)}, all labels and breaches", json=json)


@app.command()
def invalidate(
    store: _Store = _FILE,
    tag: Annotated[str | None, typer.Option(help="Only entries with this tag.")] = None,
    tenant: Annotated[
        str | None, typer.Option(help="Only this tenant's entries; the tenant's labels go too.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Only answers of this model.")] = None,
    corpus_version: Annotated[
        str | None, typer.Option(help="Only entries drawn from this version of the corpus.")
    ] = None,
    partition: Annotated[
        str | None, typer.Option(help="Only this partition's, by how its id begins in decisions.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count them, delete nothing.")] = False,
    json: _Json = False,
) -> None:
    """Delete the entries of which all that is given holds."""
    from llmops_plugins.caching import administration
    from llmops_plugins.cli.cache_output import print_result
    from llmops_plugins.cli.opened_store import opened_store

    with opened_store(store) as opened:
        matching = administration.invalidate(
            opened,
            tag=tag,
            tenant=tenant,
            model=model,
            corpus_version=corpus_version,
            partition=partition,
            dry_run=dry_run,
        )
    print_result(
        {"matching": matching, "deleted": 0 if dry_run else matching},
        f"{'would delete' if dry_run else 'deleted'} {_entries(matching)}",
        json=json,
    )


@app.command()
def resume(store: _Store = _FILE, json: _Json = False) -> None:
    """Let a semantic tier serve again that went to shadow because its bound was breached."""
    from llmops_plugins.caching import administration
    from llmops_plugins.cli.cache_output import print_result
    from llmops_plugins.cli.opened_store import opened_store

    with opened_store(store) as opened:
        cleared = administration.resume(opened)
    print_result({"cleared": cleared}, f"cleared {cleared:,} breach{'' if cleared == 1 else 'es'}", json=json)


@app.command()
def labels(
    out: Annotated[Path, typer.Option(help="The file of pairs to write, .jsonl or .jsonl.gz.")],
    store: _Store = _FILE,
    json: _Json = False,
) -> None:
    """Write the pairs of questions that checks have labelled, to calibrate a rule on."""
    from llmops_plugins.caching import administration
    from llmops_plugins.cli.cache_output import print_result
    from llmops_plugins.cli.opened_store import opened_store

    with opened_store(store) as opened:
        written = administration.export_labels(opened, out)
    text = f"wrote {written:,} pair{'' if written == 1 else 's'} to {out}"
    print_result({"written": written, "out": str(out)}, text, json=json)


def _entries(count: int) -> str:
    return f"{count:,} entr{'y' if count == 1 else 'ies'}"


def _confirm(store: str) -> None:
    if sys.stdin is None or not sys.stdin.isatty():
        raise ConfigurationError("yes", "nobody can be asked here, add --yes to delete the whole cache")
    typer.confirm(f"Delete the whole cache in {store}?", abort=True, err=True)
