from types import SimpleNamespace

import pytest
from langchain_core.messages import AIMessage
from sqlalchemy import select

from llmops_plugins.accounting.ledger import CostLedger
from llmops_plugins.models.registry import ModelRegistry, ModelSpec, Price
from llmops_plugins.storage.database import CALLS, DECISIONS, LOSSES
from llmops_plugins.testing import ScriptedChatModel

# USD per million tokens; a scripted call is 10 tokens in and 5 out.
PRICES = {"large": Price(input=10.0, output=20.0), "small": Price(input=1.0, output=2.0)}
CALL_USD = {"large": 10 * 10e-6 + 5 * 20e-6, "small": 10 * 1e-6 + 5 * 2e-6}


class Books:
    """A ledger and what it has written."""

    def __init__(self, url, **settings):
        registry = ModelRegistry(
            [
                ModelSpec(name=name, model=f"scripted:{name}", prices=(price,))
                for name, price in PRICES.items()
            ]
        )
        self.ledger = CostLedger(url, registry=registry, **settings)
        self.config = {"callbacks": [self.ledger]}

    def _rows(self, table, order):
        assert self.ledger.flush(timeout=300)
        with self.ledger.engine.connect() as connection:
            return [
                SimpleNamespace(**row._mapping) for row in connection.execute(select(table).order_by(order))
            ]

    @property
    def calls(self):
        return self._rows(CALLS, CALLS.c.started_at)

    @property
    def decisions(self):
        return self._rows(DECISIONS, DECISIONS.c.at)

    @property
    def losses(self):
        return self._rows(LOSSES, LOSSES.c.at)

    @property
    def kinds(self):
        return [(call.model, call.kind) for call in self.calls]

    def kinds_of(self, model):
        return [kind for name, kind in self.kinds if name == model]


def scripted(model_name, *replies, **settings):
    return ScriptedChatModel(replies=replies, model_name=model_name, **settings)


def tool_call(tool_name, /, **args):
    return AIMessage("", tool_calls=[{"name": tool_name, "args": args, "id": "call_1"}])


@pytest.fixture
def open_books(tmp_path):
    opened = []

    def open_one(url=f"sqlite:///{tmp_path}/ledger.db", **settings):
        opened.append(Books(url, **settings))
        return opened[-1]

    yield open_one
    for books in opened:
        books.ledger.close()


@pytest.fixture
def books(open_books):
    return open_books()


@pytest.fixture
def call_usd():
    return CALL_USD


@pytest.fixture
def model():
    return scripted


@pytest.fixture
def calling():
    return tool_call
