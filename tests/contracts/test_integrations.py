"""The integrations stand beside the package: it never imports them, and each says which extra it needs."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import llmops_integrations
import llmops_plugins

ROOT = Path(llmops_integrations.__file__).parent
MODULES = sorted(
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in ROOT.rglob("*.py")
)
EXTRAS = tomllib.loads((ROOT.parents[1] / "pyproject.toml").read_text())["project"]["optional-dependencies"]
OPTIONAL = ("llama_index", "gptcache", "faiss", "matplotlib", "pydantic_monty", "tokenizers")

IMPORT_WITHOUT = """
import importlib, sys
blocked = {blocked!r}
for name in blocked:
    sys.modules[name] = None  # as if it were not installed
from llmops_plugins.errors import MissingExtraError
try:
    importlib.import_module({module!r})
except MissingExtraError as error:
    print(error)
"""


def output_of(script):
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("module", MODULES)
def test_without_its_package_a_module_imports_or_names_the_extra(module):
    said = output_of(IMPORT_WITHOUT.format(blocked=OPTIONAL, module=module))
    if said:
        (extra,) = re.findall(r'pip install "llmops-plugins\[([a-z-]+)\]"$', said)
        assert extra in EXTRAS


def test_a_missing_extra_is_one_sentence():
    script = IMPORT_WITHOUT.format(blocked=OPTIONAL, module="llmops_integrations.llama_index")
    assert output_of(script) == (
        "llama_index: llama-index-core is not installed, "
        'install it with pip install "llmops-plugins[llama-index]"'
    )


def test_importing_every_module_of_the_package_imports_no_integration_and_nothing_optional():
    package = Path(llmops_plugins.__file__).parent
    names = [
        ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in package.rglob("*.py")
        if path.name != "__main__.py"
    ]
    script = f"import importlib, sys\nfor name in {names!r}: importlib.import_module(name)\n"
    script += "print(*{name.split('.')[0] for name in sys.modules})"
    assert set(output_of(script).split()).isdisjoint({*OPTIONAL, "llmops_integrations"})


@pytest.mark.parametrize("module", MODULES)
def test_every_module_declares_its_public_names_in_order(module):
    path = ROOT.parent / Path(*module.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    tree = ast.parse(source.read_text())
    declared = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    own = {node.name for node in tree.body if isinstance(node, kinds) and node.name[0] != "_"}
    assert own <= {name for names in declared for name in names}
    assert all(names == sorted(names) for names in declared)
