"""A batch of the ledger's rows is written whole or not at all."""

import uuid
from datetime import UTC, datetime

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError

from llmops_plugins.accounting.batch import Batch
from llmops_plugins.storage.database import DECISIONS, LOSSES, open_engine
from llmops_plugins.storage.ledger_tables import prepare, store

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def engine(tmp_path):
    opened = open_engine(f"sqlite:///{tmp_path}/ledger.db")
    prepare(opened)
    yield opened
    opened.dispose()


def decided(spent_usd=None):
    return {
        "decision_id": str(uuid.uuid4()),
        "at": AT,
        "capability": "cascade",
        "outcome": "escalated",
        "mode": "on",
        "reason": "r",
        "spent_usd": spent_usd,
        "saved_usd": None,
        "saved_basis": "measured",
        "user_metadata": {},
        "details": {},
    }


def charge(row, usd):
    return {"charged_id": row["decision_id"], "new_spent_usd": usd, "new_saved_usd": -usd}


def loss():
    return {"loss_id": str(uuid.uuid4()), "at": AT, "calls": 1, "reason": "r"}


def spent(engine):
    with engine.connect() as connection:
        return list(connection.execute(select(DECISIONS.c.spent_usd, DECISIONS.c.saved_usd)))


@pytest.mark.parametrize("together", [True, False])
def test_what_a_decision_has_cost_by_now_is_written_after_the_decision(engine, together):
    row = decided()
    batches = [Batch(decisions=[row], charges=[charge(row, 1.0), charge(row, 2.0)])]
    if not together:
        batches = [Batch(decisions=[row]), Batch(charges=[charge(row, 1.0), charge(row, 2.0)])]
    for batch in batches:
        assert store(engine, batch, []) == 0
    assert spent(engine) == [(2.0, -2.0)]


def test_charges_are_not_written_where_the_rest_is_not(engine):
    row = decided()
    store(engine, Batch(decisions=[row]), [])

    def fail(connection, cursor, statement, parameters, context, executemany):
        if LOSSES.name in statement:
            raise OperationalError(statement, None, ValueError("disk full"))

    event.listen(engine, "before_cursor_execute", fail)
    with pytest.raises(OperationalError):
        store(engine, Batch(charges=[charge(row, 1.0)]), [loss()])
    assert spent(engine) == [(None, None)]


def test_a_charge_that_the_database_does_not_take_costs_no_other(engine):
    rows = [decided(), decided()]
    store(engine, Batch(decisions=rows), [])
    unfit = {**charge(rows[0], 1.0), "new_spent_usd": object()}
    assert store(engine, Batch(charges=[unfit, charge(rows[1], 1.0)]), [loss()]) == 0
    assert sorted(spent(engine), key=str) == [(1.0, -1.0), (None, None)]
