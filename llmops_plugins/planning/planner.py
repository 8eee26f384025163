"""What a planner is set up with, built and checked once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from inspect import iscoroutinefunction
from typing import Any, Literal, TypedDict, get_args

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable, RunnableConfig

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.events import KIND_KEY, Kind
from llmops_plugins.flow import NOSTREAM
from llmops_plugins.models.build import as_chat_model
from llmops_plugins.models.registry import ModelRegistry
from llmops_plugins.planning.execution.assignment import ExecutionLimits
from llmops_plugins.planning.experts.choice import ExpertChooser
from llmops_plugins.planning.experts.expert import Expert, checked_experts
from llmops_plugins.planning.experts.health import ExpertHealth
from llmops_plugins.planning.experts.kinds import by_kind, kind_specs
from llmops_plugins.planning.experts.outcomes import ExpertOutcomes
from llmops_plugins.planning.experts.selection import SelectionRules
from llmops_plugins.planning.plan.limits import PlanLimits
from llmops_plugins.planning.plan.plan import Plan
from llmops_plugins.planning.validation.kind_spec import KindSpec
from llmops_plugins.setting_checks import check_flag, check_instance

__all__ = ["Markers", "OnInvalid", "PlanWhen", "Planner", "PlannerSettings", "Role"]

Role = Literal["controller", "decider", "responder"]
"""What a chat model is asked for; who has none of the other two is the controller."""

PlanWhen = Literal["auto", "always"]
"""Plan what its text, or in doubt a model, says needs a plan; or plan every request."""

OnInvalid = Literal["answer", "fail"]
"""Let the controller answer as if there were no planner, or raise what says why."""

_MOST_REFUSING = 16

Markers = Literal["keep", "drop"]
"""Leave ``[t1]`` in the answer and stream it; or take them out, and give the answer whole."""


class PlannerSettings(TypedDict, total=False):
    """What can be set of a planner besides its controller and experts; see :class:`Planner`."""

    plan: PlanWhen
    on_invalid: OnInvalid
    limits: PlanLimits
    execution: ExecutionLimits
    outcomes: ExpertOutcomes | None
    selection: SelectionRules
    health: ExpertHealth | None
    router: BaseChatModel | str | None
    decider: BaseChatModel | str | None
    responder: BaseChatModel | str | None
    stream_plan: bool
    replan: bool
    markers: Markers
    tenant: str | Callable[[RunnableConfig], str]
    registry: ModelRegistry | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Planner:
    """A controller and its experts, and how requests are planned.

    Args:
        controller: The chat model, or its ``init_chat_model`` string, that plans, and answers what needs no
            plan. None where plans come from elsewhere, or :meth:`with_controller` follows.
        experts: Who can do which kinds of tasks.
        plan: ``"auto"`` plans what needs it, ``"always"`` every request.
        on_invalid: What becomes of a request for which there is no plan that can run: ``"answer"`` lets the
            controller answer it, ``"fail"`` raises. With ``"fail"`` it is an error too if no task succeeds.
        limits: How large a plan may be.
        execution: How many tasks run at once, for how long, and how often they are tried.
        outcomes: Where experts' outcomes are kept, which the choice between them learns from; in memory by
            default.
        selection: How one expert is preferred to another, and whether those with side effects may be chosen.
        health: When an expert is left alone for a while; who shares one shares what is known of the experts.
        router: The chat model that is asked which expert fits, where the outcomes leave it in doubt; None
            leaves it to the ranking.
        decider: The chat model that is asked whether a request needs a plan, where its text leaves it in
            doubt; the controller by default.
        responder: The chat model that answers from the results; the controller by default.
        stream_plan: Whether tasks without side effects start while the plan is being written. The controller
            then writes it as text, without structured output.
        replan: Whether the controller may plan once more when tasks failed, given what has succeeded.
        markers: What becomes of ``[t1]`` in the answer.
        tenant: Whose requests they are, a name or a function of the run's config: outcomes of one tenant do
            not count for another.
        registry: The deployment's models: their prices before the public ones, and their context windows.
        plans_only: Whether experts are only planned with, so that they need nothing that does the work.

    Raises:
        ConfigurationError: If there are no experts, two have one name, or another setting is wrong.
    """

    controller: BaseChatModel | str | None = None
    experts: Sequence[Expert]
    plan: PlanWhen = "auto"
    on_invalid: OnInvalid = "answer"
    limits: PlanLimits = field(default_factory=PlanLimits)
    execution: ExecutionLimits = field(default_factory=ExecutionLimits)
    outcomes: ExpertOutcomes | None = None
    selection: SelectionRules = field(default_factory=SelectionRules)
    health: ExpertHealth | None = None
    router: BaseChatModel | str | None = None
    decider: BaseChatModel | str | None = None
    responder: BaseChatModel | str | None = None
    stream_plan: bool = False
    replan: bool = True
    markers: Markers = "keep"
    tenant: str | Callable[[RunnableConfig], str] = "default"
    registry: ModelRegistry | None = None
    plans_only: bool = False

    def __post_init__(self) -> None:
        for name, allowed in (("plan", PlanWhen), ("on_invalid", OnInvalid), ("markers", Markers)):
            if getattr(self, name) not in get_args(allowed):
                problem = f"must be one of {', '.join(get_args(allowed))}, got {getattr(self, name)!r}"
                raise ConfigurationError(name, problem)
        check_instance("limits", self.limits, PlanLimits)
        check_instance("execution", self.execution, ExecutionLimits)
        check_instance("selection", self.selection, SelectionRules)
        if self.registry is not None:
            check_instance("registry", self.registry, ModelRegistry)
        for name in ("stream_plan", "replan", "plans_only"):
            check_flag(name, getattr(self, name))
        named = isinstance(self.tenant, str) and self.tenant
        if not named and (not callable(self.tenant) or iscoroutinefunction(self.tenant)):
            problem = f"must be a name or a function of the config, got {self.tenant!r:.100}"
            raise ConfigurationError("tenant", problem)
        self._build()

    def _build(self) -> None:
        built: dict[str, Any] = {
            name: as_chat_model(name, getattr(self, name))
            for name in ("controller", "decider", "responder")
            if getattr(self, name) is not None
        }
        built["experts"] = checked_experts(
            self.experts, registry=self.registry, need_runnable=not self.plans_only
        )
        built["chooser"] = ExpertChooser(
            built["experts"],
            router=self.router,
            outcomes=self.outcomes,
            health=self.health,
            rules=self.selection,
        )
        for name, value in built.items():
            object.__setattr__(self, name, value)

    chooser: ExpertChooser = field(init=False, repr=False)
    """Who chooses experts, and learns from how that goes."""

    @cached_property
    def kinds(self) -> dict[str, KindSpec]:
        """What tasks of each kind take and give."""
        return kind_specs(self.experts)

    @cached_property
    def descriptions(self) -> tuple[str, ...]:
        """What the experts can do."""
        return tuple(one.description or ", ".join(one.kinds) for one in self.experts)

    @cached_property
    def able(self) -> dict[str, tuple[Expert, ...]]:
        """Who does tasks of each kind."""
        return by_kind(self.experts)

    @cached_property
    def structured(self) -> Runnable[Any, Any] | None:
        """The controller as it gives a plan in structured output, or None where it cannot."""
        model = self.model("controller")
        return None if any(one is model for one in self._refusing) else _structured(model)

    def without_structured(self) -> None:
        """Note that the controller's provider refuses structured output, so that it is asked for it once."""
        self._refusing.append(self.model("controller"))
        self.__dict__["structured"] = None

    _refusing: deque[BaseChatModel] = field(
        init=False, repr=False, default_factory=lambda: deque(maxlen=_MOST_REFUSING)
    )
    """Late controllers that were refused structured output; shared with who plans in their place."""

    def with_controller(self, controller: BaseChatModel) -> Planner:
        """Return a planner that shares all with this one but who plans.

        Args:
            controller: Who plans.
        """
        other = copy(self)
        other.__dict__.pop("structured", None)
        object.__setattr__(other, "controller", controller)
        return other

    def tenant_of(self, config: RunnableConfig) -> str:
        """Return whose request it is.

        Raises:
            ConfigurationError: If the function that should say it gives no name.
        """
        tenant = self.tenant(config) if callable(self.tenant) else self.tenant
        if not isinstance(tenant, str) or not tenant:
            raise ConfigurationError("tenant", f"must give a name, and the function gave {tenant!r:.100}")
        return tenant

    def model(self, role: Role) -> BaseChatModel:
        """Return the chat model that has a role.

        Raises:
            ConfigurationError: If there is none.
        """
        given = getattr(self, role)
        return as_chat_model(role, self.controller if given is None else given)

    def asked(self, role: Role, kind: Kind) -> Runnable[Any, Any]:
        """Return the model that has a role, as its calls say what they are for."""
        return self.model(role).with_config(metadata={KIND_KEY: kind})


def _structured(model: BaseChatModel) -> Runnable[Any, Any] | None:
    ways: tuple[Mapping[str, Any], ...] = ({"method": "function_calling"}, {})
    for way in ways:
        try:
            runnable = model.with_structured_output(Plan, include_raw=True, **way)
        except Exception:  # noqa: BLE001, S112 - providers refuse with exceptions of their own
            continue
        return runnable.with_config(metadata={KIND_KEY: "plan"}, tags=[NOSTREAM])
    return None
