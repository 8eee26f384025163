import asyncio
import os
import signal
import threading

import pytest

from llmops_plugins.backtest.private_loop import with_private_loop


async def here():
    return asyncio.get_running_loop(), threading.current_thread()


def twice(runner):
    return runner.run(here()), runner.run(here())


def test_all_work_is_in_one_loop_of_this_thread_where_none_is_running():
    (loop, thread), again = twice_done = with_private_loop(twice)
    assert twice_done == ((loop, thread), again)
    assert again == (loop, threading.current_thread())
    assert loop.is_closed()


def test_all_work_is_in_one_other_loop_where_one_is_running():
    async def cell():
        return asyncio.get_running_loop(), with_private_loop(twice)

    outer, (first, again) = asyncio.run(cell())
    assert first == again
    assert first[0] is not outer
    assert first[1] is not threading.current_thread()


def test_an_error_comes_through():
    async def fails():
        raise LookupError("no")

    async def cell():
        with_private_loop(lambda runner: runner.run(fails()))

    with pytest.raises(LookupError, match="no"):
        asyncio.run(cell())


@pytest.mark.skipif(os.name == "nt", reason="sends itself a signal")
def test_an_interrupt_of_a_notebook_ends_the_work():
    ended = []

    async def long():
        await asyncio.sleep(0.1)  # until the other thread waits for this one
        os.kill(os.getpid(), signal.SIGINT)
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    async def cell():
        with_private_loop(lambda runner: runner.run(long()))

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    loop = asyncio.new_event_loop()  # unlike asyncio.run, leaves the signal's handler as it is in a notebook
    try:
        with pytest.raises(KeyboardInterrupt):
            loop.run_until_complete(cell())
    finally:
        loop.close()
        signal.signal(signal.SIGINT, before)
    assert ended == ["cancelled"]
