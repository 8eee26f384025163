"""Who is told that nobody waits any more."""

import threading
from contextvars import copy_context

import pytest

from llmops_plugins.hierarchy.cancellation import cancelled_with, cancelling


class Work:
    """Goes on in a thread of its own, which has the context of whoever began it."""

    def __init__(self, *, in_a_block=False):
        self.stops = 0
        self._in_a_block = in_a_block
        self._has_begun, self._may_end = threading.Event(), threading.Event()
        self._thread = None

    def begin(self):
        self._thread = threading.Thread(target=copy_context().run, args=(self._work,))
        self._thread.start()
        assert self._has_begun.wait(5)

    def end(self):
        self._may_end.set()
        self._thread.join(5)

    def stop(self):
        self.stops += 1

    def _work(self):
        if not self._in_a_block:
            self._wait()
            return
        with cancelling():
            self._wait()

    def _wait(self):
        with cancelled_with(self.stop):
            self._has_begun.set()
            self._may_end.wait(5)


def left_by(error, *begin):
    """Leave a block by an exception after something has begun in it."""
    with cancelling():
        for one in begin:
            one()
        if error is not None:
            raise error


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit, GeneratorExit])
@pytest.mark.parametrize("in_a_block", [False, True])
def test_what_was_begun_inside_is_stopped_in_whichever_thread(interruption, in_a_block):
    work = Work(in_a_block=in_a_block)
    with pytest.raises(interruption):
        left_by(interruption(), work.begin)
    work.end()
    assert work.stops == 1


def test_a_block_within_a_block_is_stopped_once():
    inner, outer = Work(), Work()
    with pytest.raises(KeyboardInterrupt):
        left_by(None, outer.begin, lambda: left_by(KeyboardInterrupt(), inner.begin))
    inner.end()
    outer.end()
    assert (inner.stops, outer.stops) == (1, 1)


def test_what_begins_after_the_interruption_is_stopped_at_once():
    contexts, late = [], Work()
    with pytest.raises(KeyboardInterrupt):
        left_by(KeyboardInterrupt(), lambda: contexts.append(copy_context()))
    contexts[0].run(late.begin)
    late.end()
    assert late.stops == 1


@pytest.mark.parametrize("error", [ValueError("a bug"), None])
def test_an_error_or_a_good_end_stops_nothing(error):
    work = Work()
    if error is None:
        left_by(None, work.begin)
    else:
        with pytest.raises(ValueError, match="a bug"):
            left_by(error, work.begin)
    work.end()
    assert work.stops == 0


def test_what_has_ended_is_not_stopped():
    work = Work()
    with pytest.raises(KeyboardInterrupt):
        left_by(KeyboardInterrupt(), work.begin, work.end)
    assert work.stops == 0


def test_outside_of_a_block_there_is_nobody_to_stop_it():
    work = Work()
    work.begin()
    work.end()
    assert work.stops == 0
