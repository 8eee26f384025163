import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.demo.shop import open_shop, shop_tools
from llmops_plugins.errors import DatabaseUnavailableError


@pytest.fixture(scope="module")
def shop():
    with open_shop() as shop:
        yield shop
    shop.close()


@pytest.fixture(scope="module")
def call(shop):
    tools = {tool.name: tool for tool in shop_tools(shop)}
    return lambda name, **arguments: json.loads(tools[name].invoke(arguments))


def test_an_order_is_found_however_its_number_is_written(call):
    assert call("look_up_order", order_id="A1042") == {
        "order_id": "A1042",
        "product": "Ridge Two-Person Tent",
        "category": "Camping",
        "quantity": 1,
        "status": "delivered",
        "ordered_on": "2026-03-04",
        "delivered_on": "2026-03-10",
        "total_usd": "189.00",
    }
    assert call("look_up_order", order_id=" #a1042 ") == call("look_up_order", order_id="A1042")


def test_an_unknown_order_or_policy_is_an_answer_the_model_can_read(call):
    assert call("look_up_order", order_id="A9999")["error"] == "there is no order with this number"
    refused = call("get_policy", topic="haggling")
    assert refused["error"] == "no such policy"
    assert "returns" in refused["topics"]


def test_search_returns_the_best_matches_cheapest_first(call):
    assert [item["name"] for item in call("search_products", query="lamps")["products"]] == [
        "Juniper Desk Lamp",
        "Halo Floor Lamp",
    ]
    camping = call("search_products", query="camping", max_price_usd=50)["products"]
    assert [item["price_usd"] for item in camping] == ["34.50", "41.25"]
    assert call("search_products", query="zeppelin")["products"] == []


def test_the_policy_tool_names_every_topic_the_database_has(shop):
    described = next(tool for tool in shop_tools(shop) if tool.name == "get_policy").description
    assert all(row["topic"] in described for row in shop.rows("SELECT topic FROM policies"))


@given(text=st.text() | st.sampled_from(["' OR 1=1 --", "A1001'; DROP TABLE orders; --", "%", '["x"]']))
def test_what_a_model_writes_is_data_and_never_sql(shop, call, text):
    assert call("look_up_order", order_id=text).keys() == {"order_id", "error"}
    call("search_products", query=text)
    call("get_policy", topic=text)
    assert shop.rows("SELECT count(*) AS orders FROM orders") == [{"orders": 60}]


def test_the_books_balance(shop):
    for order in shop.rows("SELECT * FROM orders JOIN products USING (product_id)"):
        goods = order["quantity"] * order["price_cents"]
        assert order["total_cents"] == goods + (495 if goods < 5000 else 0), order["order_id"]
        assert order["delivered_on"] is None or order["ordered_on"] < order["delivered_on"] < "2026-03-20"
        assert order["ordered_on"] <= "2026-03-20"


def test_the_shop_has_forty_products_and_every_kind_of_order(shop):
    assert shop.rows("SELECT count(*) AS products FROM products") == [{"products": 40}]
    statuses = {row["status"] for row in shop.rows("SELECT DISTINCT status FROM orders")}
    assert statuses == {"processing", "shipped", "delivered", "cancelled", "returned"}


def test_threads_share_one_connection(call):
    numbers = [f"A{1001 + index % 60}" for index in range(600)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: call("look_up_order", order_id=number)["order_id"], numbers))
    assert found == numbers


def test_nobody_writes_to_the_shop(shop):
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        shop.execute("DELETE FROM orders")


def test_a_file_is_filled_once_and_opened_again(tmp_path):
    path = str(tmp_path / "shop.db")
    for _ in range(2):
        shop = open_shop(path)
        assert shop.rows("SELECT count(*) AS orders FROM orders") == [{"orders": 60}]
        shop.close()


def test_a_path_that_cannot_hold_a_shop_is_refused_with_the_fix(tmp_path):
    not_a_database = tmp_path / "notes.txt"
    not_a_database.write_text("eggs, milk, a lamp\n" * 100)
    for path in (tmp_path / "missing" / "shop.db", not_a_database):
        with pytest.raises(DatabaseUnavailableError, match=r"give a writable path, or ':memory:'"):
            open_shop(str(path))
