"""What the tools have told so far in a conversation, and which calls are still missing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from langchain_core.messages import BaseMessage, ToolMessage

from llmops_plugins.demo.intents import Intent

__all__ = ["Call", "Findings", "missing_calls", "read_findings"]

Call: TypeAlias = tuple[str, dict[str, Any]]
"""A tool's name and the arguments for it."""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Facts read from tool results.

    Args:
        orders: Orders by their number; one that does not exist has an ``error``.
        policies: Texts by topic.
        products: The products found, or ``None`` if none were searched for.
    """

    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    policies: dict[str, str] = field(default_factory=dict)
    products: list[dict[str, Any]] | None = None


def read_findings(messages: Iterable[BaseMessage]) -> Findings:
    """Collect the facts in the tool results among some messages; failed calls tell nothing.

    Args:
        messages: The conversation since the customer's request.

    Returns:
        The facts.
    """
    orders: dict[str, dict[str, Any]] = {}
    policies: dict[str, str] = {}
    products: list[dict[str, Any]] | None = None
    for message in messages:
        result = _result(message)
        if "order_id" in result:
            orders[result["order_id"]] = result
        elif "topic" in result:
            policies[result["topic"]] = result.get("text", "")
        elif "products" in result:
            products = result["products"]
    return Findings(orders=orders, policies=policies, products=products)


def missing_calls(intent: Intent, findings: Findings) -> list[Call]:
    """Name the tool calls that can be made now and whose results the answer needs.

    Args:
        intent: What the customer asks for.
        findings: What is known already.

    Returns:
        The calls; empty when everything is known.
    """
    calls: list[Call] = [("look_up_order", {"order_id": number}) for number in _unknown(intent, findings)]
    if intent.policy is not None and intent.policy not in findings.policies:
        calls.append(("get_policy", {"topic": intent.policy}))
    query = _product_query(intent, findings)
    if query and findings.products is None:
        limit = {} if intent.max_price is None else {"max_price_usd": intent.max_price}
        calls.append(("search_products", {"query": query} | limit))
    return calls


def _unknown(intent: Intent, findings: Findings) -> Sequence[str]:
    return [number for number in intent.orders if number not in findings.orders]


def _product_query(intent: Intent, findings: Findings) -> str:
    if intent.topic != "reorder":
        return intent.query
    order = findings.orders.get(intent.orders[0], {})
    return str(order.get("product", ""))


def _result(message: BaseMessage) -> dict[str, Any]:
    if not isinstance(message, ToolMessage) or message.status == "error":
        return {}
    try:
        result = json.loads(str(message.text))
    except json.JSONDecodeError:
        return {}
    return result if isinstance(result, dict) else {}
