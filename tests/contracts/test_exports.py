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


def test_no_public_name_is_a_modules_name_too():
    # Importing the module would put it in the place of what the package exports under that name.
    modules = {path.stem if path.is_file() else path.name for path in ROOT.iterdir()}
    assert modules.isdisjoint(llmops_plugins.__all__)


def test_every_public_name_is_exported_lazily_and_listed_for_type_checkers():
    source = (ROOT / "__init__.py").read_text()
    checked = next(node for node in ast.parse(source).body if isinstance(node, ast.If))
    imported = {alias.name for node in checked.body for alias in node.names}
    assert imported == set(llmops_plugins.__all__) == set(llmops_plugins._MODULES)
    for name in llmops_plugins.__all__:
        assert getattr(llmops_plugins, name).__name__ == name
