"""Whether a request is planned at all: by its text, and in doubt by a small model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import AnyMessage

from llmops_plugins.effects import CallModel, Flow
from llmops_plugins.failures import warn_once
from llmops_plugins.messages import last_question
from llmops_plugins.planning.conversation import untold
from llmops_plugins.planning.need.needs_plan import needs_plan
from llmops_plugins.planning.plan_prompt import need_prompt
from llmops_plugins.planning.planner import Planner

__all__ = ["Need", "need_flow"]

_WORDS = re.compile(r"[a-z]+")


@dataclass(frozen=True, kw_only=True)
class Need:
    """Whether a request is planned.

    Args:
        needed: Whether.
        reason: Why, as the rest of a sentence.
        hidden: Ids of the replies that say so.
    """

    needed: bool
    reason: str
    hidden: tuple[str, ...] = ()


def need_flow(planner: Planner, messages: Sequence[AnyMessage]) -> Flow[Need]:
    """Decide whether a request is planned; in doubt it is, unless a text cannot say what is asked.

    Args:
        planner: Who plans.
        messages: The conversation.
    """
    problem = untold(messages)
    if problem is not None:
        return Need(needed=False, reason=problem)
    if planner.plan == "always":
        return Need(needed=True, reason="every request is planned")
    text = last_question(messages)
    need = needs_plan(text, planner.descriptions)
    if need.decision != "doubt":
        sure = f"its text says so with a probability of {need.probability:.2f}"
        return Need(needed=need.decision == "yes", reason=sure)
    try:
        reply = yield CallModel(
            planner.model("decider"), need_prompt(text, planner.descriptions), kind="route"
        )
    except Exception as error:  # noqa: BLE001 - providers raise anything; the plan itself may still work
        warn_once("asking whether a request needs a plan", error, "check the decider")
        return Need(
            needed=True, reason=f"its text leaves it in doubt, and the decider failed ({_name(error)})"
        )
    hidden = (reply.message.id,) if reply.message.id else ()
    said = set(_WORDS.findall(reply.message.text.lower()[:400])) & {"yes", "no"}
    if said == {"no"}:
        return Need(
            needed=False, reason="its text leaves it in doubt, and the decider said no", hidden=hidden
        )
    rest = "the decider said yes" if said == {"yes"} else "the decider said neither yes nor no"
    return Need(needed=True, reason=f"its text leaves it in doubt, and {rest}", hidden=hidden)


def _name(error: Exception) -> str:
    return type(error).__name__
