"""The ways in which the small simulated model fails: decided by a hash of the request, never by its label."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

from llmops_plugins.demo.findings import Call, Findings

__all__ = [
    "GIVING_UP",
    "HEDGE",
    "Fault",
    "choose_fault",
    "is_lucky",
    "misread",
    "spoil_arguments",
    "wrong_tool",
]

Fault = Literal["unknown_tool", "invalid_arguments", "hedging", "wrong_figure"]

HEDGE = "I'm not sure, but this may be it: "
GIVING_UP = (
    "I'm sorry, I wasn't able to look that up for you right now. Is there anything else I can help you with?"
)

# Shares of requests in percent, by how hard the question reads. They imitate small tool-calling models: most
# trouble is with calling tools, uncertainty grows with difficulty, and a few errors nothing gives away.
_EASY: tuple[tuple[Fault, float], ...] = (
    ("unknown_tool", 11.0),
    ("invalid_arguments", 9.0),
    ("hedging", 4.0),
    ("wrong_figure", 1.0),
)
_HARD: tuple[tuple[Fault, float], ...] = (
    ("unknown_tool", 14.0),
    ("invalid_arguments", 12.0),
    ("hedging", 35.0),
    ("wrong_figure", 3.0),
)

_MISREMEMBERED = {
    "look_up_order": "order_lookup",
    "search_products": "product_search",
    "get_policy": "policy_lookup",
}
_MISNAMED = {"order_id": "order", "query": "keywords", "topic": "policy"}
_NEXT_STATUS = {
    "processing": "shipped",
    "shipped": "delivered",
    "delivered": "shipped",
    "cancelled": "processing",
    "returned": "delivered",
}


def choose_fault(text: str, hard: bool) -> Fault | None:
    """Say how the small model fails on a request, if it does.

    Args:
        text: The request.
        hard: Whether it reads as a hard one.

    Returns:
        The kind of failure, or ``None`` where it does well.
    """
    share = _share(f"fault:{text}")
    for fault, percent in _HARD if hard else _EASY:
        if share < percent:
            return fault
        share -= percent
    return None


def is_lucky(text: str) -> bool:
    """Say whether a failing request ends well all the same: an error is mended, a hedged answer is right."""
    return _share(f"luck:{text}") < 25.0


def wrong_tool(call: Call) -> Call:
    """Return the call under a plausible name that no tool has."""
    name, arguments = call
    return _MISREMEMBERED.get(name, f"{name}_tool"), arguments


def spoil_arguments(call: Call, text: str) -> Call:
    """Return the call with arguments that its tool's schema refuses: a wrong type, or a wrong name."""
    name, arguments = call
    field, value = next(iter(arguments.items()))
    if _share(f"arguments:{text}") < 50.0:
        return name, {field: [value]}
    return name, {_MISNAMED.get(field, f"the_{field}"): value}


def misread(findings: Findings) -> Findings:
    """Return the findings as a careless reader has them: plausible, and with every figure wrong."""
    products = findings.products
    if products:
        # One from the middle of the list: neither the cheapest nor the dearest.
        products = [_misread_fields(products[len(products) // 2])]
    return Findings(
        orders={number: _misread_fields(order) for number, order in findings.orders.items()},
        policies={topic: _misread_numbers(text) for topic, text in findings.policies.items()},
        products=products,
    )


_MISREADINGS: dict[str, Callable[[Any], Any]] = {
    "total_usd": lambda amount: str(Decimal(amount) + 9),
    "price_usd": lambda amount: str(Decimal(amount) + 9),
    "quantity": lambda count: count + 1,
    "stock": lambda count: count + 3,
    "status": lambda status: _NEXT_STATUS[status],
    "ordered_on": lambda day: str(date.fromisoformat(day) + timedelta(days=1)),
    "delivered_on": lambda day: day and str(date.fromisoformat(day) + timedelta(days=8)),
}


def _misread_fields(row: dict[str, Any]) -> dict[str, Any]:
    return {key: _MISREADINGS[key](value) if key in _MISREADINGS else value for key, value in row.items()}


def _misread_numbers(text: str) -> str:
    return re.sub(r"(?<![\d.])\d+", lambda number: str(int(number[0]) + 3), text)


def _share(text: str) -> float:
    """Return a number from 0 to 100 that depends on the text alone, evenly spread over texts."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") * 100 / 2**32
