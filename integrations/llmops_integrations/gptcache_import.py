"""Imports GPTCache without the two things it does unasked: unpickling a file, and running pip."""

from __future__ import annotations

import importlib
import logging
import os
import re
import sys
import threading
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.metadata import PackageNotFoundError, distribution
from types import ModuleType
from typing import Any

from llmops_plugins.errors import MissingExtraError

__all__ = ["import_gptcache"]

_DATA_MANAGER = "gptcache.manager.data_manager"
_LOCK = threading.Lock()


def import_gptcache() -> Any:
    """Import GPTCache, whatever the working directory holds, and keep it from running pip from then on.

    Importing it makes a default map of entries that is read with ``pickle`` from ``./data_map.txt``, so
    whoever can write that file can run code. Imported here, the default map starts empty and is never
    written, and the file stays as it is; maps that are made later with a path of their own work as ever.
    Where GPTCache was imported before, its default map has been read already, and only pip is kept off.

    Returns:
        The package ``gptcache``.

    Raises:
        MissingExtraError: It is not installed. A part of GPTCache that would have installed a package
            raises this error too, naming the package.
    """
    with _LOCK:
        gptcache = sys.modules.get("gptcache") or _import_without_reading()
        for name in ("gptcache.utils.dependency_control", "gptcache.utils"):
            vars(importlib.import_module(name))["prompt_install"] = _refuse_to_install
    return gptcache


def _import_without_reading() -> ModuleType:
    finder = _DataManagerFinder()
    root = logging.getLogger()
    handlers = root.handlers[:]
    sys.meta_path.insert(0, finder)
    try:
        gptcache = importlib.import_module("gptcache")
    except ModuleNotFoundError as error:
        if error.name != "gptcache":
            raise
        raise MissingExtraError(
            "cache", 'GPTCache is not installed, install it with pip install "llmops-plugins[gptcache]"'
        ) from None
    finally:
        sys.meta_path.remove(finder)
        root.handlers[:] = handlers  # it calls logging.basicConfig, which is for the application to do
    finder.restore()
    return gptcache


class _DataManagerFinder(MetaPathFinder):
    """Changes one module between its own code and that of whoever imports it."""

    def __init__(self) -> None:
        self._changed: list[tuple[Any, Any]] = []

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _DATA_MANAGER:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = _DataManagerLoader(fullname, spec.origin, self._changed)
        return spec

    def restore(self) -> None:
        for manager, read in self._changed:
            manager.init = read


class _DataManagerLoader(SourceFileLoader):
    def __init__(self, fullname: str, path: str, changed: list[tuple[Any, Any]]) -> None:
        super().__init__(fullname, path)
        self._changed = changed

    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        manager: Any = vars(module)["MapDataManager"]
        self._changed.append((manager, manager.init))
        manager.init = _start_empty


def _start_empty(manager: Any) -> None:
    # Written at exit, an empty map would replace the entries of the file that was not read.
    manager.data_path = os.devnull


def _refuse_to_install(package: str, warn: bool = False) -> None:
    name = re.sub(r"[^\w.-].*", "", package.strip("'\"").partition("==")[0])
    try:
        # GPTCache looks for some packages by names nothing can be imported under, and asks for them always.
        distribution(name)
    except PackageNotFoundError:
        raise MissingExtraError(
            "cache", f"GPTCache needs {name} for this and would run pip: install it with pip install {name}"
        ) from None
