"""Asks the reference model again for an answer that a policy accepted, and says what came of it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from langchain_core.language_models import BaseChatModel

from llmops_plugins.cascade.acceptance import extracted
from llmops_plugins.cascade.drift import DriftMonitor, DriftState
from llmops_plugins.cascade.policy import RiskBound
from llmops_plugins.events import Decision
from llmops_plugins.flow import Emit, Flow, Forward, Request, Response
from llmops_plugins.messages import calls_tools
from llmops_plugins.verification.verdict import answer_message

__all__ = ["Recheck"]

logger = logging.getLogger(__name__)


class Recheck:
    """Asks again, compares, and announces a bound that no longer holds.

    Args:
        reference: The best single model, which the policy's bound is against.
        monitor: Which answers to ask again for, and what they have shown.
        extract: Finds the final answer in a reply's text.
        calibrated: The policy's bound, for whoever reads the decisions.
    """

    def __init__(
        self,
        *,
        reference: BaseChatModel,
        monitor: DriftMonitor,
        extract: Callable[[str], str | None],
        calibrated: RiskBound,
    ) -> None:
        self._reference = reference
        self._monitor = monitor
        self._extract = extract
        self._calibrated = calibrated

    def is_due(self) -> bool:
        """Tell whether to ask again for the answer just accepted."""
        return self._monitor.is_due()

    def flow(self, request: Request, accepted: Response) -> Flow[None]:
        """Ask the reference model, and compare its answer with the accepted one.

        Args:
            request: What was asked.
            accepted: The reply that the user got.
        """
        reply: Response = yield Forward(request.override(model=self._reference))
        message = answer_message(reply)
        if message is None or calls_tools(message):
            ids = (message.id,) if message is not None and message.id else ()
            reason = "the reference calls tools, so there are no answers to compare"
            yield Emit(
                Decision(
                    capability="cascade",
                    outcome="recheck_not_comparable",
                    reason=reason,
                    mode="shadow",
                    hidden=ids,
                )
            )
            return
        expected = extracted(message, self._extract)
        answer = extracted(answer_message(accepted), self._extract)
        differs = answer is None or answer != expected
        state = self._monitor.record(differs=differs)
        hidden = (message.id,) if message.id else ()
        reason = "the accepted answer differs from the reference's" if differs else "the answers are equal"
        yield Emit(self._decision("rechecked", reason, state, hidden, differs))
        if state.breached:
            reason = (
                f"{state.differing} of {state.checked} accepted answers differ from the reference's, more "
                "than was calibrated: escalation is widened, calibrate anew on recent traffic"
            )
            # Perhaps nobody listens to decisions, and this one somebody should hear of.
            logger.warning("the cascade's bound does not hold: %s", reason)
            yield Emit(self._decision("bound_breached", reason, state, (), differs))

    def _decision(
        self, outcome: str, reason: str, state: DriftState, hidden: tuple[str, ...], differs: bool
    ) -> Decision:
        return Decision(
            capability="cascade",
            outcome=outcome,
            reason=reason,
            mode="shadow",
            hidden=hidden,
            details={
                "differs": differs,
                "checked": state.checked,
                "differing": state.differing,
                "differing_upper": state.upper,
                "margin": state.margin,
                "bound": self._calibrated.differing_upper,
                "accepted": self._calibrated.accepted,
                "confidence": self._calibrated.confidence,
            },
        )
