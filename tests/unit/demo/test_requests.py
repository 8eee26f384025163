"""Every expectation in requests.jsonl is worked out again from the database."""

import re
from collections import Counter
from datetime import date, timedelta

import pytest

from llmops_plugins.demo.agent import SYSTEM_PROMPT, build_support_agent
from llmops_plugins.demo.grading import grade, load_requests
from llmops_plugins.demo.shop import open_shop
from llmops_plugins.demo.simulated import SimulatedSupportModel

REQUESTS = load_requests()
SHOP = open_shop()
LARGE = build_support_agent(SimulatedSupportModel(model_name="large", skill="large"), SHOP)
TODAY = date.fromisoformat(re.search(r"Today is ([\d-]+)", SYSTEM_PROMPT)[1])
PRODUCTS = SHOP.rows("SELECT * FROM products ORDER BY price_cents")
ORDERS = {row["order_id"]: row for row in SHOP.rows("SELECT * FROM orders JOIN products USING (product_id)")}
POLICIES = {row["topic"]: row["text"].casefold() for row in SHOP.rows("SELECT * FROM policies")}
COUNTS = {"one": 1, "2": 2, "two": 2, "three": 3, "four": 4}


def usd(cents):
    return f"${cents // 100}.{cents % 100:02d}"


def order_numbers(text):
    return re.findall(r"\bA\d{4}\b", text.upper())


def orders_in(text):
    return [ORDERS[number] for number in order_numbers(text)]


def product_in(text):
    """The one product whose name has the most words in the text."""
    words = {word.removesuffix("s") for word in re.findall(r"[a-z-]+", text.lower())}
    hits = {
        item["name"]: sum(word.lower().removesuffix("s") in words for word in re.split("[ ]", item["name"]))
        for item in PRODUCTS
    }
    (name,) = [name for name, count in hits.items() if count == max(hits.values())]
    return next(item for item in PRODUCTS if item["name"] == name)


def in_stock(item):
    return str(item["stock"]) if item["stock"] else "out of stock"


def ranked(text):
    """Products of the category in the text, cheapest first, only those in stock if that is asked for."""
    only_stock = re.search("in stock|available", text)
    return [
        item
        for item in PRODUCTS
        if item["category"].lower() in text.lower() and (item["stock"] or not only_stock)
    ]


def searched(text):
    limit = int(re.search(r"\$(\d+)", text)[1]) * 100
    (word,) = re.findall(r"\b(lamp|camping|garden|audio|light|office)", text.lower())
    return [
        item["name"]
        for item in PRODUCTS
        if re.search(rf"\b{word}", f"{item['name']} {item['category']}".lower())
        and item["price_cents"] <= limit
    ]


def difference(text):
    one, other = orders_in(text)
    amount = [usd(abs(one["total_cents"] - other["total_cents"]))]
    dearer = max(one, other, key=lambda order: order["total_cents"])
    return amount + [dearer["order_id"]] * text.startswith("Which")


def basket(text):
    count = next(number for word, number in COUNTS.items() if f" {word} " in text)
    goods = count * product_in(text)["price_cents"]
    return [usd(goods if goods >= 5000 else goods + 495)]


def return_window(text):
    (order,) = orders_in(text)
    last = date.fromisoformat(order["delivered_on"]) + timedelta(14 if order["category"] == "Audio" else 30)
    return ["yes" if last >= TODAY else "no", last.isoformat()]


def order_date(text):
    (order,) = orders_in(text)
    return [order["ordered_on"] if re.search("I (place|ordered)", text) else order["delivered_on"]]


def days_taken(text):
    (order,) = orders_in(text)
    return [
        f"{(date.fromisoformat(order['delivered_on']) - date.fromisoformat(order['ordered_on'])).days} days"
    ]


EXPECTED = {
    "order_status": lambda text: [orders_in(text)[0]["status"]],
    "delivery_date": order_date,
    "order_total": lambda text: [usd(orders_in(text)[0]["total_cents"])],
    "order_contents": lambda text: [
        str(orders_in(text)[0]["quantity" if "how many" in text.lower() else "name"])
    ],
    "unknown_order": lambda text: [*order_numbers(text), "no order"],
    "product_price": lambda text: [usd(product_in(text)["price_cents"])],
    "product_stock": lambda text: [in_stock(product_in(text))],
    "product_search": searched,
    "orders_total": lambda text: [usd(sum(order["total_cents"] for order in orders_in(text)))],
    "orders_difference": difference,
    "cheapest": lambda text: [ranked(text)[0]["name"]],
    "priciest": lambda text: [ranked(text)[-1]["name"]],
    "return_eligibility": return_window,
    "cancel_eligibility": lambda text: [
        "yes" if orders_in(text)[0]["status"] == "processing" else "no",
        orders_in(text)[0]["status"],
    ],
    "basket_total": basket,
    "reorder": lambda text: [usd(orders_in(text)[0]["price_cents"]), in_stock(orders_in(text)[0])],
    "delivery_days": days_taken,
}


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.id)
def test_the_expected_facts_follow_from_the_database(request_):
    if request_.topic == "policy":
        (fact,) = request_.must_contain
        assert any(fact.casefold() in text for text in POLICIES.values())
    else:
        assert sorted(request_.must_contain) == sorted(EXPECTED[request_.topic](request_.text))


def test_unknown_orders_are_unknown():
    asked = [number for request in REQUESTS for number in order_numbers(request.text)]
    known = {request.id for request in REQUESTS if request.topic != "unknown_order"}
    assert all(set(order_numbers(r.text)) <= ORDERS.keys() for r in REQUESTS if r.id in known)
    assert len(set(asked) - ORDERS.keys()) == 3


def of_variant(*variants):
    return [request for request in REQUESTS if request.variant in variants]


def original(request):
    (found,) = [one for one in REQUESTS if one.id == request.of]
    return found


def test_there_are_enough_requests_and_only_repeats_come_twice():
    others = of_variant("first", "near_repeat", "trap")
    assert len(of_variant("first")) >= 120
    assert len({request.id for request in REQUESTS}) == len(REQUESTS)
    assert len({request.text.casefold() for request in others}) == len(others)
    assert all(len(of_variant(variant)) >= 15 for variant in ("repeat", "near_repeat", "trap"))


def test_a_variant_comes_after_a_request_that_nobody_had_asked_before():
    assert all(request.of is None for request in of_variant("first"))
    for request in of_variant("repeat", "near_repeat", "trap"):
        assert original(request).variant == "first"
        assert REQUESTS.index(original(request)) < REQUESTS.index(request)


def test_a_repeat_has_the_same_words_and_a_near_repeat_only_the_same_answer():
    assert all(request.text == original(request).text for request in of_variant("repeat"))
    for request in of_variant("repeat", "near_repeat"):
        assert request.must_contain == original(request).must_contain


def test_the_answer_to_what_a_trap_looks_like_is_wrong_for_it():
    for request in of_variant("trap"):
        words, others = (set(re.findall(r"\w+", one.text.lower())) for one in (request, original(request)))
        assert len(words ^ others) <= 6, "a word or three in the place of others"
        answer = LARGE.invoke({"messages": [("user", original(request).text)]})["messages"][-1].text
        assert grade(answer, original(request).must_contain)
        assert not grade(answer, request.must_contain)


def test_a_quarter_is_hard_also_among_the_first_half():
    for requests in (REQUESTS, REQUESTS[: len(REQUESTS) // 2]):
        share = Counter(request.difficulty for request in requests)["hard"] / len(requests)
        assert 0.2 <= share <= 0.3
