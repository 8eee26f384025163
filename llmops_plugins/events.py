"""The bus's vocabulary: what a capability decided, said as a LangChain custom event.

A capability yields ``Emit(Decision(...))``; the driver dispatches it under :data:`DECISION_EVENT` and whoever
cares listens (the ledger does). LangChain's LangSmith tracer drops custom events, so the driver also writes
the decision to the metadata of the run that made it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

__all__ = [
    "BLOCKED_KEY",
    "DECISION_EVENT",
    "INNER_KEY",
    "KIND_KEY",
    "PART_KEY",
    "SHADOW_KEY",
    "WRAPPER_KEY",
    "AvoidedCall",
    "Decision",
    "Kind",
    "Mode",
]

DECISION_EVENT = "llmops.decision"
"""Name of the custom event that carries a :class:`Decision`."""

BLOCKED_KEY = "llmops_blocked"
"""Key in the ``response_metadata`` of a reply that a guardrail put in the place of the model's."""

INNER_KEY = "llmops_inner"
"""Run-metadata key of work done for a part of a request: what models say there is not the run's answer."""

KIND_KEY = "llmops_kind"
"""Run-metadata key that says what a model call is for; set by flows, and open to users' own nodes."""

PART_KEY = "llmops_part"
"""Key that says a message or content block is ``"demonstrations"`` or ``"memory"``.

Read from a message's ``additional_kwargs`` or ``response_metadata``, and from a block or its ``extras``. A
list in ``additional_kwargs`` names the parts of the message's first blocks, in their order.
"""

SHADOW_KEY = "llmops_shadow"
"""Run-metadata key of a model call made in the background, whose reply nobody is given."""

WRAPPER_KEY = "llmops_wrapper"
"""Run-metadata key of a run that only passes on what model runs inside it do, so it is not counted itself."""

Kind = Literal[
    "answer", "step", "plan", "route", "judge", "guard", "summarize", "select_tools", "embed", "tool", "other"
]
"""What a model call is for. Everything but an accepted ``answer`` is hidden from whoever reads the reply."""

Mode = Literal["on", "shadow", "off"]
"""``on`` acts, ``shadow`` decides and records without changing anything, ``off`` passes by."""


@dataclass(frozen=True, kw_only=True)
class AvoidedCall:
    """The model call that a decision made unnecessary: its counterfactual.

    Args:
        provider: LangChain's provider name (``ls_provider``), or ``None`` where it is unknown.
        model: The model that would have been called.
        input_tokens: Tokens it would have been sent; None where nobody knows, and so the saving is unknown.
        output_tokens: Tokens it would have written; likewise.
        cache_read_tokens: Of the input, what the provider's prompt cache would have served.
        basis: ``measured`` when the tokens are that call's own recorded usage, ``estimated`` otherwise.
        source: Where the tokens come from, for a reader who doubts them.
    """

    provider: str | None
    model: str
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int = 0
    basis: Literal["measured", "estimated"]
    source: str


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a capability decided about one request, and what that cost and spared.

    Prices are the ledger's business: a decision names calls by message id and the avoided call by its tokens.

    Args:
        capability: Who decided, for example ``"cascade"``.
        outcome: What was decided, for example ``"accepted"`` or ``"escalated"``.
        reason: Why, in one sentence.
        mode: ``"shadow"`` when nothing was changed; its savings are then only what would have been.
        returned: Message id of the reply that went on to the caller.
        rejected: Message ids of replies that were paid for and thrown away.
        hidden: Message ids of further calls made to reach the decision (judges, second opinions).
        avoided: The call that was not made, if one was avoided.
        details: Anything else worth reading later; JSON values only.
    """

    capability: str
    outcome: str
    reason: str
    mode: Mode = "on"
    returned: str | None = None
    rejected: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    avoided: AvoidedCall | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the decision as plain JSON-compatible data, as it is dispatched and stored."""
        return {
            **{one.name: getattr(self, one.name) for one in fields(self)},
            "rejected": list(self.rejected),
            "hidden": list(self.hidden),
            "avoided": None if self.avoided is None else asdict(self.avoided),
            "details": dict(self.details),
        }
