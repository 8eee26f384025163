"""Asks the reference model again for an answer that a policy accepted, and says what came of it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from langchain_core.language_models import BaseChatModel

from llmops_plugins.cascade.acceptance import extracted
from llmops_plugins.cascade.policy import CascadePolicy
from llmops_plugins.drift_monitor import DriftMonitor, DriftState
from llmops_plugins.events import Decision
from llmops_plugins.flow import Emit, Flow, Forward, Request, Response
from llmops_plugins.messages import calls_tools
from llmops_plugins.verification.verdict import answer_message

__all__ = ["Recheck"]

logger = logging.getLogger(__name__)

_FIRST_MARGIN = 0.05
"""What staying must be worth more after a breach, in right answers a question; the next ones double it."""


class Recheck:
    """Asks again, compares, and announces a bound that no longer holds.

    Args:
        reference: The best single model, which the policy's bound is against.
        monitor: Which answers to ask again for, and what they have shown.
        extract: Finds the final answer in a reply's text.
        policy: Whose bound and data the decisions state, for whoever reads them.
    """

    def __init__(
        self,
        *,
        reference: BaseChatModel,
        monitor: DriftMonitor,
        extract: Callable[[str], str | None],
        policy: CascadePolicy,
    ) -> None:
        self._reference = reference
        self._monitor = monitor
        self._extract = extract
        self._policy = policy

    @property
    def margin(self) -> float:
        """What staying has to be worth more than its rivals, in right answers a question."""
        return _margin(self._monitor.breaches)

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
        calibrated = self._policy.bound
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
                "margin": _margin(state.breaches),
                "data_fingerprint": self._policy.measured_on.fingerprint,
                "bound": calibrated.differing_upper,
                "accepted": calibrated.accepted,
                "confidence": calibrated.confidence,
            },
        )


def _margin(breaches: int) -> float:
    return _FIRST_MARGIN * 2.0 ** (breaches - 1) if breaches else 0.0
