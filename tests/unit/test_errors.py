"""The exception tree in the docstring is the real one, and every exception survives a process boundary."""

import builtins
import inspect
import pickle
import re

import pytest

from llmops_plugins import errors

MADE = {
    "ConfigurationError": ("tiers", "needs two"),
    "UnknownModelError": ("model", "is not known"),
    "MissingExtraError": ("extra", "pip install it"),
    "BoundNotMetError": ("max_risk", 0.01, 0.02, 300),
    "RecordError": ("file.jsonl", 3, "no text"),
}


def made(name):
    return getattr(errors, name)(*MADE.get(name, ("something",)))


def drawn_tree():
    """Read the docstring's drawing: name to (parent's name, further bases)."""
    tree, path = {}, []
    for line in errors.__doc__.splitlines():
        found = re.match(r"^(?P<indent>[ │├└─]*)(?P<name>[A-Z]\w+)(?: \((?P<base>\w+)\))?(?:\s|$)", line)
        if not found or found["name"] not in errors.__all__:
            continue
        depth = (len(found["indent"]) - 4) // 4
        path[depth:] = [found["name"]]
        tree[found["name"]] = (path[depth - 1] if depth else None, found["base"])
    return tree


def test_every_exception_is_drawn_and_exported():
    defined = {
        name for name, one in vars(errors).items() if inspect.isclass(one) and issubclass(one, Exception)
    }
    assert defined == set(errors.__all__) == set(drawn_tree())


@pytest.mark.parametrize("name", errors.__all__)
def test_the_drawing_equals_the_classes(name):
    parent, base = drawn_tree()[name]
    expected = [getattr(errors, parent) if parent else Exception]
    expected += [getattr(builtins, base)] if base else []
    assert list(getattr(errors, name).__bases__) == expected


@pytest.mark.parametrize("name", errors.__all__)
def test_exceptions_can_be_pickled(name):
    error = made(name)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


def test_a_wrong_setting_is_named_with_its_fix():
    error = errors.ConfigurationError("tiers", "needs at least two, add one")
    assert str(error) == "tiers: needs at least two, add one"
    assert (error.field, error.problem) == ("tiers", "needs at least two, add one")


def test_a_bad_record_is_found_by_file_and_line():
    error = errors.RecordError("traffic.jsonl", 7, "output_tokens is missing")
    assert str(error) == "traffic.jsonl, line 7: output_tokens is missing"
