"""The cascade as agent middleware, also for :func:`~llmops_plugins.wrapped_model.wrap.with_middleware`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, TypeAlias

from langchain_core.language_models import BaseChatModel

from llmops_plugins.cascade.flow import Tier, cascade, shadow_cascade
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.events import Mode
from llmops_plugins.flow import Flow, Request, Response
from llmops_plugins.flow_middleware import FlowMiddleware
from llmops_plugins.models.build import as_chat_model
from llmops_plugins.verification.verdict import Verifier, check_verifier, minimum_replies

__all__ = ["CascadeMiddleware"]

ModelLike: TypeAlias = "str | BaseChatModel"


class CascadeMiddleware(FlowMiddleware):
    """Ask cheap models first and the strongest only when their answer does not hold.

    Rejected answers reach neither the state nor the user's stream. A verified answer arrives whole; the last
    tier streams as it comes. An error in a cheap tier escalates; one in the last tier is the user's own.

    Args:
        tiers: Cheapest first. A tier is a chat model, an ``init_chat_model`` string, or a sequence of them
            that are asked at once. The last tier is one model, and is not verified.
        verify: Judges the replies of each tier but the last, for example ``ValidToolCalls()``,
            ``Agreement()`` or ``Predicate(function)``.
        mode: ``"shadow"`` answers with the agent's own model and asks the cheap tiers in the background, at
            their cost; see :class:`~llmops_plugins.flow_middleware.FlowMiddleware`.

    Raises:
        ConfigurationError: If there are fewer than two tiers, a tier is empty or no model, the last tier has
            several models, or a verifier compares replies and a tier has too few models.

    Example:
        >>> from llmops_plugins.testing import ScriptedChatModel
        >>> from llmops_plugins.verification.agreement import Agreement
        >>> a, b = ScriptedChatModel(replies=["42"]), ScriptedChatModel(replies=["42."])
        >>> strong = ScriptedChatModel(replies=["43"])
        >>> middleware = CascadeMiddleware(tiers=[[a, b], strong], verify=Agreement())
    """

    capability: ClassVar[str] = "cascade"

    def __init__(
        self, *, tiers: Sequence[ModelLike | Sequence[ModelLike]], verify: Verifier, mode: Mode = "on"
    ) -> None:
        super().__init__(mode=mode)
        if isinstance(tiers, str) or len(tiers) < 2:
            raise ConfigurationError(
                "tiers", "needs at least two tiers, the cheapest first and the strongest last"
            )
        self.tiers = tuple(_tier(index, tier) for index, tier in enumerate(tiers))
        if len(self.tiers[-1].models) > 1:
            raise ConfigurationError(
                f"tiers[{len(tiers) - 1}]", "the last tier answers unverified, give it one model"
            )
        check_verifier("verify", verify)
        needed = minimum_replies(verify)
        for index, tier in enumerate(self.tiers[:-1]):
            if len(tier.models) < needed:
                raise ConfigurationError(
                    f"tiers[{index}]",
                    f"{type(verify).__name__} compares {needed} replies, give it {needed} models",
                )
        self.verify = verify

    def flow(self, request: Request) -> Flow[Response]:
        """Answer from the first tier that holds."""
        return cascade(request, self.tiers, self.verify)

    def shadow_flow(self, request: Request, reply: Response) -> Flow[Any]:
        """Record which tier would have answered."""
        return shadow_cascade(request, reply, self.tiers, self.verify)


def _tier(index: int, models: Any) -> Tier:
    several = list(models) if isinstance(models, list | tuple) else [models]
    if not several:
        raise ConfigurationError(f"tiers[{index}]", "is empty, give it at least one model")
    return Tier(models=tuple(as_chat_model(f"tiers[{index}]", model) for model in several))
