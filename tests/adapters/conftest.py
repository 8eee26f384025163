"""One scenario for every adapter: a cascade of two tiers that takes or leaves the cheap draft."""

from dataclasses import dataclass, field

import pytest
from langchain_core.messages import AIMessage

from llmops_plugins.cascade.middleware import CascadeMiddleware
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.predicate import Predicate
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
        verify = Predicate(lambda message: self.accept)
        self.middleware = CascadeMiddleware(tiers=[self.cheap, self.strong], verify=verify)
        self.wrapped = with_middleware(self.users, self.middleware)

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
        return Scenario(accept=self.accept, drafts=[asking, DRAFT], answers=[asking, ANSWER])


@pytest.fixture(params=[True, False], ids=["accepted", "rejected"])
def scenario(request):
    return Scenario(accept=request.param)
