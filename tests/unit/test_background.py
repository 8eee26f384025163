"""Background work is bounded, counted, ends in time or is seen to be pending, and never raises."""

import asyncio
import contextvars
import gc
import threading
import warnings

import pytest

from llmops_plugins.background import Background, BackgroundCounts


def nothing():
    return None


@pytest.fixture
def background():
    return Background(max_running=2, max_pending=3)


def test_work_runs_with_the_callers_context(background):
    variable = contextvars.ContextVar("variable")
    variable.set("mine")
    seen = []
    background.start_thread(lambda: seen.append(variable.get()), abandon=nothing)
    assert background.drain(5)
    assert seen == ["mine"]
    assert background.counts == BackgroundCounts(started=1, failed=0, dropped=0)


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(1), KeyboardInterrupt()])
def test_any_failure_in_a_thread_is_counted(background, error):
    def fail():
        raise error

    background.start_thread(fail, abandon=nothing)
    assert background.drain(5)
    assert background.counts == BackgroundCounts(started=1, failed=1, dropped=0)


def test_at_most_so_many_threads_run_and_what_has_no_room_is_abandoned(background):
    free, running, most = threading.Event(), [], []
    lock = threading.Lock()

    def work():
        with lock:
            running.append(1)
            most.append(len(running))
        free.wait(5)
        with lock:
            running.pop()

    abandoned = []
    for _ in range(5):
        background.start_thread(work, abandon=lambda: abandoned.append(1))
    assert len(abandoned) == 2
    assert not background.drain(0.05)
    free.set()
    assert background.drain(5)
    assert max(most) == 2
    assert background.counts == BackgroundCounts(started=3, failed=0, dropped=2)


def test_room_comes_back(background):
    for _ in range(10):
        background.start_thread(nothing, abandon=nothing)
        assert background.drain(5)
    assert background.counts.dropped == 0


def test_threads_do_not_keep_the_program_alive(background):
    free = threading.Event()
    background.start_thread(lambda: free.wait(5), abandon=nothing)
    assert all(one.daemon for one in threading.enumerate() if one.name == "llmops-background")
    free.set()
    assert background.drain(5)


def test_a_process_that_may_start_no_thread_drops_the_work(background, monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    abandoned = []
    background.start_thread(nothing, abandon=lambda: abandoned.append(1))
    assert abandoned == [1]
    assert background.counts == BackgroundCounts(started=0, failed=0, dropped=1)
    assert background.drain(0)


async def test_tasks_are_bounded_counted_and_abandoned(background):
    free, running, most = asyncio.Event(), [], []

    async def work():
        running.append(1)
        most.append(len(running))
        await free.wait()
        running.pop()

    abandoned = []
    for _ in range(5):
        background.start_task(work(), abandon=lambda: abandoned.append(1))
    assert len(abandoned) == 2
    assert not await background.adrain(0.05)
    free.set()
    assert await background.adrain(5)
    assert max(most) == 2
    assert background.counts == BackgroundCounts(started=3, failed=0, dropped=2)


async def test_a_failing_task_is_counted_and_asyncio_has_nothing_to_complain_of(background):
    complaints = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: complaints.append(context))

    async def fail():
        raise ValueError("x")

    background.start_task(fail(), abandon=nothing)
    assert await background.adrain(5)
    gc.collect()
    assert background.counts.failed == 1
    assert complaints == []


def test_a_loop_that_ends_takes_its_tasks_with_it_and_the_room_comes_back(background):
    async def forever():
        await asyncio.sleep(60)

    async def main():
        for _ in range(3):  # two run, one waits for room
            background.start_task(forever(), abandon=nothing)

    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # a coroutine that was never awaited
        asyncio.run(main())
        gc.collect()
    assert background.drain(0)
    assert background.counts == BackgroundCounts(started=3, failed=3, dropped=0)


def test_loops_in_several_threads_share_one_background(background):
    finished = []

    async def work():
        finished.append(1)

    async def main():
        background.start_task(work(), abandon=nothing)
        await asyncio.sleep(0.01)

    threads = [threading.Thread(target=asyncio.run, args=(main(),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(finished) == 3
    assert background.drain(0)
