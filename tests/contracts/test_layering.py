"""Imports run down only: the layers of the architecture, read from the source.

``cli -> backtest -> capabilities -> verification -> records -> models, storage -> core``, errors and events
lowest.
"""

import ast
import sys
from pathlib import Path

import pytest

import llmops_plugins

ROOT = Path(llmops_plugins.__file__).parent
CAPABILITIES = (
    "accounting",
    "cascade",
    "caching",
    "routing",
    "hierarchy",
    "planning",
    "memory",
    "guardrails",
)
SUPPORT = ("records", "verification", "models", "storage", "adapter")
MAY_IMPORT = {
    "cli": {"cli", "demo", "backtest", *CAPABILITIES, *SUPPORT, "core"},
    "demo": {"demo", "backtest", *CAPABILITIES, *SUPPORT, "core"},
    "backtest": {"backtest", *CAPABILITIES, *SUPPORT, "core"},
    **{name: {name, *SUPPORT, "core"} for name in CAPABILITIES},
    "verification": {"verification", "records", "models", "storage", "core"},
    "records": {"records", "models", "storage", "core"},
    "adapter": {"adapter", "models", "core"},
    "models": {"models", "storage", "core"},
    "storage": {"storage", "core"},
    "core": {"core"},
}
REQUIRED = {
    "langchain",
    "langchain_core",
    "langgraph",
    "langsmith",
    "pydantic",
    "genai_prices",
    "sqlalchemy",
    "typer",
    "rich",
    "yaml",
    "numpy",
    "typing_extensions",
}
IMPORTED_LATE = {"sqlalchemy", "genai_prices", "yaml", "rich", "typer"}
ADAPTER = ("wrapped_model",)
FOUNDATION = ("errors.py", "events.py")

FILES = sorted(ROOT.rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in FILES]


def folder_of(parts):
    """Return the layer of a module given by its parts below the package: its folder, or the core."""
    if parts[0] in ADAPTER:
        return "adapter"
    return parts[0] if (ROOT / parts[0]).is_dir() else "core"


def imported(tree, *, late):
    """Return the names of what a file imports; ``late`` adds what it imports inside functions."""
    pending, found = [tree], set()
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where a name comes from"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        if late or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            pending.extend(ast.iter_child_nodes(node))
    return found


def without_type_checking(tree):
    """Drop ``if TYPE_CHECKING:`` blocks, which import nothing when the program runs."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    return tree


def tree_of(name):
    return ast.parse((ROOT / name).read_text())


def own_layers(modules):
    """Return the layers of this package among the imported modules."""
    below = [module.split(".")[1:] for module in modules if module.split(".")[0] == "llmops_plugins"]
    return {folder_of(parts) for parts in below if parts}


@pytest.mark.parametrize("name", NAMES)
def test_imports_run_down_only(name):
    if name == "__init__.py":
        return  # the public names come from everywhere, lazily
    layer = folder_of(Path(name).parts)
    assert layer in MAY_IMPORT, f"{layer} is a new folder: say in MAY_IMPORT what it may import"
    modules = imported(without_type_checking(tree_of(name)), late=True)
    assert own_layers(modules) <= MAY_IMPORT[layer]


@pytest.mark.parametrize("name", [name for name in NAMES if name in FOUNDATION])
def test_the_foundation_imports_nothing_at_all(name):
    packages = {module.split(".")[0] for module in imported(tree_of(name), late=True)}
    assert packages <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("name", NAMES)
def test_optional_packages_are_never_imported_when_a_module_is(name):
    packages = {module.split(".")[0] for module in imported(without_type_checking(tree_of(name)), late=False)}
    assert packages - set(sys.stdlib_module_names) - {"llmops_plugins"} <= REQUIRED


@pytest.mark.parametrize("name", NAMES)
def test_the_integrations_are_not_known_here(name):
    assert "llmops_integrations" not in {one.split(".")[0] for one in imported(tree_of(name), late=True)}


@pytest.mark.parametrize("name", [name for name in NAMES if len(Path(name).parts) == 1])
def test_the_core_imports_heavy_packages_only_where_it_uses_them(name):
    packages = {module.split(".")[0] for module in imported(tree_of(name), late=False)}
    assert packages.isdisjoint(IMPORTED_LATE)


def test_the_reader_of_imports_reads():
    assert own_layers({"llmops_plugins.cascade.flow.Tier", "llmops_plugins.errors.X", "os"}) == {
        "cascade",
        "core",
    }
    source = "import os\ndef f():\n    from llmops_plugins.cli import main\n"
    assert imported(ast.parse(source), late=True) == {"os", "llmops_plugins.cli.main"}
    assert imported(ast.parse(source), late=False) == {"os"}
    checked = without_type_checking(ast.parse("if TYPE_CHECKING:\n    import numpy\n"))
    assert imported(checked, late=True) == set()
