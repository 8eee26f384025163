"""One scenario for every adapter: a cascade of two tiers that takes or leaves the cheap draft.

Once by a verifier and once by a calibrated policy: from outside the two look alike.
"""

from dataclasses import dataclass, field
from functools import cache

import pytest
from langchain_core.messages import AIMessage

from llmops_plugins.cascade.calibration import calibrate
from llmops_plugins.cascade.middleware import CascadeMiddleware
from llmops_plugins.models.prices import PriceBook
from llmops_plugins.records.reading import Record, RecordedResponse
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.predicate import Predicate
from llmops_plugins.verification.tool_calls import ValidToolCalls
from llmops_plugins.wrapped_model.wrap import with_middleware

DRAFT = "cheap draft"
ANSWER = "strong good answer"


@dataclass(kw_only=True)
class Scenario:
    """The cascade, and what it must look like from outside."""

    accept: bool
    drafts: list = field(default_factory=lambda: [DRAFT])
    answers: list = field(default_factory=lambda: [ANSWER])

    def __post_init__(self):
        self.cheap = ScriptedChatModel(replies=self.drafts, model_name="cheap")
        self.strong = ScriptedChatModel(replies=self.answers, model_name="strong")
        self.users = ScriptedChatModel(replies=["never asked"], model_name="users")
        self.middleware = CascadeMiddleware(**self.settings)
        self.wrapped = with_middleware(self.users, self.middleware)

    @property
    def settings(self):
        """What the middleware is built with."""
        verify = Predicate(lambda message: self.accept)
        return {"tiers": [self.cheap, self.strong], "verify": verify}

    @property
    def text(self):
        return DRAFT if self.accept else ANSWER

    @property
    def chunks(self):
        """A draft that was held back arrives whole; the last tier streams."""
        return [DRAFT] if self.accept else ["strong ", "good ", "answer"]

    @property
    def models(self):
        return ["cheap"] if self.accept else ["cheap", "strong"]

    @property
    def outcome(self):
        return "accepted" if self.accept else "escalated"

    def calling(self, *calls):
        """The same scenario, where whichever tier answers calls tools and then says its text."""
        asking = AIMessage("", tool_calls=[{"type": "tool_call", **call} for call in calls])
        return type(self)(accept=self.accept, drafts=[asking, DRAFT], answers=[asking, ANSWER])


def made_up_records():
    """Return made-up answers: the cheap model's are right wherever it gives one, the strong one's always."""
    for row in range(400):
        draft = f"Surely {row}" if row % 4 else ""
        yield Record(
            line=row + 1,
            record_id=str(row),
            prompt="hi",
            responses={
                "cheap": RecordedResponse(text=draft, score=float(row % 4 > 0), cost_usd=0.01),
                "strong": RecordedResponse(text=f"Surely {row}", score=1.0, cost_usd=1.0),
            },
        )


@cache
def policy():
    """Return a policy that takes the cheap model's answer where it gives one."""
    found = calibrate(list(made_up_records()), prices=PriceBook())
    assert found.models == ("cheap", "strong")
    return found


class PolicyScenario(Scenario):
    """The same, where a calibrated policy decides: it takes what an answer can be read from.

    Tool calls are nothing it was calibrated on, so a verifier takes those.
    """

    @property
    def settings(self):
        return {
            "policy": policy(),
            "models": {"cheap": self.cheap, "strong": self.strong},
            "extract": lambda text: text if self.accept else None,
            "verify": ValidToolCalls() if self.accept else None,
            "recheck_share": 0.0,
        }


SCENARIOS = {
    "accepted": (Scenario, True),
    "rejected": (Scenario, False),
    "accepted by a policy": (PolicyScenario, True),
    "rejected by a policy": (PolicyScenario, False),
}


@pytest.fixture(params=SCENARIOS)
def scenario(request):
    kind, accept = SCENARIOS[request.param]
    return kind(accept=accept)
