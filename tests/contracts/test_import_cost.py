"""``import llmops_plugins`` costs next to nothing: what is heavy is imported where it is used."""

import subprocess
import sys

import pytest

HEAVY = (
    "sqlalchemy",
    "genai_prices",
    "yaml",
    "rich",
    "typer",
    "langchain",
    "langgraph",
    "langchain_core",
    "numpy",
)


def modules_after(statement):
    """Return the top-level packages that a fresh interpreter has loaded after a statement."""
    script = f"{statement}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_imports_nothing_heavy():
    assert modules_after("import llmops_plugins").isdisjoint(HEAVY)


@pytest.mark.parametrize("module", ["errors", "events", "background", "gathering"])
def test_modules_that_need_no_framework_do_not_import_one_for_their_names(module):
    heavy = {"sqlalchemy", "genai_prices", "rich", "typer"}
    assert modules_after(f"import llmops_plugins.{module}").isdisjoint(heavy)


@pytest.mark.parametrize("module", ["flow", "flow_middleware", "wrapped_model.wrap", "testing"])
def test_the_core_brings_no_database_and_no_command_line(module):
    assert modules_after(f"import llmops_plugins.{module}").isdisjoint(
        {"sqlalchemy", "genai_prices", "typer"}
    )
