"""The demo's shop: a real SQLite database and the three tools a support agent reads it with.

Tools answer in short JSON. What a model can get wrong (an order that does not exist, a topic without a
policy) is an answer it can read, not an exception.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from importlib.resources import files
from typing import Annotated, Any

from langchain_core.tools import BaseTool, StructuredTool
from pydantic import Field

from llmops_plugins.errors import DatabaseUnavailableError

__all__ = ["Shop", "open_shop", "shop_tools"]

_ORDER = """
SELECT order_id, name AS product, category, quantity, status, ordered_on, delivered_on, total_cents
FROM orders JOIN products USING (product_id) WHERE order_id = :order_id
"""

# Words match the beginnings of words in name and category, so "lamps" finds "Lamp" once its "s" is off.
_PRODUCTS = """
SELECT name, category, price_cents, stock,
    (SELECT count(*) FROM json_each(:words)
     WHERE instr(' ' || lower(replace(name || ' ' || category, '-', ' ')), ' ' || value) > 0) AS matches
FROM products
WHERE matches > 0 AND (:max_price_cents IS NULL OR price_cents <= :max_price_cents)
ORDER BY matches DESC, price_cents LIMIT 8
"""


class Shop(sqlite3.Connection):
    """A connection to the shop that tools may use from several threads at once.

    The lock belongs to the connection, so that agents sharing one shop also share it: SQLite builds differ in
    what they allow on a shared connection, and a query here takes microseconds.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.row_factory = sqlite3.Row
        self._lock = threading.Lock()

    def rows(self, statement: str, **parameters: Any) -> list[dict[str, Any]]:
        """Run one parameterised query.

        Args:
            statement: SQL with named placeholders (``:order_id``).
            parameters: Their values.

        Returns:
            One mapping of column name to value for each row.
        """
        with self._lock:
            return [dict(row) for row in self.execute(statement, parameters)]


def open_shop(path: str = ":memory:") -> Shop:
    """Open the demo's shop, and fill it if it is new; afterwards it is read-only.

    Args:
        path: A SQLite file, or ``":memory:"`` for a shop of its own that is gone when closed.

    Returns:
        The open connection; close it when done.

    Raises:
        DatabaseUnavailableError: The file cannot be opened, or is no SQLite database.
    """
    try:
        shop = sqlite3.connect(path, check_same_thread=False, factory=Shop)
        if not shop.rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'products'"):
            shop.executescript(files(__package__).joinpath("shop.sql").read_text(encoding="utf-8"))
        shop.execute("PRAGMA query_only = ON")
    except sqlite3.Error as error:
        raise DatabaseUnavailableError(
            f"cannot open the demo's shop at {path!r} ({error}); give a writable path, or ':memory:'"
        ) from error
    return shop


def shop_tools(shop: Shop) -> list[BaseTool]:
    """Build the three tools a support agent answers with.

    Args:
        shop: An open shop; it must stay open as long as the tools are used.

    Returns:
        ``look_up_order``, ``search_products`` and ``get_policy``, each returning a JSON string.
    """
    topics = [row["topic"] for row in shop.rows("SELECT topic FROM policies ORDER BY topic")]

    def look_up_order(
        order_id: Annotated[str, Field(description='The order number, for example "A1001".')],
    ) -> str:
        return _order(shop, order_id)

    def search_products(
        query: Annotated[str, Field(description="Words of a product's name or category.")],
        max_price_usd: Annotated[float | None, Field(description="Leave out dearer products.")] = None,
    ) -> str:
        return _products(shop, query, max_price_usd)

    def get_policy(topic: Annotated[str, Field(description="The topic, as listed above.")]) -> str:
        return _policy(shop, topic, topics)

    return [
        StructuredTool.from_function(
            look_up_order,
            description="Look up one order: its product, quantity, status, dates and the total paid.",
        ),
        StructuredTool.from_function(
            search_products,
            description="Find products by name or category, cheapest first, with price and stock.",
        ),
        StructuredTool.from_function(
            get_policy,
            description=f"Read the shop's policy on one topic. Topics: {', '.join(topics)}.",
        ),
    ]


def _order(shop: Shop, order_id: str) -> str:
    found = shop.rows(_ORDER, order_id=order_id.strip().lstrip("#").upper())
    if not found:
        return json.dumps({"order_id": order_id, "error": "there is no order with this number"})
    return json.dumps(_in_dollars(found[0], "total"))


def _products(shop: Shop, query: str, max_price_usd: float | None) -> str:
    # One letter matches the start of far too much; such words are apostrophes' leftovers.
    words = [word.removesuffix("s") for word in query.lower().replace("-", " ").split() if len(word) > 1]
    limit = None if max_price_usd is None else round(max_price_usd * 100)
    found = shop.rows(_PRODUCTS, words=json.dumps(words), max_price_cents=limit)
    best = [row for row in found if row["matches"] == found[0]["matches"]]
    for row in best:
        del row["matches"]
    return json.dumps({"products": [_in_dollars(row, "price") for row in best]})


def _policy(shop: Shop, topic: str, topics: list[str]) -> str:
    found = shop.rows("SELECT topic, text FROM policies WHERE topic = :topic", topic=topic.strip().lower())
    return json.dumps(found[0] if found else {"topic": topic, "error": "no such policy", "topics": topics})


def _in_dollars(row: dict[str, Any], amount: str) -> dict[str, Any]:
    cents = row.pop(f"{amount}_cents")
    return row | {f"{amount}_usd": f"{cents / 100:.2f}"}
