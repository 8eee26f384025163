"""What a calibrated cascade costs the app: time and CPU a call beyond those of the models it asks.

Run as ``python -m tests.benchmarks.cascade_overhead``. A policy asks two models at once and a third where
they differ; none takes any time, so what is left is the cascade's own: threads, evidence, rule and decision.
The same models called one after the other take turns with it in one process, the last of them through
``with_middleware`` and a cascade that is off, since any middleware costs that much. A figure is the median
over rounds of what the cascade adds to the round of its models beside it, as a share of that round: a
processor that others use too runs two or three times slower for some tenths of a second, longer than a round.

The target is in CPU. On a quiet machine the caller waits for just that, as the time beside it shows; where
all processors are taken a thread waits for one, which says nothing about the cascade.
"""

import asyncio
import gc
import statistics
import sys
import time

from llmops_plugins.cascade.calibration import calibrate
from llmops_plugins.cascade.middleware import CascadeMiddleware
from llmops_plugins.models.prices import PriceBook
from llmops_plugins.records.reading import Record, RecordedResponse
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.wrapped_model.wrap import with_middleware

ROUNDS, CALLS = 60, 8
TARGET = 2.5  # times the CPU of the models it asks
ATTEMPTS = 5
QUESTION = "A train leaves at nine and drives 420 km at 70 km an hour. When does it arrive? " * 3
REPLY = "It drives for 420 / 70 = 6 hours, so it arrives six hours after nine. " * 6 + "The answer is {}."


def policy():
    """Calibrate on made-up answers: two cheap models are right where they agree, and only there."""

    def answered(is_right, otherwise, cost):
        text = REPLY.format(15 if is_right else otherwise)
        return RecordedResponse(text=text, score=float(is_right), cost_usd=cost)

    rows = [
        Record(
            line=row + 1,
            record_id=str(row),
            prompt=QUESTION,
            responses={
                "one": answered(row % 5 > 0, 14, 0.02),
                "other": answered(row % 4 > 0, 16, 0.02),
                "large": answered(True, 15, 1.0),
            },
        )
        for row in range(400)
    ]
    found = calibrate(rows, prices=PriceBook())
    assert len(found.models) == 3
    return found


def workload(*, agree):
    """Return the cascade, and the models it asks when the cheap ones agree or differ."""
    answers = {"one": 15, "other": 15 if agree else 16, "large": 15}
    models = {
        name: ScriptedChatModel(replies=[REPLY.format(answer)], model_name=name)
        for name, answer in answers.items()
    }
    middleware = CascadeMiddleware(policy=policy(), models=models, recheck_share=0.0)
    asked = [models[name] for name in (("one", "other") if agree else answers)]
    off = CascadeMiddleware(policy=middleware.policy, models=models, recheck_share=0.0, mode="off")
    asked[-1] = with_middleware(asked[-1], off)
    return with_middleware(ScriptedChatModel(replies=["never asked"]), middleware), asked


def measure(call):
    """Return seconds a call of one round: the median, and the CPU of all threads."""
    gc.collect()
    times, cpu = [], time.process_time()
    for _ in range(CALLS):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return statistics.median(times), (time.process_time() - cpu) / CALLS


async def ameasure(call):
    """The async twin of measure, in the running loop."""
    gc.collect()
    times, cpu = [], time.process_time()
    for _ in range(CALLS):
        started = time.perf_counter()
        await call()
        times.append(time.perf_counter() - started)
    return statistics.median(times), (time.process_time() - cpu) / CALLS


def take_turns(cascade, asked):
    """Return what the models alone and the cascade took in each round."""

    def directly():
        for model in asked:
            model.invoke(QUESTION)

    return [(measure(directly), measure(lambda: cascade.invoke(QUESTION))) for _ in range(ROUNDS)]


def atake_turns(cascade, asked):
    """The async twin of take_turns."""

    async def directly():
        for model in asked:
            await model.ainvoke(QUESTION)

    async def rounds():
        return [
            (await ameasure(directly), await ameasure(lambda: cascade.ainvoke(QUESTION)))
            for _ in range(ROUNDS)
        ]

    return asyncio.run(rounds())


def judged(situation, turns, cascade, asked):
    """Compare, and with more rounds after a miss; tell whether the target is met."""
    rounds = []
    for _ in range(ATTEMPTS):
        rounds += turns(cascade, asked)
        models = statistics.median(direct for (direct, _), _ in rounds)
        elapsed, cpu = (
            statistics.median(own[kind] / direct[kind] - 1 for direct, own in rounds) for kind in (0, 1)
        )
        print(f"{situation:24}{models * 1e6:12.0f}{elapsed:12.0%}{cpu:12.0%}")
        if cpu <= TARGET:
            return True
    return False


def main():
    for answer in (True, False):
        take_turns(*workload(agree=answer))
    gc.freeze()  # collecting what was imported would take longer than a round, and leave caches cold
    print(f"{'':24}{'models, us':>12}{'added time':>12}{'added CPU':>12}")
    missed = []
    for answer, agree in (("accepted", True), ("escalated", False)):
        cascade, asked = workload(agree=agree)
        for way, turns in (("invoke", take_turns), ("ainvoke", atake_turns)):
            situation = f"{answer}, {way}"
            if not judged(situation, turns, cascade, asked):
                missed.append(situation)
    print(f"target: the cascade adds at most {TARGET:.0%} of its models' CPU")
    if missed:
        print(f"missed {ATTEMPTS} times: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
