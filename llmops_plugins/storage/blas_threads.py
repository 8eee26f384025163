"""Keeps numpy's BLAS on one thread while small matrices are multiplied."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from llmops_plugins.storage.fork_safe_lock import ForkSafeLock

__all__ = ["one_blas_thread"]


class _ThreadCount(NamedTuple):
    """A BLAS library's two functions for the number of its threads."""

    get: Any
    set: Any


@lru_cache(maxsize=1)
def _thread_counts() -> tuple[_ThreadCount, ...]:
    """Return those of the OpenBLAS that numpy's wheels bring; another BLAS is left alone.

    Not by threadpoolctl: since 3.7 it listens to one thread of a process and does nothing, in silence, for
    any other.
    """
    import numpy as np

    numpy = Path(np.__file__).parent
    files = [*(numpy.parent / "numpy.libs").glob("*openblas*"), *(numpy / ".dylibs").glob("*openblas*")]
    names = [(prefix + "openblas_", suffix) for prefix, suffix in product(("", "scipy_"), ("", "64_"))]
    return tuple(
        _ThreadCount(
            get=getattr(library, f"{prefix}get_num_threads{suffix}"),
            set=getattr(library, f"{prefix}set_num_threads{suffix}"),
        )
        for library in (ctypes.CDLL(str(file)) for file in files)  # is loaded already: the same one
        for prefix, suffix in names
        if hasattr(library, f"{prefix}set_num_threads{suffix}")
    )


class _Limit:
    """The limit that all who ask for one at the same time share."""

    def __init__(self) -> None:
        self._lock = ForkSafeLock()
        self._before: list[int] | None = None
        self._holders = 0

    def take(self) -> None:
        with self._lock:
            if self._holders == 0:
                if self._before is None:  # else this is a child, forked while the parent's limit was on
                    self._before = [count.get() for count in _thread_counts()]
                _set([1] * len(self._before))
            self._holders += 1

    def release(self) -> None:
        with self._lock:
            self._holders -= 1
            if self._holders == 0 and self._before is not None:
                _set(self._before)
                self._before = None

    def forget_parent(self) -> None:
        """Drop the holders, who do not exist in a forked child; the next one lifts their limit."""
        self._holders = 0


def _set(numbers: list[int]) -> None:
    for count, number in zip(_thread_counts(), numbers, strict=True):
        count.set(number)


_LIMIT = _Limit()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_LIMIT.forget_parent)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep the process's BLAS on one thread until the last of all who asked for it is done.

    BLAS threads wait for one another by spinning: with fewer free cores than threads, a product that takes
    10 ms on one thread takes 500 ms. And a process that forks in the middle of a product on several threads
    leaves both itself and the child waiting forever. The limit is the whole process's, so whoever comes
    second must not take the first one's limit for what to restore.
    """
    _LIMIT.take()
    try:
        yield
    finally:
        _LIMIT.release()
