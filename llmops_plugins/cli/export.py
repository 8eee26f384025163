"""`llmops export`: what was learned, in the form that others read."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["app"]

app = typer.Typer(help="Write what was learned in the form that others read.", no_args_is_help=True)


@app.callback()
def _export() -> None:
    """Write what was learned in the form that others read."""


@app.command()
def finetune(
    out: Annotated[Path, typer.Option(help="The folder to write.")],
    format: Annotated[str, typer.Option(help="openai, or hf for Hugging Face.")] = "openai",
    store: Annotated[
        str, typer.Option(help="The demonstrations' file, or module:attribute of your own store.")
    ] = "llmops_demonstrations.db",
    tenant: Annotated[
        str | None, typer.Option(help="Only this tenant's; needed where there are several.")
    ] = None,
    held_out: Annotated[float, typer.Option(help="Share of questions that are held out.")] = 0.1,
    system: Annotated[str | None, typer.Option(help="A system message for every chat.")] = None,
    include_private: Annotated[
        bool, typer.Option("--include-private", help="Take in what only its own user is shown.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write solved requests and what solved them as chats to fine-tune a smaller model on."""
    from llmops_plugins.cli.cache_output import print_result
    from llmops_plugins.cli.opened_store import opened_store
    from llmops_plugins.hierarchy.demonstrations.administration import all_demonstrations
    from llmops_plugins.hierarchy.demonstrations.finetune import export_finetune

    with opened_store(store, "demonstrations") as opened:
        done = export_finetune(
            all_demonstrations(opened),
            out,
            format=format,  # type: ignore[arg-type]  # it is what checks it
            held_out_share=held_out,
            system=system,
            include_private=include_private,
            tenant=tenant,
        )
    text = f"wrote {done.train:,} chats to train on and {done.held_out:,} held out to {out}"
    left_out = (
        f"; left out {done.duplicates:,} duplicates, {done.private:,} private, {done.expired:,} expired"
    )
    print_result(asdict(done), text + left_out, json=json)
