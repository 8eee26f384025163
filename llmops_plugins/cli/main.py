"""The `llmops` command's entry: its subcommands, and the edge where errors become one sentence."""

from __future__ import annotations

import io
import os
import sys
from importlib import metadata
from typing import Annotated, Any

import typer

from llmops_plugins.errors import LlmopsError

__all__ = ["app", "main"]

_INTERRUPTED = 130
_UsageError: Any = typer.BadParameter.__mro__[1]
"""Typer's own refusals (an unknown option, a missing argument); it has no public name for their base."""

app = typer.Typer(
    name="llmops",
    help="What your agents' answers really cost, and what the plugins would save.",
    add_completion=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        print(metadata.version("llmops-plugins"))  # noqa: T201 - the command's own output
        raise typer.Exit


def _register() -> None:
    from llmops_plugins.cli import (
        backtest,
        cache,
        demo,
        demonstrations,
        doctor,
        export,
        plan,
        record,
        replay,
        report,
    )

    app.command("report")(report.report)
    app.command("record")(record.record)
    app.command("replay")(replay.replay)
    app.command("doctor")(doctor.doctor)
    app.command("demo")(demo.demo)
    app.command("plan")(plan.plan)
    app.add_typer(backtest.app, name="backtest")
    app.add_typer(cache.app, name="cache")
    app.add_typer(demonstrations.app, name="demonstrations")
    app.add_typer(export.app, name="export")


_register()


def main() -> None:
    """Run the command; bad input becomes one line on standard error and exit code 2."""
    sys.exit(_run(sys.argv[1:] or ["--help"]))


def _run(arguments: list[str]) -> int:
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Names and answers hold any character; a terminal that cannot show one is no reason to fail.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = app(arguments, prog_name="llmops", standalone_mode=False)
        sys.stdout.flush()
    except LlmopsError as error:
        return _refuse(str(error))
    except _UsageError as error:
        return _refuse(error.format_message())
    except (KeyboardInterrupt, typer.Abort):
        return _INTERRUPTED
    except OSError as error:
        _forget_output()
        if isinstance(error, BrokenPipeError):
            return 0
        return _refuse(f"the output cannot be written ({error.strerror}), give it another place")
    except SystemExit as error:
        # Rich and Typer turn a closed pipe into an exit of their own.
        if not isinstance(error.__context__, BrokenPipeError):
            raise
        _forget_output()
        return 0
    return code if isinstance(code, int) else 0


def _refuse(problem: str) -> int:
    print(f"llmops: {' '.join(problem.split())}", file=sys.stderr)  # noqa: T201 - the command's own output
    return 2


def _forget_output() -> None:
    """Whoever read the output has seen enough; without this Python would complain at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
