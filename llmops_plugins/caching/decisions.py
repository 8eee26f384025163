"""What the cache says of each request on the bus; questions and answers are never part of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmops_plugins.caching.lookup import Found, LookUp
from llmops_plugins.caching.place import PassedBy, Place
from llmops_plugins.caching.semantic import Candidate
from llmops_plugins.effects import Response
from llmops_plugins.events import AvoidedCall, Decision, Mode
from llmops_plugins.verification.verdict import answer_message

if TYPE_CHECKING:
    from llmops_plugins.caching.cache import Cache

__all__ = ["CAPABILITY", "failed", "hit", "missed", "passed_by"]

CAPABILITY = "cache"
_REASONS = {
    "exact": "the same request was answered before",
    "shared": "an equal request was being answered",
    "semantic": "the same question was answered before in other words",
}


def passed_by(place: PassedBy, mode: Mode = "on") -> Decision:
    """A request that the cache has nothing to do with."""
    return Decision(capability=CAPABILITY, outcome="passed_by", reason=place.reason, mode=mode)


def hit(
    cache: Cache,
    place: Place,
    found: Found,
    response: Response,
    *,
    warm: bool,
    hidden: tuple[str, ...] = (),
    avoided: AvoidedCall | None = None,
    mode: Mode = "on",
) -> Decision:
    """A stored answer was served, or in shadow would have been.

    Args:
        cache: Which.
        place: Where the answer was.
        found: The answer.
        response: What went on to the caller.
        warm: Whether the provider's own cache would have held the prompt.
        hidden: Message ids of the calls made to find it.
        avoided: The call it made unnecessary, where more is known of it than what is stored.
        mode: As of a decision.
    """
    message = answer_message(response)
    exact = found.tier != "semantic"
    spared = avoided or cache.prompt_caching.avoided(found.entry.usage, exact=exact, warm=warm)
    return Decision(
        capability=CAPABILITY,
        outcome=f"{found.tier}_hit",
        reason=_REASONS[found.tier],
        mode=mode,
        # Served from the store, so no call of this run stands behind it, and none is to be looked for.
        hidden=hidden,
        avoided=spared,
        details={
            "reply": message.id if message is not None else None,
            "partition": place.partition.identity[:16],
            "age_seconds": round(cache.clock() - found.entry.created_at, 3),
            **_details(found.candidate),
        },
    )


def missed(place: Place, looked: LookUp, reason: str, mode: Mode = "on") -> Decision:
    """Nothing was served; the look-up may have cost something all the same."""
    why = "nothing stored is like it"
    if looked.nearest is not None:
        # The candidate's own reason may quote the question, which is nobody's but the user's.
        why = f"the nearest stored question was refused by {looked.nearest.refused_by}"
    return Decision(
        capability=CAPABILITY,
        outcome="miss",
        reason=f"{why}; {reason}",
        mode=mode,
        hidden=looked.hidden,
        details={"partition": place.partition.identity[:16], **_details(looked.nearest)},
    )


def failed(looked: LookUp, where: str, error: str, mode: Mode = "on") -> Decision:
    """Something inside failed, and the call was made as if there were no cache."""
    return Decision(
        capability=CAPABILITY,
        outcome="failed_open",
        reason=f"{error} inside the cache's {where}",
        mode=mode,
        hidden=looked.hidden,
    )


def _details(candidate: Candidate | None) -> dict[str, Any]:
    if candidate is None:
        return {}
    return {
        "cosine": round(candidate.match.cosine, 4),
        "probability": round(candidate.match.probability, 4),
        "risk": round(candidate.risk, 4),
        "refused_by": candidate.refused_by,
    }
