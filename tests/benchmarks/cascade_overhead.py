"""What a calibrated cascade costs the app: caller time a call beyond that of the models it asks.

Run as ``python -m tests.benchmarks.cascade_overhead``. A policy asks two models at once and a third where
they differ; none takes any time, so what is left is the cascade's own: threads, evidence, rule and decision.
The same models called one after the other take turns with it in one process, the last of them through
``with_middleware`` and a cascade that is off, since any middleware costs that much; a figure is the
difference between the best rounds of both, as timeit's manual has it, since others at work only add time.
Microseconds are the machine's, so the target is in what those models take.
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

ROUNDS, CALLS = 25, 40
TARGET = 2.5  # times what the models it asks take
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
    """Return the median microseconds of a call."""
    gc.collect()
    times = []
    for _ in range(CALLS):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1e6


async def ameasure(call):
    """The async twin of measure, in the running loop."""
    gc.collect()
    times = []
    for _ in range(CALLS):
        started = time.perf_counter()
        await call()
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1e6


def compare(cascade, asked):
    """Return the direct calls' median, and the cascade's median difference to them."""

    def directly():
        for model in asked:
            model.invoke(QUESTION)

    pairs = [(measure(directly), measure(lambda: cascade.invoke(QUESTION))) for _ in range(ROUNDS)]
    return summary(pairs)


def acompare(cascade, asked):
    """The async twin of compare."""

    async def directly():
        for model in asked:
            await model.ainvoke(QUESTION)

    async def rounds():
        return [
            (await ameasure(directly), await ameasure(lambda: cascade.ainvoke(QUESTION)))
            for _ in range(ROUNDS)
        ]

    return summary(asyncio.run(rounds()))


def summary(pairs):
    direct = min(base for base, _ in pairs)
    return direct, min(own for _, own in pairs) - direct


def judged(situation, compared, cascade, asked):
    """Compare, again after a miss: a busy machine only adds time, so a miss must repeat."""
    for _ in range(ATTEMPTS):
        direct, added = compared(cascade, asked)
        print(f"{situation:32}{direct:12.0f}{added:12.0f}")
        if added <= TARGET * direct:
            return True
    return False


def main():
    print(f"{'':32}{'models, us':>12}{'added, us':>12}")
    missed = []
    for answer, agree in (("accepted", True), ("escalated", False)):
        cascade, asked = workload(agree=agree)
        for way, compared in (("invoke", compare), ("ainvoke", acompare)):
            situation = f"{answer}, {way}"
            if not judged(situation, compared, cascade, asked):
                missed.append(situation)
    print(f"target: the cascade adds at most {TARGET} times what its models take")
    if missed:
        print(f"missed {ATTEMPTS} times: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
