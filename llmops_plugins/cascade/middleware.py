"""The cascade as agent middleware, also for :func:`~llmops_plugins.wrapped_model.wrap.with_middleware`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from langchain_core.language_models import BaseChatModel

from llmops_plugins.cascade.acceptance import ByPolicy
from llmops_plugins.cascade.flow import Tier, cascade, shadow_cascade
from llmops_plugins.cascade.policy import CascadePolicy
from llmops_plugins.cascade.recheck import Recheck
from llmops_plugins.drift_monitor import DriftMonitor
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.events import Mode
from llmops_plugins.flow import Flow, Request, Response
from llmops_plugins.flow_middleware import FlowMiddleware
from llmops_plugins.models.build import as_chat_model
from llmops_plugins.verification.answers import extract_answer
from llmops_plugins.verification.escalation import AcceptanceRule, ByVerifier
from llmops_plugins.verification.settings import check_rechecks
from llmops_plugins.verification.verdict import Verifier, check_verifier, interrupts, minimum_replies

__all__ = ["CascadeMiddleware"]

ModelLike: TypeAlias = "str | BaseChatModel"


class CascadeMiddleware(FlowMiddleware):
    """Ask cheap models first and the strongest only when their answer does not hold.

    Either by hand, with ``tiers`` and ``verify``, or by a calibrated ``policy``, whose risk of being wrong is
    bounded. Rejected answers reach neither the state nor the user's stream. A verified answer arrives whole;
    the last tier streams as it comes. An error in a cheap tier escalates; one in the last tier is the user's
    own.

    Args:
        tiers: Cheapest first. A tier is a chat model, an ``init_chat_model`` string, or a sequence of them
            that are asked at once. The last tier is one model, and is not verified.
        verify: Judges the replies of each tier but the last, for example ``ValidToolCalls()``,
            ``Agreement()`` or ``Predicate(function)``. With a policy it judges first, for example the tool
            calls that no policy knows of, and where it abstains the policy decides.
        policy: What :func:`~llmops_plugins.cascade.calibration.calibrate` returned, or the file it was saved
            to. Instead of ``tiers``.
        models: Chat models by the names the policy knows them by; a name left out that is written
            ``provider:model`` is taken for an ``init_chat_model`` string.
        extract: Finds the final answer in a reply's text; the one the policy was calibrated with.
        recheck_share: Share of the answers a policy accepts that are asked of its last model again, in
            the background and at its cost, to see whether the bound still holds; from 0 to 1.
        rechecks_an_hour: Most of them in any hour.
        timeout: Seconds that each tier but the last has; a reply that is late escalates. None waits.
        mode: ``"shadow"`` answers with the agent's own model and asks the cheap tiers in the background, at
            their cost; see :class:`~llmops_plugins.flow_middleware.FlowMiddleware`.

    Raises:
        ConfigurationError: If neither or both of ``tiers`` and ``policy`` are given, the policy is no policy,
            there are fewer than two tiers, a tier is empty or no model, the last tier has several models, a
            verifier compares replies and a tier has too few models, or a verifier interrupts.

    Example:
        >>> from llmops_plugins.testing import ScriptedChatModel
        >>> from llmops_plugins.verification.agreement import Agreement
        >>> a, b = ScriptedChatModel(replies=["42"]), ScriptedChatModel(replies=["42."])
        >>> strong = ScriptedChatModel(replies=["43"])
        >>> middleware = CascadeMiddleware(tiers=[[a, b], strong], verify=Agreement())
    """

    capability: ClassVar[str] = "cascade"

    def __init__(
        self,
        *,
        tiers: Sequence[ModelLike | Sequence[ModelLike]] | None = None,
        verify: Verifier | None = None,
        policy: CascadePolicy | Path | str | None = None,
        models: Mapping[str, ModelLike] | None = None,
        extract: Callable[[str], str | None] = extract_answer,
        recheck_share: float = 0.02,
        rechecks_an_hour: int = 60,
        timeout: float | None = None,
        mode: Mode = "on",
    ) -> None:
        super().__init__(mode=mode)
        if tiers is None and policy is None:
            raise ConfigurationError("tiers", "is missing, give tiers with a verifier, or a policy")
        if tiers is not None and policy is not None:
            raise ConfigurationError("tiers", "and policy exclude each other, give one of them")
        if verify is not None:
            check_verifier("verify", verify)
            if interrupts(verify):
                problem = "may interrupt, and then every tier is asked again: ask a person in a hierarchy"
                raise ConfigurationError("verify", problem)
        if timeout is not None and timeout <= 0:
            raise ConfigurationError("timeout", f"must be above 0 seconds, got {timeout!r}")
        self.verify = verify
        self._rule: AcceptanceRule
        self._recheck: Recheck | None = None
        if policy is None:
            if verify is None:
                raise ConfigurationError("verify", "is missing, tiers need a verifier such as Agreement()")
            self.tiers = _checked_tiers(tiers or (), verify, timeout)
            self._rule = ByVerifier(verify)
            return
        if not isinstance(policy, CascadePolicy | Path | str):
            kind = type(policy).__name__
            raise ConfigurationError("policy", f"must be a CascadePolicy or the file of one, got {kind}")
        self.policy = policy if isinstance(policy, CascadePolicy) else CascadePolicy.load(policy)
        check_rechecks(recheck_share, rechecks_an_hour)
        named = _named(self.policy, {} if models is None else models)
        self.tiers = tuple(
            Tier(models=tuple(named[name] for name in names), timeout=timeout)
            for names in (*(stage.ask for stage in self.policy.stages), (self.policy.last,))
        )
        recheck = Recheck(
            reference=named[self.policy.last],
            monitor=DriftMonitor(
                bound=self.policy.bound.differing_upper,
                confidence=self.policy.bound.confidence,
                share=recheck_share,
                most_an_hour=rechecks_an_hour,
            ),
            extract=extract,
            policy=self.policy,
        )
        self._rule = ByPolicy(self.policy, extract=extract, verify=verify, margin=lambda: recheck.margin)
        if recheck_share > 0 and self.policy.is_cascade:
            self._recheck = recheck

    def flow(self, request: Request) -> Flow[Response]:
        """Answer from the first tier that holds."""
        return cascade(request, self.tiers, self._rule, self._recheck)

    def shadow_flow(self, request: Request, reply: Response) -> Flow[Any]:
        """Record which tier would have answered."""
        return shadow_cascade(request, reply, self.tiers, self._rule)


def _named(policy: CascadePolicy, models: Any) -> dict[str, BaseChatModel]:
    """Return the chat models that a policy asks, by name."""
    if not isinstance(models, Mapping):
        kind = type(models).__name__
        raise ConfigurationError("models", f"must map names to chat models, got {kind}")
    named = {}
    for name in policy.models:
        if name not in models and ":" not in name:
            raise ConfigurationError("models", f"lacks {name!r}, which the policy asks")
        named[name] = as_chat_model(f"models[{name!r}]", models.get(name, name))
    return named


def _checked_tiers(
    tiers: Sequence[ModelLike | Sequence[ModelLike]], verify: Verifier, timeout: float | None
) -> tuple[Tier, ...]:
    if isinstance(tiers, str) or len(tiers) < 2:
        raise ConfigurationError(
            "tiers", "needs at least two tiers, the cheapest first and the strongest last"
        )
    built = tuple(_tier(index, tier, timeout) for index, tier in enumerate(tiers))
    if len(built[-1].models) > 1:
        raise ConfigurationError(
            f"tiers[{len(tiers) - 1}]", "the last tier answers unverified, give it one model"
        )
    needed = minimum_replies(verify)
    for index, tier in enumerate(built[:-1]):
        if len(tier.models) < needed:
            raise ConfigurationError(
                f"tiers[{index}]",
                f"{type(verify).__name__} compares {needed} replies, give it {needed} models",
            )
    return built


def _tier(index: int, models: Any, timeout: float | None) -> Tier:
    several = list(models) if isinstance(models, list | tuple) else [models]
    if not several:
        raise ConfigurationError(f"tiers[{index}]", "is empty, give it at least one model")
    built = tuple(as_chat_model(f"tiers[{index}]", model) for model in several)
    return Tier(models=built, timeout=timeout)
