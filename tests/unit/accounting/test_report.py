import json
import math
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from llmops_plugins.accounting.ledger import CostLedger
from llmops_plugins.accounting.report import build_report
from llmops_plugins.errors import ConfigurationError, DatabaseUnavailableError
from llmops_plugins.models.registry import ModelRegistry, ModelSpec, Price
from llmops_plugins.storage.database import CALLS, DECISIONS, LOSSES, create_tables, open_engine
from llmops_plugins.testing import ScriptedChatModel
from tests.timing import least_seconds

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
        "node": "agent",
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


def write(*rows):
    engine = open_engine("sqlite://")
    create_tables(engine)
    with engine.begin() as connection:
        for row in rows:
            connection.execute(insert(CALLS if "call_id" in row else DECISIONS), row)
    return engine


def test_a_report_of_real_calls():
    registry = ModelRegistry([ModelSpec(name="large", prices=(Price(input=10.0, output=20.0),))])
    with CostLedger("sqlite://", registry=registry) as ledger:
        ScriptedChatModel(replies=["yes"], model_name="large").invoke("?")
        ScriptedChatModel(replies=["no"], model_name="other").invoke("?")
    report = ledger.report(by=["model", "kind"])
    ledger.close()
    assert [(row.key, row.calls, row.unpriced_calls) for row in report.rows] == [
        ({"model": "large", "kind": "answer"}, 1, 0),
        ({"model": "other", "kind": "answer"}, 1, 1),
    ]
    assert [row.cost_usd for row in report.rows] == [pytest.approx(0.0002), None]
    assert report.totals.cost_usd == pytest.approx(0.0002)
    assert report.totals.usage_coverage == 1.0
    assert any("1 calls have no known price" in note and "other" in note for note in report.notes)


def test_the_totals_have_the_promised_names():
    totals = build_report(write(call()), ["node", "kind"]).to_dict()["totals"]
    promised = (
        "calls input_tokens output_tokens cost_usd hidden_cost_usd hidden_share saved_measured_usd "
        "saved_estimated_usd usage_coverage unpriced_calls"
    )
    assert set(promised.split()) <= set(totals)


def test_a_ledger_without_calls_reports_nothing_and_says_unknown_shares():
    report = build_report(write(), ["node"])
    assert report.rows == []
    assert report.notes == []
    assert (report.totals.calls, report.totals.cost_usd) == (0, 0.0)
    assert (report.totals.hidden_share, report.totals.usage_coverage) == (None, None)


def test_embeddings_do_not_lower_the_share_of_model_calls_with_usage():
    embedded = {"kind": "embed", "hidden": True, "model": "local", "usage_source": "estimated"}
    totals = build_report(write(call(), call(**embedded), call(**embedded)), ["kind"]).totals
    assert (totals.calls, totals.usage_coverage) == (3, 1.0)
    totals = build_report(write(call(), call(usage_source="none"), call(**embedded)), ["kind"]).totals
    assert totals.usage_coverage == 0.5
    assert build_report(write(call(**embedded)), ["kind"]).totals.usage_coverage is None


def test_hidden_cost_is_a_share_of_all_cost():
    totals = build_report(write(call(), call(hidden=True, kind="judge", cost_usd=0.75)), ["node"]).totals
    assert (totals.hidden_calls, totals.hidden_cost_usd, totals.hidden_share) == (1, 0.75, 0.75)


@pytest.mark.parametrize(
    ("decisions", "measured", "estimated"),
    [
        ([], 0.0, 0.0),
        ([{}, {"saved_basis": "measured", "saved_usd": -0.25}], -0.25, 1.0),
        ([{}, {"saved_usd": None}], 0.0, 1.0),
        ([{"saved_usd": None}], 0.0, None),
        ([{"saved_usd": None, "saved_basis": "measured"}], None, 0.0),
        ([{"mode": "shadow"}], 0.0, 0.0),
    ],
)
def test_savings_stay_apart_by_basis_and_unknown_ones_are_no_zero(decisions, measured, estimated):
    totals = build_report(write(*(decision(**one) for one in decisions)), ["node"]).totals
    assert (totals.saved_measured_usd, totals.saved_estimated_usd) == (measured, estimated)
    unknown = [one for one in decisions if one.get("saved_usd", 1.0) is None]
    assert totals.unpriced_decisions == len(unknown)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"cost_usd": None, "model": "new"}, "new"),
        ({"cost_usd": None, "usage_source": "none", "model": "silent"}, "silent"),
    ],
)
def test_every_unknown_is_a_note(row, said):
    (note,) = build_report(write(call(**row)), ["node"]).notes
    assert said in note


def test_lost_calls_are_counted_and_explained():
    engine = write(call())
    with engine.begin() as connection:
        connection.execute(insert(LOSSES), {"loss_id": "1", "at": NOON, "calls": 3, "reason": "disk full"})
    report = build_report(engine, ["node"], unkept=2, trouble="disk full")
    assert report.totals.lost_calls == 5
    assert report.notes == ["5 calls are not in the books: disk full."]


def test_a_metadata_key_that_no_call_carries_is_pointed_out():
    assert "nod" in build_report(write(call()), ["nod"]).notes[0]
    assert build_report(write(call(user_metadata={"nod": "x"}), call()), ["nod"]).notes == []


@pytest.mark.parametrize("by", [[], [""], ["node", "node"], ["node", " "]])
def test_what_cannot_be_grouped_by_is_refused(by):
    with pytest.raises(ConfigurationError, match=r"^by: needs different names"):
        build_report(write(), by)


def test_a_time_without_a_zone_is_utc():
    naive = NOON.replace(tzinfo=None)
    assert build_report(write(call()), ["node"], since=naive).totals.calls == 1
    assert build_report(write(call()), ["node"], since=naive + timedelta(seconds=1)).totals.calls == 0


def test_a_database_that_cannot_be_read_is_refused_or_explained(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path}/none.db")
    with pytest.raises(DatabaseUnavailableError):
        build_report(engine, ["node"])
    report = build_report(engine, ["node"], unkept=2, trouble="no space")
    assert (report.totals.cost_usd, report.totals.lost_calls) == (None, 2)
    assert "no space" in report.notes[0]


CALL_COLUMNS = st.fixed_dictionaries(
    {
        "node": st.sampled_from(["a", "b", None]),
        "hidden": st.booleans(),
        "status": st.sampled_from(["ok", "error", "aborted", "refused"]),
        "usage_source": st.sampled_from(["reported", "none"]),
        "cost_usd": st.none() | st.floats(0, 10),
        "input_tokens": st.integers(0, 1000),
    }
)


@settings(max_examples=60, deadline=None)
@given(st.lists(CALL_COLUMNS, max_size=12))
def test_the_rows_add_up_to_the_totals(calls):
    report = build_report(write(*(call(**columns) for columns in calls)), ["node", "kind"])
    totals = report.totals
    for name in ("calls", "input_tokens", "output_tokens", "unpriced_calls", "calls_without_usage"):
        assert sum(getattr(row, name) for row in report.rows) == getattr(totals, name)
    known = [row.cost_usd for row in report.rows if row.cost_usd is not None]
    if totals.cost_usd is None:
        assert not any(known)
        assert totals.unpriced_calls or totals.calls_without_usage
    else:
        assert math.isclose(sum(known), totals.cost_usd, abs_tol=1e-9)
    if totals.hidden_share is not None:
        assert 0 <= totals.hidden_share <= 1 + 1e-9
    assert json.loads(json.dumps(report.to_dict()))["totals"]["calls"] == totals.calls


def test_a_hundred_thousand_calls_are_reported_in_less_time_than_it_takes_to_read_them(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path}/large.db")
    create_tables(engine)
    breakdown = {"billed": True, "system": 4, "user": 6, "history": 0, "tools": {"look_up": 3}}
    copied = {"call_id": "number", "trace_id": "number / 5", "node": "'node-' || number % 7"}
    names = [column.name for column in CALLS.c]
    columns, values = ", ".join(names), ", ".join(copied.get(name, name) for name in names)
    with engine.begin() as connection:
        connection.execute(insert(CALLS), call(input_breakdown=breakdown))
        connection.exec_driver_sql(
            "WITH RECURSIVE numbers(number) AS "
            "(SELECT 1 UNION ALL SELECT number + 1 FROM numbers LIMIT 99999) "
            f"INSERT INTO llmops_calls ({columns}) SELECT {values} FROM llmops_calls, numbers"
        )

    def read():
        with engine.connect() as connection:
            assert len(connection.execute(select(CALLS)).all()) == 100_000

    def report():
        assert build_report(engine, ["node", "model"]).totals.calls == 100_000

    reading = least_seconds(read, enough=0, attempts=2)
    assert least_seconds(report, reading) < reading
    engine.dispose()


def test_one_text_is_no_sequence_of_names():
    with pytest.raises(ConfigurationError, match=r"by: .*\['model'\]"):
        build_report(None, "model")
