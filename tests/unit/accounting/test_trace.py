import uuid
from datetime import UTC, datetime

import pytest
from langgraph.graph import START, MessagesState, StateGraph
from sqlalchemy import insert

from llmops_plugins.accounting.ledger import CostLedger
from llmops_plugins.accounting.trace import read_trace
from llmops_plugins.errors import ConfigurationError, DatabaseUnavailableError
from llmops_plugins.models.registry import ModelRegistry, ModelSpec, Price
from llmops_plugins.storage.database import CALLS, create_tables, open_engine
from llmops_plugins.testing import ScriptedChatModel

NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)


def call(**columns):
    return {
        "call_id": str(uuid.uuid4()),
        "run_id": str(uuid.uuid4()),
        "trace_id": "abc",
        "started_at": NOON,
        "kind": "answer",
        "hidden": False,
        "rejected": False,
        "attempt": 1,
        "status": "ok",
        "usage_source": "reported",
        "input_tokens": 10,
        "output_tokens": 5,
        "cost_usd": 0.25,
        **columns,
    }


def trace_of(*rows):
    engine = open_engine("sqlite://")
    create_tables(engine)
    with engine.begin() as connection:
        for row in rows:
            connection.execute(insert(CALLS), row)
    return read_trace(engine, None)


def test_a_trace_holds_a_runs_calls_in_order():
    registry = ModelRegistry([ModelSpec(name="m", prices=(Price(input=10.0, output=20.0),))])
    model = ScriptedChatModel(replies=["think", "answer"], model_name="m")

    def plan(state):
        model.invoke("plan")

    def write(state):
        return {"messages": [model.invoke(state["messages"])]}

    builder = StateGraph(MessagesState).add_sequence([plan, write]).add_edge(START, "plan")
    with CostLedger("sqlite://", registry=registry) as ledger:
        builder.compile().invoke({"messages": [("user", "?")]})
    trace = ledger.trace()
    assert ledger.trace(trace.trace_id[:8]) == trace
    ledger.close()
    assert [(one.graph_path, one.hidden) for one in trace.calls] == [("plan", True), ("write", False)]
    assert trace.cost_usd == pytest.approx(0.0004)
    assert not trace.is_partial


UNPRICED = {"cost_usd": None}
WITHOUT_USAGE = {"cost_usd": None, "usage_source": "none", "input_tokens": None, "output_tokens": None}
FAILED = {**WITHOUT_USAGE, "status": "error"}


@pytest.mark.parametrize(
    ("rows", "cost", "partial"),
    [
        ([{}, {}], 0.5, False),
        ([{}, UNPRICED], 0.25, True),
        ([UNPRICED], None, True),
        ([WITHOUT_USAGE], None, True),
        ([{}, FAILED], 0.25, False),
        ([FAILED], 0, False),
    ],
)
def test_an_unknown_cost_makes_a_trace_partial_or_unknown(rows, cost, partial):
    trace = trace_of(*(call(**row) for row in rows))
    assert (trace.cost_usd, trace.is_partial) == (cost, partial)


def test_a_trace_that_is_not_there_is_refused(tmp_path):
    engine = open_engine("sqlite://")
    create_tables(engine)
    with pytest.raises(ConfigurationError, match=r"^trace: there is no call yet"):
        read_trace(engine, None)
    with pytest.raises(ConfigurationError, match=r"^trace: none begins with 'abc'"):
        read_trace(engine, "abc")
    with pytest.raises(DatabaseUnavailableError):
        read_trace(open_engine(f"sqlite:///{tmp_path}/none.db"), None)
