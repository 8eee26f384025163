"""Whatever is given for a setting, it is taken or refused by name: no error of Python's own comes of it."""

import inspect
import math
from datetime import timedelta

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding

from llmops_plugins.accounting.ledger import CostLedger
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.hierarchy.assistant import Assistant
from llmops_plugins.hierarchy.demonstrations.store import DemonstrationStore
from llmops_plugins.hierarchy.graph import create_hierarchy
from llmops_plugins.hierarchy.middleware import DemonstrationsMiddleware
from llmops_plugins.hierarchy.sandbox.executor import SandboxExecutor
from llmops_plugins.hierarchy.sandbox.host_functions import HostFunction
from llmops_plugins.hierarchy.sandbox.limits import SandboxLimits
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.agreement import Agreement
from llmops_plugins.verification.all_of import AllOf
from llmops_plugins.verification.any_of import AnyOf
from llmops_plugins.verification.first_applicable import FirstApplicable
from llmops_plugins.verification.human import Human
from llmops_plugins.verification.judge import Judge
from llmops_plugins.verification.logprobs import LogprobConfidence
from llmops_plugins.verification.predicate import Predicate
from llmops_plugins.verification.self_consistency import SelfConsistency

MODEL = ScriptedChatModel(replies=["42"])
VECTORS = DeterministicFakeEmbedding(size=8)
STORE = DemonstrationStore(":memory:", tenant="acme", embeddings=VECTORS)


def is_right(message):
    return True


def double(number: int) -> int:
    """Double a number."""
    return 2 * number


async def later(*_):
    return None


def hierarchy(**settings):
    given = {"assistants": [Assistant(name="a", runnable=MODEL)], "success": Predicate(is_right), **settings}
    return create_hierarchy(given.pop("assistants"), **given)


def learning_hierarchy(**settings):
    return hierarchy(**{"demonstrations": STORE, "user": "ann", **settings})


def assistant(**settings):
    return hierarchy(assistants=[Assistant(**{"name": "a", "runnable": MODEL, **settings})])


def combined(kind):
    return lambda **settings: kind(settings["verifiers"])


BUILT = {
    "create_hierarchy": (hierarchy, create_hierarchy, {}),
    "create_hierarchy that learns": (learning_hierarchy, create_hierarchy, {}),
    "Assistant": (assistant, Assistant, {}),
    "DemonstrationStore": (
        DemonstrationStore,
        DemonstrationStore,
        {"store": ":memory:", "tenant": "acme", "embeddings": VECTORS},
    ),
    "DemonstrationsMiddleware": (
        DemonstrationsMiddleware,
        DemonstrationsMiddleware,
        {"store": STORE, "user": "ann"},
    ),
    "SandboxExecutor": (SandboxExecutor, SandboxExecutor, {"limits": SandboxLimits()}),
    "SandboxLimits": (SandboxLimits, SandboxLimits, {}),
    "HostFunction": (HostFunction, HostFunction, {"function": double}),
    "CostLedger": (CostLedger, CostLedger, {"url": "sqlite://"}),
    "Predicate": (Predicate, Predicate, {"function": is_right}),
    "Human": (Human, Human, {}),
    "Judge": (Judge, Judge, {"model": MODEL}),
    "SelfConsistency": (SelfConsistency, SelfConsistency, {}),
    "LogprobConfidence": (LogprobConfidence, LogprobConfidence, {"minimum": 0.5}),
    "Agreement": (Agreement, Agreement, {}),
    "AllOf": (combined(AllOf), AllOf, {}),
    "AnyOf": (combined(AnyOf), AnyOf, {}),
    "FirstApplicable": (combined(FirstApplicable), FirstApplicable, {}),
}
GIVEN = {
    "nothing": None,
    "a number": 7,
    "below zero": -1,
    "zero": 0,
    "a truth": True,
    "half": 0.5,
    "no number": math.nan,
    "endless": math.inf,
    "longer than any clock": 1e10,
    "more than a float": 10**400,
    "a text": "text",
    "no text": "",
    "bytes": b"text",
    "a list": [1],
    "a list of lists": [[]],
    "a list of nothing": [None],
    "an empty list": [],
    "a tuple": (1,),
    "a mapping": {1: 2},
    "a set": {"text"},
    "a class": dict,
    "a function": is_right,
    "an async function": later,
    "an object": object(),
    "a duration": timedelta(days=1),
}
SETTINGS = [
    (name, setting)
    for name, (_, described, _) in BUILT.items()
    for setting in inspect.signature(described).parameters
]
ALSO_NAMED = {
    ("DemonstrationsMiddleware", "store"): ("tenant",),  # which a store of its own needs
    ("CostLedger", "registry"): ("text", "."),  # a file that cannot be read
}


@pytest.mark.parametrize(("name", "setting"), SETTINGS, ids=str)
def test_a_setting_is_taken_or_refused_by_its_name(name, setting, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if name == "SandboxExecutor":
        pytest.importorskip("pydantic_monty", reason="pydantic-monty is not installed (extra sandbox)")
    build, _, others = BUILT[name]
    names = (setting, *ALSO_NAMED.get((name, setting), ()))
    misnamed = []
    for title, given in GIVEN.items():
        try:
            build(**{**others, setting: given})
        except ConfigurationError as error:
            if not any(one in error.field for one in names):
                misnamed.append((title, str(error)))
    assert misnamed == []


REFUSED = [
    ("create_hierarchy", "tell_reason", "yes"),
    ("create_hierarchy", "limit", "3"),
    ("create_hierarchy", "token_budget", 2_000.0),
    ("create_hierarchy", "question", "What?"),
    ("create_hierarchy", "question", later),
    ("create_hierarchy", "user", 7),
    ("create_hierarchy", "prices", {"large": 2.5}),
    ("create_hierarchy", "checkpointer", "memory"),
    ("create_hierarchy that learns", "prices", "prices.yaml"),
    ("Assistant", "model", ""),
    ("Assistant", "timeout", 1e10),
    ("Assistant", "timeout", 10**400),
    ("Assistant", "cost_rank", 10**400),
    ("SandboxLimits", "seconds", 10**400),
    ("SandboxLimits", "memory_mb", 10**400),
    ("DemonstrationsMiddleware", "store", 7),
    ("SandboxExecutor", "imports", None),
    ("HostFunction", "secrets", None),
    ("HostFunction", "secrets", "KEY"),
    ("HostFunction", "secrets", [7]),
    ("HostFunction", "shown_errors", KeyError),
    ("HostFunction", "shown_errors", ("KeyError",)),
    ("HostFunction", "shown_errors", (KeyboardInterrupt,)),
    ("CostLedger", "content_retention", 30),
    ("CostLedger", "max_queue", "many"),
    ("CostLedger", "max_queue", math.inf),
    ("Predicate", "name", 7),
    ("Judge", "instructions", 7),
    ("SelfConsistency", "samples", True),
    ("SelfConsistency", "extract", 7),
    ("Agreement", "extract", later),
]


@pytest.mark.parametrize(("name", "setting", "given"), REFUSED)
def test_what_would_fail_later_is_refused_when_built(name, setting, given):
    build, _, others = BUILT[name]
    with pytest.raises(ConfigurationError) as refused:
        build(**{**others, setting: given})
    assert refused.value.field.endswith(setting)


@pytest.mark.parametrize("tenant", [lambda request: request["user"], lambda request: request.user.name])
def test_a_tenant_that_is_read_from_a_request_needs_one(tenant):
    with pytest.raises(ConfigurationError, match="request: is missing: the tenant is a function of it"):
        DemonstrationStore(":memory:", tenant=tenant, embeddings=VECTORS).list()


def test_an_assistants_name_of_another_type_is_not_called_empty():
    with pytest.raises(ConfigurationError, match=r"assistants\[0\].name: must be a text, got int"):
        assistant(name=5)


def test_a_clock_that_cannot_be_asked_is_refused():
    with pytest.raises(ConfigurationError, match="clock: must be a function"):
        DemonstrationStore(":memory:", tenant="acme", embeddings=VECTORS, clock=5)
