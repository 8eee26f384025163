"""Experts for the tests of selection."""

from llmops_plugins.planning.experts.expert import Expert
from llmops_plugins.planning.plan.plan import Task

TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}


def card(name, **settings):
    """Return an expert that takes a text."""
    settings = {"kinds": ["translate"], "arguments": TEXT, **settings}
    return Expert(name=name, **settings)


def translate(text="hello", **settings):
    """Return a task to translate a text."""
    return Task(**{"id": "t1", "kind": "translate", "arguments": {"text": text}, **settings})
