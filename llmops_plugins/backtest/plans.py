"""How much of what models wrote as plans can be used as it is, and what is wrong with the rest."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from llmops_plugins.backtest.json_lines import json_rows
from llmops_plugins.errors import ConfigurationError, RecordError
from llmops_plugins.planning.parsing.parsing import ParsedPlan, parse_plan
from llmops_plugins.planning.plan.complaints import Complaint
from llmops_plugins.planning.plan.limits import PlanLimits
from llmops_plugins.planning.plan.plan import Plan
from llmops_plugins.planning.validation.kind_spec import KindSpec
from llmops_plugins.planning.validation.validation import check_parsed

__all__ = [
    "PlansBacktest",
    "PlansOf",
    "RecordedPlan",
    "backtest_plans",
    "read_kinds",
    "read_plans",
    "read_recorded_plan",
]

_ABOUT = frozenset({"dataset", "model", "id", "user_request"})


@dataclass(frozen=True, kw_only=True)
class RecordedPlan:
    """What a model once wrote as a plan.

    Args:
        source: Where the request is from; empty where that is not said.
        model: The model; likewise.
        text: What it wrote.
    """

    source: str
    model: str
    text: str


@dataclass(frozen=True, kw_only=True)
class PlansOf:
    """What the plans of one model for the requests of one source came to.

    Args:
        source: Where the requests are from.
        model: The model.
        plans: Its plans.
        valid: Of those, plans that can be used as they are.
        kinds_checked: Whether kinds of tasks were checked.
        complaints: Plans with each sort of fault.
        notes: Plans that took each sort of leniency.
        crashes: Plans that could neither be read nor refused; a defect of this package.
    """

    source: str
    model: str
    plans: int
    valid: int
    kinds_checked: bool
    complaints: dict[str, int]
    notes: dict[str, int]
    crashes: int

    @property
    def valid_share(self) -> float:
        """Share of the plans that can be used as they are."""
        return self.valid / self.plans


@dataclass(frozen=True, kw_only=True)
class PlansBacktest:
    """What recorded plans came to.

    Args:
        rows: One a model and source, in the order in which they are met.
    """

    rows: tuple[PlansOf, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return {"rows": [{**asdict(row), "valid_share": row.valid_share} for row in self.rows]}


def backtest_plans(
    path: Path | str, *, tools: Path | str | None = None, limits: PlanLimits | None = None
) -> PlansBacktest:
    """Read and check recorded plans, by model and source.

    Args:
        path: The plans, as :func:`read_plans` reads them.
        tools: The kinds there are, as :func:`read_kinds` reads them. They are checked in plans of the sources
            that the file is named after, as in ``huggingface_tools.json``, or in all where it is named after
            none; None checks no kinds.
        limits: How large a plan may be.

    Raises:
        ConfigurationError: If a file cannot be read.
        RecordError: If a line is no recorded plan.
    """
    plans = read_plans(path)
    kinds = read_kinds(tools) if tools is not None else None
    named = {
        plan.source for plan in plans if plan.source and plan.source in (Path(tools).name if tools else "")
    }
    groups: dict[tuple[str, str], list[RecordedPlan]] = {}
    for plan in plans:
        groups.setdefault((plan.source, plan.model), []).append(plan)
    rows = [
        _plans_of(group, kinds if not named or source in named else None, limits)
        for (source, _), group in groups.items()
    ]
    return PlansBacktest(rows=tuple(rows))


def read_recorded_plan(
    plan: RecordedPlan, kinds: Mapping[str, KindSpec] | None = None, limits: PlanLimits | None = None
) -> tuple[ParsedPlan, Plan | None, list[Complaint]]:
    """Return what was read of a recorded plan, the plan it is, and what is wrong with it.

    Args:
        plan: The plan.
        kinds: What there is by kind; None leaves kinds unchecked.
        limits: How large it may be.
    """
    parsed = parse_plan(plan.text)
    return (parsed, *check_parsed(parsed, kinds=kinds, limits=limits))


def read_plans(path: Path | str) -> list[RecordedPlan]:
    """Read recorded plans, one JSON object a line.

    A row has ``text``, the model's answer, or the plan itself in whatever shape; and ``model`` and
    ``dataset``, where known.

    Args:
        path: The file; one that ends in ``.gz`` is decompressed.

    Raises:
        ConfigurationError: If it cannot be read, or holds no plan.
        RecordError: If a line is no object.
    """
    plans = list(_plans(Path(path)))
    if not plans:
        raise ConfigurationError("plans", f"{path} holds no plan")
    return plans


def read_kinds(path: Path | str) -> dict[str, KindSpec]:
    """Read the kinds there are from a list of tools.

    Args:
        path: A JSON file of a list, or of ``{"nodes": [...]}``, whose members have ``id`` or ``name``,
            ``desc`` or ``description``, and ``parameters``, a JSON schema, where it is known.

    Raises:
        ConfigurationError: If it cannot be read or lists no tool.
    """
    try:
        read = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            "tools", f"{path} cannot be read ({error.strerror}), name a JSON file"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ConfigurationError("tools", f"{path} is not JSON ({error}), name a list of tools") from error
    listed = read.get("nodes") if isinstance(read, dict) else read
    tools = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    kinds = dict(_kind(tool) for tool in tools if isinstance(tool.get("id", tool.get("name")), str))
    if not kinds:
        raise ConfigurationError("tools", f"{path} lists no tool, give each an id or a name")
    return kinds


def _kind(tool: Mapping[str, Any]) -> tuple[str, KindSpec]:
    parameters = tool.get("parameters")
    schema = parameters if isinstance(parameters, dict) and "properties" in parameters else None
    description = str(tool.get("desc", tool.get("description", "")))
    return tool.get("id", tool.get("name")), KindSpec(arguments=schema, description=description)


def _plans_of(
    plans: Sequence[RecordedPlan], kinds: Mapping[str, KindSpec] | None, limits: PlanLimits | None
) -> PlansOf:
    valid = crashes = 0
    codes: Counter[str] = Counter()
    notes: Counter[str] = Counter()
    for plan in plans:
        try:
            parsed, found, complaints = read_recorded_plan(plan, kinds, limits)
        except Exception:  # noqa: BLE001 - that there are none is what is measured
            crashes += 1
            continue
        valid += found is not None
        codes.update({complaint.code for complaint in complaints})
        notes.update(set(parsed.notes))
    return PlansOf(
        source=plans[0].source,
        model=plans[0].model,
        plans=len(plans),
        valid=valid,
        kinds_checked=kinds is not None,
        complaints=dict(codes.most_common()),
        notes=dict(notes.most_common()),
        crashes=crashes,
    )


def _plans(path: Path) -> Iterator[RecordedPlan]:
    for number, row in json_rows(path, "plans"):
        yield _plan(row, str(path), number)


def _plan(row: Any, source: str, number: int) -> RecordedPlan:
    if not isinstance(row, dict):
        raise RecordError(source, number, "must be an object with a plan, or with the text of one")
    text = row.get("text")
    if not isinstance(text, str):
        text = json.dumps(
            {name: value for name, value in row.items() if name not in _ABOUT}, ensure_ascii=False
        )
    return RecordedPlan(source=str(row.get("dataset", "")), model=str(row.get("model", "")), text=text)
