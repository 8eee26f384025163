"""What a user names as ``module:attribute`` or ``file.py:attribute``."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from llmops_plugins.backtest.error_sentence import error_sentence
from llmops_plugins.errors import ConfigurationError

__all__ = ["importable", "load_attribute"]


def load_attribute(path: str, field: str) -> Any:
    """Return what is at ``module:attribute`` or ``file.py:attribute``, or None where the module lacks it.

    Args:
        path: Where it is; modules are looked for in the current folder too.
        field: The setting that names it, for errors.

    Raises:
        ConfigurationError: If the module cannot be imported.
    """
    module_name, _, attribute = path.rpartition(":")
    try:
        with importable(path):
            return getattr(_module(module_name), attribute, None)
    except (Exception, SystemExit) as error:
        raise ConfigurationError(
            field, f"{module_name} cannot be imported ({error_sentence(error)}), check the path"
        ) from error


@contextmanager
def importable(*paths: str) -> Iterator[None]:
    """Let users' modules import what lies in the current folder or beside them, while they are in use.

    Functions import too, so this has to last for as long as they are called.

    Args:
        paths: Where the modules are, as :func:`load_attribute` takes them.
    """
    # A command on the path does not see the folder it is called from, unlike `python -m`.
    wanted = dict.fromkeys(folder for path in paths for folder in _folders(path.rpartition(":")[0]))
    added = [folder for folder in wanted if folder not in sys.path]
    sys.path[:0] = added
    try:
        yield
    finally:
        for folder in added:
            if folder in sys.path:
                sys.path.remove(folder)


def _folders(module_name: str) -> list[str]:
    beside = [str(Path(module_name).resolve().parent)] if module_name.endswith(".py") else []
    return [*beside, str(Path.cwd())]


def _module(name: str) -> ModuleType:
    if not name.endswith(".py"):
        return importlib.import_module(name)
    file = Path(name).resolve(strict=True)
    # Its own name could be that of a module imported before: a json.py is not the json of Python.
    unique = f"{file.stem}_{hashlib.sha256(str(file).encode()).hexdigest()[:12]}"
    if unique in sys.modules:
        return sys.modules[unique]
    spec = importlib.util.spec_from_file_location(unique, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[unique] = module  # dataclasses look for their module there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[unique]
        raise
    return module
