"""What a support request asks for, found in its words by rules: the simulated model's understanding."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["Intent", "Topic", "understand"]

Topic = Literal[
    "order_status", "delivery_date", "order_total", "order_contents", "delivery_days", "return_eligibility",
    "cancel_eligibility", "reorder", "orders_total", "orders_difference", "product", "cheapest", "priciest",
    "basket_total", "policy", "unclear",
]  # fmt: skip

_HARD: frozenset[Topic] = frozenset({
    "delivery_days", "return_eligibility", "cancel_eligibility", "reorder", "orders_total",
    "orders_difference", "cheapest", "priciest", "basket_total",
})  # fmt: skip

# The first rule whose words occur decides; more particular rules come first.
_ONE_ORDER: tuple[tuple[Topic, str], ...] = (
    ("cancel_eligibility", r"cancel|call off"),
    ("reorder", r"again|reorder|same thing"),
    ("return_eligibility", r"(?<!tax )\breturn\b|send (it )?back|bring back|money back"),
    ("delivery_days", r"how many days|in days|how long did"),
    ("order_contents", r"how many|pieces|units|quantity"),
    ("order_total", r"\bpa(y|id)\b|total|cost|charge|amount|bill|price|sum\b|spen[dt]|come to|how much"),
    ("delivery_date", r"\bwhen\b|\bdate\b|what day"),
    ("order_contents", r"what (did i|is in|was|should be)|which (product|item)|what item|inside"),
)
_NO_ORDER: tuple[tuple[Topic, str], ...] = (
    ("cheapest", r"cheapest|least expensive|lowest.priced?|most affordable"),
    ("priciest", r"most expensive|priciest|dearest"),
    ("basket_total", r"(with|including) (standard )?shipping|shipping included"),
)
_POLICIES: tuple[tuple[str, str], ...] = (
    ("gift cards", r"gift cards?"),
    ("warranty", r"warranty|guarantee|defect"),
    ("price match", r"price match|price drop|got cheaper"),
    ("damaged items", r"damaged|broken|cracked"),
    ("exchanges", r"exchange|swap"),
    ("express shipping", r"express|next.day"),
    ("international shipping", r"canada|international|overseas|abroad"),
    ("refunds", r"refund|money back"),
    ("cancellations", r"cancel"),
    ("returns", r"\breturn\b|send .*back"),
    ("shipping", r"shipping|delivery|postage"),
)
_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_CAP = re.compile(r"(?:under|below|less than|up to|no more than|at most)\s+\$?(\d+(?:\.\d+)?)")

# Everything customers say around a product's name; what is left over is searched for.
_SMALL_TALK = """
    a able about an and any are as at available be below buy by can carry charge cheapest check cost costs
    could current dearest delivered do does each else expensive find for from get gift good got have hello
    help hey hi how i i'd i'm if in included including is it item items its kind kinds know least left
    less level like looking lot love loves lowest many me more most much my need no now of off on or our
    out pay please price priced priciest product products range right sell selling set shipping show site
    sold some something standard still stock tell than thank thanks that the them there they thing things
    this to today total up us use want wants we what what's which will with would you your yours
"""
_NOT_SEARCHED = frozenset(_SMALL_TALK.split()) | _NUMBERS.keys()


@dataclass(frozen=True, kw_only=True)
class Intent:
    """What one request asks for.

    Args:
        topic: The kind of question; ``unclear`` when the words name neither order, product nor policy.
        orders: Order numbers in the text, in their order there.
        query: What to search the products for.
        max_price: The dearest product wanted, in dollars.
        policy: The policy asked about.
        quantity: How many pieces are wanted.
        in_stock: Only products that can be bought now will do.
    """

    topic: Topic
    orders: tuple[str, ...] = ()
    query: str = ""
    max_price: float | None = None
    policy: str | None = None
    quantity: int = 1
    in_stock: bool = False

    @property
    def hard(self) -> bool:
        """Whether the question takes arithmetic, several facts, or a policy applied to an order."""
        return self.topic in _HARD


def understand(text: str) -> Intent:
    """Find what a request asks for.

    Args:
        text: The request, as the customer wrote it.

    Returns:
        The intent; the same text always gives the same one.
    """
    lowered = text.lower()
    orders = tuple(dict.fromkeys(number.upper() for number in re.findall(r"\ba\d{4}\b", lowered)))
    if len(orders) > 1:
        differ = re.search(r"differen|more|dearer|cheaper", lowered)
        return Intent(topic="orders_difference" if differ else "orders_total", orders=orders)
    if orders:
        topic = _first(_ONE_ORDER, lowered) or "order_status"
        policies = {"cancel_eligibility": "cancellations", "return_eligibility": "returns"}
        return Intent(topic=topic, orders=orders, policy=policies.get(topic))
    return _without_order(lowered)


def _without_order(text: str) -> Intent:
    topic = _first(_NO_ORDER, text)
    policy = next((name for name, words in _POLICIES if re.search(words, text)), None)
    if topic is None and policy is not None:
        return Intent(topic="policy", policy=policy)
    query, quantity = _query(text)
    if not query:
        return Intent(topic="unclear")
    cap = _CAP.search(text)
    return Intent(
        topic=topic or "product",
        query=query,
        max_price=float(cap[1]) if cap else None,
        policy="shipping" if topic == "basket_total" else None,
        quantity=quantity,
        in_stock=re.search(r"in stock|available", text) is not None,
    )


def _first(rules: tuple[tuple[Topic, str], ...], text: str) -> Topic | None:
    return next((topic for topic, words in rules if re.search(words, text)), None)


def _query(text: str) -> tuple[str, int]:
    words = re.findall(r"[a-z][a-z'-]*|\d+", _CAP.sub(" ", text))
    counts = [int(_NUMBERS.get(word, word)) for word in words if word.isdigit() or word in _NUMBERS]
    names = [word for word in words if not word.isdigit() and word not in _NOT_SEARCHED]
    return " ".join(names), counts[0] if counts else 1
