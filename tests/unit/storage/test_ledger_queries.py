import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert
from sqlalchemy.event import listen

from llmops_plugins.errors import DatabaseUnavailableError
from llmops_plugins.storage.database import CALLS, DECISIONS, create_tables, open_engine
from llmops_plugins.storage.ledger_queries import LedgerQueries

NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)


def call(**columns):
    return {
        "call_id": str(uuid.uuid4()),
        "run_id": str(uuid.uuid4()),
        "trace_id": "trace",
        "started_at": NOON,
        "kind": "answer",
        "hidden": False,
        "rejected": False,
        "attempt": 1,
        "model": "large",
        "status": "ok",
        "usage_source": "reported",
        "input_tokens": 10,
        "output_tokens": 5,
        "cost_usd": 0.25,
        "user_metadata": {},
        "resent_tokens": 0,
        **columns,
    }


def decision(**columns):
    return {
        "decision_id": str(uuid.uuid4()),
        "run_id": str(uuid.uuid4()),
        "trace_id": "trace",
        "at": NOON,
        "capability": "cascade",
        "outcome": "accepted",
        "reason": "both agree",
        "mode": "on",
        "saved_basis": "estimated",
        "saved_usd": 1.0,
        "spent_usd": 0.5,
        **columns,
    }


UNPRICED = {"cost_usd": None}
WITHOUT_USAGE = {"cost_usd": None, "usage_source": "none", "input_tokens": None, "output_tokens": None}
FAILED = {**WITHOUT_USAGE, "status": "error"}


@pytest.fixture
def ledger():
    engine = open_engine("sqlite://")
    create_tables(engine)

    def write(*rows):
        with engine.begin() as connection:
            for row in rows:
                connection.execute(insert(CALLS if "call_id" in row else DECISIONS), row)
        return engine

    yield write
    engine.dispose()


@pytest.mark.parametrize(
    ("rows", "cost"),
    [
        ([], 0.0),
        ([{}, {}], 0.5),
        ([{}, UNPRICED], 0.25),
        ([UNPRICED], None),
        ([WITHOUT_USAGE], None),
        ([FAILED], 0.0),
        ([FAILED, UNPRICED], None),
        ([{"cost_usd": 0.0}], 0.0),
    ],
)
def test_an_unknown_cost_is_never_zero(ledger, rows, cost):
    queries = LedgerQueries(ledger(*(call(**row) for row in rows)))
    assert queries.totals()["cost_usd"] == cost
    assert [row["cost_usd"] for row in queries.grouped({"model": "model"})] == ([cost] if rows else [])


@pytest.mark.parametrize(
    ("hidden", "cost"), [([], 0.0), ([{}], 0.25), ([UNPRICED], None), ([WITHOUT_USAGE, {}], 0.25)]
)
def test_an_unknown_hidden_cost_is_not_zero_beside_known_answers(ledger, hidden, cost):
    queries = LedgerQueries(ledger(call(), *(call(hidden=True, kind="judge", **row) for row in hidden)))
    assert queries.totals()["hidden_cost_usd"] == cost


def test_calls_are_counted_by_what_is_missing(ledger):
    queries = LedgerQueries(
        ledger(
            call(),
            call(model="new", **UNPRICED),
            call(model="silent", **WITHOUT_USAGE),
            call(model="down", **FAILED),
            call(status="refused"),
        )
    )
    totals = queries.totals()
    assert totals["calls"] == 4  # a refused call was never sent
    assert (totals["unpriced_calls"], totals["calls_without_usage"]) == (1, 1)
    assert (totals["finished_calls"], totals["reported_calls"]) == (3, 2)
    assert queries.unpriced_models() == ["new"]
    assert queries.models_without_usage() == ["silent"]


def test_groups_come_dearest_first(ledger):
    queries = LedgerQueries(
        ledger(call(node="a"), call(node="b", cost_usd=2.0), call(node="c", **UNPRICED), call(node="a"))
    )
    assert [row["key_node"] for row in queries.grouped({"node": "node"})] == ["b", "a", "c"]


def test_days_are_utc(ledger):
    queries = LedgerQueries(ledger(call(), call(started_at=NOON - timedelta(hours=13))))
    assert {row["key_day"] for row in queries.grouped({"day": "started_at"})} == {"2026-03-20", "2026-03-19"}


@pytest.mark.parametrize("key", ["customer", "a.b", "a b", "$.x", "%s", ":x", "müller", "[0]", "a'b"])
def test_any_metadata_key_can_be_grouped_by(ledger, key):
    queries = LedgerQueries(
        ledger(call(user_metadata={key: "ann"}), call(user_metadata={key: "bob"}), call())
    )
    assert {row[f"key_{key}"] for row in queries.grouped({key: None})} == {"ann", "bob", None}


def test_a_selection_is_by_time_and_conversation(ledger):
    old = NOON - timedelta(days=1)
    engine = ledger(
        call(thread_id="a"),
        call(thread_id="b"),
        call(thread_id="a", started_at=old),
        decision(thread_id="a"),
        decision(thread_id="a", at=old),
    )
    assert LedgerQueries(engine, since=NOON).totals()["calls"] == 2
    assert LedgerQueries(engine, thread="a").totals()["calls"] == 2
    both = LedgerQueries(engine, since=NOON, thread="a")
    assert both.totals()["calls"] == 1
    assert [row["count"] for row in both.decisions()] == [1]


def test_decisions_are_kept_apart_by_mode_and_basis(ledger):
    queries = LedgerQueries(
        ledger(
            decision(),
            decision(saved_usd=None),
            decision(saved_basis="measured"),
            decision(mode="shadow"),
        )
    )
    found = [(row["mode"], row["saved_basis"], row["count"], row["unpriced"]) for row in queries.decisions()]
    assert found == [("on", "estimated", 2, 1), ("on", "measured", 1, 0), ("shadow", "estimated", 1, 0)]


def test_a_trace_is_found_by_how_its_id_begins(ledger):
    engine = ledger(
        call(trace_id="abc-1"),
        call(trace_id="abd-2", started_at=NOON + timedelta(hours=1), thread_id="t"),
        decision(trace_id="abc-1"),
    )
    queries = LedgerQueries(engine)
    calls, decisions = queries.trace_rows("abc")
    assert ([row["trace_id"] for row in calls], len(decisions)) == (["abc-1"], 1)
    assert queries.trace_rows(None)[0][0]["trace_id"] == "abd-2"
    assert queries.trace_rows("%") == ([], [])
    assert queries.trace_rows("ab_") == ([], [])
    assert LedgerQueries(engine, thread="t").trace_rows("abc") == ([], [])


def test_a_trace_whose_calls_were_all_refused_can_still_be_read(ledger):
    calls, _ = LedgerQueries(ledger(call(**WITHOUT_USAGE | {"status": "refused"}))).trace_rows("trace")
    assert [row["status"] for row in calls] == ["refused"]


def test_run_ids_are_those_of_calls_and_decisions(ledger):
    assert LedgerQueries(ledger(call(run_id="1"), decision(run_id="2"))).run_ids() == {"1", "2"}


def test_input_parts_add_up_to_the_billed_input(ledger):
    breakdown = {"billed": True, "system": 3, "user": 4, "tools": {"look_up": 3}}
    queries = LedgerQueries(ledger(call(input_breakdown=breakdown), call(input_breakdown=breakdown)))
    assert queries.input_parts(["system", "user", "memory"]) == {"system": 6, "user": 8, "tools": 6}


def test_reading_creates_nothing(tmp_path):
    for url in (f"sqlite:///{tmp_path}/none.db", f"sqlite:///{tmp_path}/no/folder.db"):
        with pytest.raises(DatabaseUnavailableError):
            LedgerQueries(open_engine(url)).totals()
    assert list(tmp_path.iterdir()) == []


def test_decisions_are_read_page_by_page_each_once_and_in_order():
    engine = open_engine("sqlite://")
    create_tables(engine)
    hours = [NOON + timedelta(hours=number // 1_500) for number in range(3_500)]
    rows = [decision(at=at, details={"number": number}) for number, at in enumerate(hours)]
    others = [decision(capability="hierarchy"), decision(mode="shadow")]
    with engine.begin() as connection:
        connection.execute(
            insert(DECISIONS), [{"details": None, **row} for row in [*reversed(rows), *others]]
        )
    statements = []
    listen(engine, "after_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    found = LedgerQueries(engine).decided("cascade")
    day, details = next(found)
    first = len(statements)
    numbers = [details["number"], *(details["number"] for _, details in found)]
    assert day == "2026-03-20"
    assert first < len(statements)
    assert sorted(numbers) == list(range(3_500))
    assert [number // 1_500 for number in numbers] == sorted(number // 1_500 for number in range(3_500))


def test_of_a_ledger_without_decisions_none_is_read():
    engine = open_engine("sqlite://")
    create_tables(engine)
    assert list(LedgerQueries(engine).decided("cascade")) == []
