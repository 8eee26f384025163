"""Every module says what it offers: a sorted ``__all__`` that names what there is."""

import ast
import importlib
from pathlib import Path

import pytest

import llmops_plugins

ROOT = Path(llmops_plugins.__file__).parent
MODULES = {
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
}


def public_names(tree):
    """Names that a module defines itself and that are not marked as its own business."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name[0] != "_":
            yield node.name


@pytest.mark.parametrize("name", MODULES)
def test_public_names_are_declared_in_order_and_exist(name):
    module = importlib.import_module(name)
    exported = getattr(module, "__all__", None)
    if exported is None:
        own = list(public_names(ast.parse(MODULES[name].read_text())))
        assert own == [], f"{name} has public names and no __all__"
        return
    assert list(exported) in (sorted(exported), sorted(exported, key=as_ruff_sorts))
    assert len(set(exported)) == len(exported)
    assert [one for one in exported if not hasattr(module, one)] == []


def as_ruff_sorts(name):
    """Constants first, then classes, then the rest."""
    return not name.isupper(), name[0].islower(), name
