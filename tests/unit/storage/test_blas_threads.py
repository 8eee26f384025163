"""BLAS works on one thread for all who ask, from any thread, and gets its threads back after the last."""

import threading

import numpy as np
import pytest

from llmops_plugins.storage import blas_threads
from llmops_plugins.storage.blas_threads import _Limit, one_blas_thread


def threads():
    return [count.get() for count in blas_threads._thread_counts()]


@pytest.fixture(autouse=True)
def three_threads():
    if not threads():
        pytest.skip("this numpy brings no OpenBLAS of its own")
    before = threads()
    blas_threads._set([3] * len(before))
    yield
    blas_threads._set(before)


def test_threads_come_back_after_the_last_one():
    first, second = one_blas_thread(), one_blas_thread()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert set(threads()) == {1}
    second.__exit__(None, None, None)
    assert set(threads()) == {3}


def test_an_error_gives_them_back_too():
    with pytest.raises(ValueError, match="mismatch"), one_blas_thread():
        np.ones((2, 2)) @ np.ones((3, 2))
    assert set(threads()) == {3}


def test_any_thread_may_ask():
    seen = []

    def work():
        for _ in range(200):
            with one_blas_thread():
                seen.append(max(threads()))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert set(seen) == {1}
    assert set(threads()) == {3}


def test_a_child_forked_under_the_limit_gets_its_threads_back():
    limit = _Limit()
    limit.take()
    limit.forget_parent()
    limit.take()
    assert set(threads()) == {1}
    limit.release()
    assert set(threads()) == {3}
