"""`llmops plan`: the plan for a request, who would do it, and what it is thought to cost; nothing is done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llmops_plugins.errors import ConfigurationError

if TYPE_CHECKING:
    from llmops_plugins.planning.experts.expert import Expert
    from llmops_plugins.planning.planning_flow import Planning

__all__ = ["plan"]


def plan(
    experts: Annotated[Path, typer.Option(help="The experts, a YAML or JSON list of cards.")],
    request: Annotated[str | None, typer.Argument(help="What is asked.")] = None,
    controller: Annotated[
        str | None, typer.Option(help='The chat model that plans, such as "openai:gpt-4o-mini".')
    ] = None,
    plan: Annotated[
        Path | None,
        typer.Option(help="A plan, or a model's answer that holds one; then no model is asked."),
    ] = None,
    always: Annotated[bool, typer.Option(help="Plan it also where it seems to need no plan.")] = False,
    mermaid: Annotated[
        bool, typer.Option("--mermaid", help="Print the plan as a Mermaid flowchart.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the plan for a request, who would do it, and what it is thought to cost. Nothing is done."""
    from llmops_plugins.backtest.user_module import importable, load_attribute
    from llmops_plugins.cli.plan_output import print_planning
    from llmops_plugins.planning.experts.file import read_experts

    with importable():
        read = read_experts(experts, load_attribute)
        planning = _read(plan, read) if plan else _asked(request, controller, read, always=always)
    if mermaid and not json:
        from llmops_plugins.planning.plan_drawing import draw_plan

        print(draw_plan(planning.assignments))  # noqa: T201 - the command's own output
    else:
        print_planning(planning, read, json=json)


def _read(file: Path, experts: tuple[Expert, ...]) -> Planning:
    from llmops_plugins.flow import run
    from llmops_plugins.planning.experts.choice import ExpertChooser
    from llmops_plugins.planning.parsing.parsing import parse_plan
    from llmops_plugins.planning.plan_making import assign_flow, checked_plan
    from llmops_plugins.planning.planning_flow import Planning

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = f"{file} cannot be read ({error}), name the file of a plan"
        raise ConfigurationError("plan", problem) from error
    found, complaints = checked_plan(parse_plan(text), experts)
    made = run(assign_flow(ExpertChooser(experts), found.tasks, "default")) if found is not None else None
    faults = complaints if made is None else made.complaints
    if made is None or faults:
        sentences = " ".join(one.sentence for one in faults)
        raise ConfigurationError("plan", f"{file} holds no plan that can run: {sentences}")
    return Planning(outcome="planned", reason=f"It was read from {file}.", assignments=made.assignments)


def _asked(
    request: str | None, controller: str | None, experts: tuple[Expert, ...], *, always: bool
) -> Planning:
    from langchain_core.messages import HumanMessage

    from llmops_plugins.flow import run
    from llmops_plugins.planning.planner import Planner
    from llmops_plugins.planning.planning_flow import plan_flow

    if not request:
        raise ConfigurationError("request", "is missing: say what is asked, or give --plan a file")
    if controller is None:
        problem = "is missing: name the chat model that plans, or give --plan a file"
        raise ConfigurationError("controller", problem)
    planner = Planner(
        controller=controller,
        experts=experts,
        plan="always" if always else "auto",
        on_invalid="fail",
        plans_only=True,
    )
    return run(plan_flow(planner, [HumanMessage(request)], "default"))
