"""`llmops demonstrations`: what a hierarchy has learned, and taking it back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from llmops_plugins.errors import ConfigurationError

__all__ = ["app"]

app = typer.Typer(help="Look into what a hierarchy has learned, and take it back.", no_args_is_help=True)

_Store: TypeAlias = Annotated[
    str, typer.Option("--store", help="The demonstrations' file, or module:attribute of your own store.")
]
_Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Tenant: TypeAlias = Annotated[str | None, typer.Option(help="Only this tenant's.")]
_Id: TypeAlias = Annotated[str, typer.Argument(help="The demonstration's id, or how it begins.")]
_FILE = "llmops_demonstrations.db"


@app.command("list")
def list_(store: _Store = _FILE, tenant: _Tenant = None, json: _Json = False) -> None:
    """List demonstrations, the latest first."""
    from llmops_plugins.cli.demonstrations_output import print_list
    from llmops_plugins.cli.opened_store import opened_store
    from llmops_plugins.cli.render import print_json
    from llmops_plugins.hierarchy.demonstrations.administration import all_demonstrations

    with opened_store(store, "demonstrations") as opened:
        found = all_demonstrations(opened, tenant=tenant)
    if json:
        print_json([one.to_dict() for one in found])
    else:
        print_list(found)


@app.command()
def show(demonstration_id: _Id, store: _Store = _FILE, json: _Json = False) -> None:
    """Show one demonstration: what was asked, what solved it, on whose word, and whether it has helped."""
    from llmops_plugins.cli.demonstrations_output import print_one
    from llmops_plugins.cli.opened_store import opened_store
    from llmops_plugins.cli.render import print_json
    from llmops_plugins.hierarchy.demonstrations.administration import find_demonstration

    with opened_store(store, "demonstrations") as opened:
        found = find_demonstration(opened, demonstration_id)
    if json:
        print_json(found.to_dict())
    else:
        print_one(found)


@app.command()
def revoke(
    demonstration_id: _Id,
    store: _Store = _FILE,
    reason: Annotated[str, typer.Option(help="Why; it is kept.")] = "",
    json: _Json = False,
) -> None:
    """Take a demonstration back for good, with all its copies; the same is not learned again."""
    from llmops_plugins.cli.cache_output import print_result
    from llmops_plugins.cli.opened_store import opened_store
    from llmops_plugins.hierarchy.demonstrations.administration import revoke_demonstration

    with opened_store(store, "demonstrations") as opened:
        found, copies = revoke_demonstration(opened, demonstration_id, reason)
    text = f"revoked {found.demonstration_id[:12]}: {copies:,} cop{'y' if copies == 1 else 'ies'} deleted"
    print_result({"revoked": found.demonstration_id, "copies": copies}, text, json=json)


@app.command()
def export(
    out: Annotated[Path, typer.Option(help="The file to write, .jsonl.")],
    store: _Store = _FILE,
    tenant: _Tenant = None,
    with_users: Annotated[
        bool, typer.Option("--with-users", help="Write hashes of the users' names, which can be guessed.")
    ] = False,
    json: _Json = False,
) -> None:
    """Write demonstrations to a file that a DemonstrationStore imports."""
    from llmops_plugins.cli.cache_output import print_result
    from llmops_plugins.cli.opened_store import opened_store
    from llmops_plugins.hierarchy.demonstrations.administration import all_demonstrations
    from llmops_plugins.hierarchy.demonstrations.transfer import write_demonstrations

    with opened_store(store, "demonstrations") as opened:
        found = all_demonstrations(opened, tenant=tenant)
    try:
        written = write_demonstrations(out, found, with_users=with_users)
    except OSError as error:
        problem = f"{out} cannot be written ({error.strerror}), name a file that can"
        raise ConfigurationError("out", problem) from error
    text = f"wrote {written:,} demonstration{'' if written == 1 else 's'} to {out}"
    print_result({"written": written, "out": str(out)}, text, json=json)
