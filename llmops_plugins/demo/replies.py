"""How the simulated model words its answer, once the tools have told it what it needs."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from llmops_plugins.demo.findings import Findings
from llmops_plugins.demo.intents import Intent

__all__ = ["compose_answer"]

_CLOSING = "Is there anything else I can help you with?"


def compose_answer(intent: Intent, findings: Findings, today: date | None) -> str:
    """Word the answer to a request.

    Args:
        intent: What the customer asks for.
        findings: What the tools told; everything :func:`missing_calls` asks for.
        today: The day on which the question is asked, or ``None`` if nobody said.

    Returns:
        The answer, closing line included.
    """
    return f"{_answer(intent, findings, today)} {_CLOSING}"


def _answer(intent: Intent, findings: Findings, today: date | None) -> str:
    if intent.topic == "unclear":
        return "I am happy to look into this. Could you give me the order number or the name of the product?"
    orders = [findings.orders[number] for number in intent.orders]
    absent = [order["order_id"] for order in orders if "error" in order]
    if absent:
        return f"I am sorry, there is no order numbered {' or '.join(absent)}. Please check the number."
    if len(orders) > 1:
        return _several_orders(intent, orders)
    if orders:
        return _one_order(intent, orders[0], findings, today)
    if intent.topic == "policy":
        return f"Here is our policy on {intent.policy}: {findings.policies[str(intent.policy)]}"
    return _products(intent, findings)


def _several_orders(intent: Intent, orders: list[dict[str, Any]]) -> str:
    totals = [Decimal(order["total_usd"]) for order in orders]
    listed = ", ".join(f"{order['order_id']} ${order['total_usd']}" for order in orders)
    if intent.topic == "orders_total":
        return f"Together these orders come to ${sum(totals)} ({listed})."
    dearest = orders[totals.index(max(totals))]["order_id"]
    difference = max(totals) - min(totals)
    return f"The difference is ${difference}, and {dearest} was the more expensive order ({listed})."


def _one_order(intent: Intent, order: dict[str, Any], findings: Findings, today: date | None) -> str:
    named = f"order {order['order_id']} ({order['product']})"
    match intent.topic:
        case "order_total":
            return f"The total you paid for {named} is ${order['total_usd']}."
        case "order_contents":
            return f"In order {order['order_id']} you bought {order['quantity']} x {order['product']}."
        case "delivery_date":
            return f"You placed {named} on {order['ordered_on']}, and it {_arrival(order)}."
        case "delivery_days":
            return _days_taken(named, order)
        case "return_eligibility":
            return _can_return(named, order, findings.policies["returns"], today)
        case "cancel_eligibility":
            possible = order["status"] in findings.policies["cancellations"].split(".")[0]
            word, can = ("Yes", "can") if possible else ("No", "cannot")
            return f"{word}, {named} {can} be cancelled: its status is {order['status']}."
        case "reorder":
            bought = f"In order {order['order_id']} you bought the {order['product']}."
            return f"{bought} {_products(intent, findings)}"
        case _:
            return f"The status of {named} is {order['status']}. You placed it on {order['ordered_on']}."


def _arrival(order: dict[str, Any]) -> str:
    return f"was delivered on {order['delivered_on']}" if order["delivered_on"] else "has not arrived yet"


def _days_taken(named: str, order: dict[str, Any]) -> str:
    if not order["delivered_on"]:
        return f"You placed {named} on {order['ordered_on']}, and it {_arrival(order)}."
    days = (date.fromisoformat(order["delivered_on"]) - date.fromisoformat(order["ordered_on"])).days
    return f"It took {days} days: {named} was placed on {order['ordered_on']} and {_arrival(order)}."


def _can_return(named: str, order: dict[str, Any], policy: str, today: date | None) -> str:
    if order["status"] != "delivered":
        return f"No, {named} cannot be returned now: its status is {order['status']}."
    windows: dict[str, str] = dict(re.findall(r"(\w+) items can be returned within (\d+) days", policy))
    days = int(windows.get(str(order["category"]), windows["Most"]))
    last = date.fromisoformat(order["delivered_on"]) + timedelta(days=days)
    window = f"it {_arrival(order)} and the window for {order['category'].lower()} items is {days} days"
    if today is None:
        return f"The last day to return {named} is {last}: {window}."
    if today <= last:
        return f"Yes, {named} can be returned until {last}: {window}."
    return f"No, the last day to return {named} was {last}: {window}."


def _products(intent: Intent, findings: Findings) -> str:
    products = [item for item in findings.products or [] if item["stock"] or not intent.in_stock]
    if not products and findings.products:
        products = findings.products
    if not products:
        return f"I am sorry, I found no product for {intent.query!r}. Could you describe it differently?"
    prices = [Decimal(item["price_usd"]) for item in products]
    match intent.topic:
        case "cheapest":
            return f"The cheapest one is the {_described(products[prices.index(min(prices))])}."
        case "priciest":
            return f"The most expensive one is the {_described(products[prices.index(max(prices))])}."
        case "basket_total":
            return _basket(intent, products[0], findings.policies["shipping"])
        case _ if len(products) == 1:
            return f"We sell the {_described(products[0])}."
        case _:
            return f"These fit your request: the {'; the '.join(_described(item) for item in products)}."


def _described(item: dict[str, Any]) -> str:
    stock = f"{item['stock']} in stock" if item["stock"] else "out of stock at the moment"
    return f"{item['name']} at ${item['price_usd']} ({stock})"


def _basket(intent: Intent, item: dict[str, Any], policy: str) -> str:
    fee, free_from = (Decimal(amount) for amount in re.findall(r"\$(\d+\.\d\d)", policy)[:2])
    goods = intent.quantity * Decimal(item["price_usd"])
    shipping = Decimal(0) if goods >= free_from else fee
    postage = f"${shipping} for shipping" if shipping else "free shipping"
    basket = f"{intent.quantity} x {item['name']} at ${item['price_usd']}"
    return f"You would pay ${goods + shipping}: {basket}, and {postage}."
