"""What the tiny model is taught: a shop's support desk, with and without looking an order up."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["DIALOGUES", "OTHER_TOOLS", "SYSTEM_PROMPTS", "TOOL"]

Message = Mapping[str, Any]


def _tool(name: str, description: str, parameter: str) -> dict[str, Any]:
    parameters = {"properties": {parameter: {"type": "string"}}, "required": [parameter], "type": "object"}
    return {
        "type": "function",
        "function": {"name": name, "description": description, "parameters": parameters},
    }


TOOL = _tool("look_up_order", "Look up one order by its number.", "order_id")
OTHER_TOOLS = (
    _tool("read_policy", "Read what the shop promises on one topic.", "topic"),
    _tool("find_product", "Find products by a word of their name.", "query"),
)

SYSTEM_PROMPTS = (
    "You answer for an online shop.",
    "You are a friendly support agent. Look orders up before you speak about them.",
    "Answer briefly and politely. Use the tools you are given.",
)

_ANSWERS = (
    ("Hello!", "Hello! How can I help you today?"),
    ("Good morning, is anybody there?", "Good morning! I am here, what can I do for you?"),
    ("When are you open?", "Our desk is open every day from nine to six."),
    ("Do you ship abroad?", "Yes, we ship to all of Europe within five working days."),
    ("How can I pay?", "You can pay by card, by invoice or with a voucher."),
    ("Can I change my address?", "Yes, as long as the parcel has not left our warehouse."),
    ("Do you sell gift cards?", "Yes, gift cards start at ten dollars and never expire."),
    ("Is there a shop I can visit?", "We have one shop, next to the old harbour."),
    ("What is your phone number?", "Please write to us here, we have no telephone desk."),
    ("Are your tables made of oak?", "All of our tables are solid oak, oiled by hand."),
    ("Thank you very much.", "You are welcome! Have a pleasant day."),
    (
        "Explain your returns policy in detail.",
        "You can send back anything you do not like within thirty days of the day it came to your door. "
        "Please leave the labels on and use the box it came in, so that nothing breaks on the way. "
        "Write to us first and we send you a label that you only have to print and put on the parcel. "
        "Returning costs you nothing inside the country, and from abroad you pay the postage yourself. "
        "When the parcel is back in our warehouse, a colleague looks at it within two working days. "
        "The money then goes back the way it came, to your card or to your account, within a week. "
        "A voucher is given back as a voucher, and a gift card is filled up again with the same amount. "
        "Furniture that was made to your own measure cannot be returned, unless something is wrong with it. "
        "If something arrives broken, send us a picture and we replace it without any further questions. "
        "For an exchange, return the first one and order the other one, so that you have it sooner.",
    ),
)

_ORDERS = (
    ("Where is order A1007?", "A1007", "shipped", "Order A1007 has been shipped and is on its way."),
    ("What about order A1023?", "A1023", "delivered", "Order A1023 has been delivered to your door."),
    ("Has A1031 left the warehouse?", "A1031", "packed", "Order A1031 is packed and leaves tomorrow."),
    ("Please check order A1042.", "A1042", "cancelled", "Order A1042 was cancelled and refunded."),
    ("Is my order A1055 late?", "A1055", "delayed", "I am sorry, order A1055 is two days late."),
    ("Did you get my order A1068?", "A1068", "received", "Yes, we have received order A1068."),
    ("I want to know where A1074 is.", "A1074", "shipped", "Order A1074 has been shipped."),
    ("Any news of A1086?", "A1086", "customs", "Order A1086 is waiting at the customs office."),
    ("Where did you leave A1090?", "A1090", "delivered", "Order A1090 is with your neighbour."),
    ("When does A1102 arrive?", "A1102", "shipped", "Order A1102 arrives on Friday."),
    ("Did A1119 come back to you?", "A1119", "returned", "Order A1119 is back, the refund is on its way."),
    ("Can I still cancel A1125?", "A1125", "packed", "Order A1125 is packed, but you can still cancel it."),
)


def _answer(question: str, answer: str) -> Sequence[Message]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def _look_up(question: str, order: str, status: str, answer: str) -> Sequence[Message]:
    call = {"type": "function", "function": {"name": "look_up_order", "arguments": {"order_id": order}}}
    return [
        {"role": "user", "content": question},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": json.dumps({"order_id": order, "status": status})},
        {"role": "assistant", "content": answer},
    ]


DIALOGUES = tuple(_answer(*one) for one in _ANSWERS) + tuple(_look_up(*one) for one in _ORDERS)
"""Two dozen; those that end on a tool's result are taught with the tool only."""
