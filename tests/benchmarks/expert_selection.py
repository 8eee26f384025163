"""What choosing an expert takes, without asking a model, among 200 who all do the task's kind.

Run as ``python -m tests.benchmarks.expert_selection``. Each expert takes something else, so each one's schema
is checked; prices, records and limits differ. Tasks have a text, of 100 or 10,000 characters, and a
reference; ``few fit`` is one that three in four refuse. ``flow`` is all of it: the standings read from a
store of some 17 outcomes an expert, the health asked for, the decision emitted. Building the chooser, once in
a process, is printed apart. Fails where the first choice, or the 95th percentile of a choice itself, is above
10 ms.
"""

import sys
import time

import numpy as np

from llmops_plugins.flow import run
from llmops_plugins.planning.experts.choice import ExpertChooser
from llmops_plugins.planning.experts.expert import Expert
from llmops_plugins.planning.experts.outcomes import ExpertOutcomes
from llmops_plugins.planning.experts.selection import select
from llmops_plugins.planning.experts.standing import Outcome
from llmops_plugins.planning.plan.plan import Task

EXPERTS, ROUNDS = 200, 200
TARGET_MS = 10.0
ATTEMPTS = 3
KIND = "translate"


def expert(number):
    properties = {
        "text": {"type": "string"},
        "language": {"type": "string", "enum": ["de", "fr", "no"]},
        "options": {"$ref": "#/$defs/Options"},
    }
    declared = {"tone": {"type": "integer" if number % 4 else "string"}, f"option_{number}": {}}
    options = {"type": "object", "properties": declared}
    return Expert(
        name=f"expert-{number}",
        kinds=[KIND],
        description=f"Translates texts in way {number}.",
        arguments={
            "type": "object",
            "properties": properties,
            "required": ["text", "language"],
            "$defs": {"Options": options},
        },
        cost_usd=None if number % 10 == 0 else number / 10_000,
        max_input_tokens=4_000 + number,
        latency_seconds=number / 100,
    )


def task(characters, options=None):
    arguments = {"text": ("some words " * 1_000)[:characters], "language": {"ref": "t0.language"}}
    return Task(id="t1", kind=KIND, arguments={**arguments, "options": options or {}})


def outcomes():
    generator = np.random.default_rng(0)
    return [
        Outcome(
            expert=f"expert-{number}",
            kind=KIND,
            succeeded=bool(generator.random() < 0.4 + 0.6 * number / EXPERTS),
            at=time.time(),
            cost_usd=number / 10_000,
            seconds=1.0,
        )
        for number in range(EXPERTS)
        for _ in range(20 - number % 8)
    ]


def milliseconds(work):
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1_000


def measured(work):
    return np.percentile([milliseconds(work) for _ in range(ROUNDS)], [50, 95])


def main():
    experts = [expert(number) for number in range(EXPERTS)]
    kept = ExpertOutcomes()
    run(kept.record_flow("acme", outcomes()))
    started = time.perf_counter()
    chooser = ExpertChooser(experts, outcomes=kept)
    print(f"{EXPERTS} experts of one kind, chooser built in {(time.perf_counter() - started) * 1_000:.2f} ms")
    standings = run(chooser.standings_flow("acme", [KIND]))
    short, long, refused = task(100), task(10_000), task(100, {"tone": "warm"})

    def flow():
        run(chooser.choose_flow(short, run(chooser.standings_flow("acme", [KIND]))))

    first = milliseconds(lambda: select(short, experts, standings=standings))
    print(f"first choice of a process {first:.2f} ms")
    best = np.inf
    for _ in range(ATTEMPTS):  # a busy machine only adds time
        timed = {
            "short task": measured(lambda: select(short, experts, standings=standings)),
            "long task": measured(lambda: select(long, experts, standings=standings)),
            "few fit": measured(lambda: select(refused, experts, standings=standings)),
            "flow": measured(flow),
        }
        for name, (median, tail) in timed.items():
            print(f"{name} p50 {median:.2f} ms, p95 {tail:.2f} ms")
        best = min(best, max(tail for name, (_, tail) in timed.items() if name != "flow"))
        if best <= TARGET_MS:
            break
    print(f"target: the first choice and the p95 of a choice at most {TARGET_MS:g} ms")
    return 0 if max(best, first) <= TARGET_MS else 1


if __name__ == "__main__":
    sys.exit(main())
