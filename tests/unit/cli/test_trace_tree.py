from datetime import UTC, datetime, timedelta

from rich.console import Console

from llmops_plugins.accounting.trace import Trace, TracedCall, TracedDecision
from llmops_plugins.cli.trace_tree import trace_tree

NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)


def call(second, path, **columns):
    defaults = {
        "step": 1,
        "tool": None,
        "kind": "step",
        "hidden": False,
        "rejected": False,
        "attempt": 1,
        "model": "m",
        "status": "ok",
        "input_tokens": 1200,
        "output_tokens": 5,
        "resent_tokens": 0,
        "cost_usd": 0.5,
        "latency_seconds": 1.0,
    }
    return TracedCall(started_at=NOON + timedelta(seconds=second), graph_path=path, **{**defaults, **columns})


def decision(second, path, **columns):
    defaults = {"capability": "cascade", "outcome": "accepted", "reason": "both agree", "mode": "on"}
    saved = {"spent_usd": 0.1, "saved_usd": 1.0, "saved_basis": "estimated"}
    return TracedDecision(
        at=NOON + timedelta(seconds=second), graph_path=path, **{**defaults, **saved, **columns}
    )


def drawn(calls, decisions=()):
    out = Console(width=200, markup=False, color_system=None)
    with out.capture() as capture:
        out.print(trace_tree(Trace(trace_id="abcdefgh-1", calls=calls, decisions=list(decisions))))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_nodes_nest_and_a_node_that_runs_again_opens_a_new_branch():
    lines = drawn(
        [
            call(0, "plan"),
            call(1, "team/writer", step=2),
            call(3, "team/writer", step=3),
            call(4, None, step=None),
        ],
        [decision(2, "team/writer")],
    )
    assert lines == [
        "trace abcdefgh  $2.0000",
        "├── plan",
        "│   └── m  step  1,200 in, 5 out  $0.5000",
        "├── team",
        "│   ├── writer",
        "│   │   ├── m  step  1,200 in, 5 out  $0.5000",
        "│   │   └── cascade accepted: both agree, saved $1.0000 (estimated)",
        "│   └── writer",
        "│       └── m  step  1,200 in, 5 out  $0.5000",
        "└── m  step  1,200 in, 5 out  $0.5000",
    ]


def test_every_mark_of_a_call_is_said():
    (line,) = drawn(
        [
            call(
                0,
                None,
                tool="search",
                rejected=True,
                attempt=2,
                status="aborted",
                resent_tokens=7,
                kind="judge",
            )
        ]
    )[1:]
    assert line.endswith(
        "m  judge, in search, rejected, attempt 2, aborted  1,200 in, 5 out, 7 re-sent  $0.5000"
    )


def test_what_is_not_known_is_said_and_what_cost_nothing_is_not():
    nothing = {"input_tokens": None, "output_tokens": None, "cost_usd": None, "resent_tokens": None}
    lines = drawn(
        [call(0, None, **nothing), call(1, None, status="error", **nothing), call(2, None, cost_usd=None)]
    )
    assert lines == [
        "trace abcdefgh  unknown",
        "├── m  step  no usage reported  unknown",
        "├── m  step, error",
        "└── m  step  1,200 in, 5 out  unknown",
    ]


def test_shadow_decisions_and_unknown_savings_are_marked():
    (line,) = drawn([], [decision(0, None, mode="shadow", saved_usd=None)])[1:]
    assert line.endswith("cascade accepted (shadow): both agree, saved unknown (estimated)")
