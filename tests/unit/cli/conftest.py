import json
import sys
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from llmops_plugins.cli.main import main
from llmops_plugins.storage.database import CALLS, DECISIONS, create_tables, open_engine

NOW = datetime.now(UTC)


@dataclass
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def llmops(monkeypatch, capsys, tmp_path):
    """Run the command in an empty folder, as a user with an 80-column terminal's worth of patience would."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["llmops", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        captured = capsys.readouterr()
        return Outcome(exit_.value.code or 0, captured.out, captured.err)

    return run


@pytest.fixture
def write_ledger(tmp_path):
    """Write rows of calls and decisions as a ledger; return its URL."""

    def write(*rows, name="ledger.db"):
        url = f"sqlite:///{tmp_path / name}"
        engine = open_engine(url)
        create_tables(engine)
        with engine.begin() as connection:
            for number, row in enumerate(rows):
                at = NOW + timedelta(seconds=number)
                if "capability" in row:
                    connection.execute(
                        insert(DECISIONS), {"decision_id": str(uuid.uuid4()), "at": at, **DECISION, **row}
                    )
                else:
                    ids = {"call_id": str(uuid.uuid4()), "run_id": str(uuid.uuid4())}
                    connection.execute(insert(CALLS), {**ids, "started_at": at, **CALL, **row})
        engine.dispose()
        return url

    return write


CALL = {
    "trace_id": "aaaa-1",
    "kind": "answer",
    "hidden": False,
    "rejected": False,
    "attempt": 1,
    "model": "large",
    "node": "agent",
    "graph_path": "agent",
    "status": "ok",
    "usage_source": "reported",
    "input_tokens": 10,
    "output_tokens": 5,
    "cost_usd": 0.25,
    "resent_tokens": 0,
    "user_metadata": {},
    "input_breakdown": {},
}
DECISION = {
    "trace_id": "aaaa-1",
    "graph_path": "agent",
    "outcome": "accepted",
    "reason": "both agree",
    "mode": "on",
    "saved_basis": "estimated",
    "saved_usd": 1.0,
    "spent_usd": 0.5,
}
