"""What a ledger costs the app: added caller time and total CPU per model call, beside its peers.

Run as ``python -m tests.benchmarks.ledger_overhead``. All handlers take turns in one process; a figure is the
median over rounds of the difference to the same round without a handler. The targets hold back to back, where
the ledger's writer competes with the caller for the interpreter. With a model that takes a while, as real
ones do, caches are cold after each wait: any handler then costs more, and the figures are for comparison.

Microseconds are the machine's, so the targets are in what LangChain's UsageMetadataCallbackHandler takes in
the same attempts. They mean 150 us of the caller's time and 1,000 us of CPU on the machine where they were
set: there, in a graph, that handler took 87 us of the caller's time, which is all its CPU since it has no
thread, and CostLedger 105 us of the caller's time and 693 us of CPU in all.
"""

import gc
import math
import statistics
import sys
import tempfile
import time
from pathlib import Path

from langchain_core.callbacks import BaseCallbackHandler, UsageMetadataCallbackHandler
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.graph import START, MessagesState, StateGraph

from llmops_plugins.accounting.ledger import CostLedger
from llmops_plugins.testing import ScriptedChatModel

ROUNDS, CALLS, WAITING_CALLS = 25, 40, 20
CALLER_TARGET, CPU_TARGET = 150 / 87, 1_000 / 87  # times what the peer takes
PEER = "UsageMetadata"
ATTEMPTS = 5


class NoOp(BaseCallbackHandler):
    """Does nothing."""


def search_orders(customer: str, status: str, limit: int = 10) -> str:
    """Search a customer's orders by status, newest first; returns their numbers, dates and totals."""


def refund(order: str, amount: float, reason: str) -> str:
    """Refund part or all of an order to the card it was paid with; takes three working days."""


def write_ticket(subject: str, body: str, priority: str = "normal") -> str:
    """Write a ticket for the support team, for what you cannot do yourself."""


def prompt():
    paragraph = "Our customers expect short and correct answers, and that we look before we speak. "
    call = {"name": "search_orders", "args": {"customer": "C-1041", "status": "open"}, "id": "1"}
    turns = [SystemMessage(paragraph * 10)]
    for turn in range(3):
        turns += [
            HumanMessage(f"Question {turn}: {paragraph}"),
            AIMessage("", tool_calls=[call]),
            ToolMessage(f"order {turn}: " + "A-1041 2026-03-01 39.90 EUR; " * 8, tool_call_id="1"),
        ]
    return turns


def workload(delay):
    usage = {"input_tokens": 900, "output_tokens": 60, "total_tokens": 960}
    reply = AIMessage("Your order was shipped on Monday. " * 6)
    chat = ScriptedChatModel(
        replies=[reply], usage=usage, model_name="gpt-4o-mini", provider="openai", delay=delay
    ).bind_tools([search_orders, refund, write_ticket])
    graph = StateGraph(MessagesState)
    graph.add_node("model", lambda state: {"messages": [chat.invoke(state["messages"])]})
    graph.add_edge(START, "model")
    app, messages = graph.compile(), prompt()
    return {
        "bare": lambda config: chat.invoke(messages, config),
        "in a graph": lambda config: app.invoke({"messages": messages}, config),
    }


def measure(call, handler, calls):
    """Return microseconds a call: the caller's median and all CPU, background thread and flush included."""
    config = {"callbacks": [handler]} if handler else {}
    if isinstance(handler, CostLedger):
        handler.flush()
    gc.collect()
    times, cpu = [], time.process_time()
    for _ in range(calls):
        started = time.perf_counter()
        call(config)
        times.append(time.perf_counter() - started)
    if isinstance(handler, CostLedger):
        handler.flush()
    return statistics.median(times) * 1e6, (time.process_time() - cpu) / calls * 1e6


def compare(call, handlers, rounds, calls):
    """Return, for each handler, the median difference to no handler in the same round."""
    differences = {name: ([], []) for name in handlers}
    for turn in range(rounds):
        base = measure(call, None, calls)
        names = list(handlers)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            for kept, value, without in zip(
                differences[name], measure(call, handlers[name], calls), base, strict=True
            ):
                kept.append(value - without)
    return {name: tuple(map(statistics.median, values)) for name, values in differences.items()}


def judged(where, call, handlers):
    """Compare back to back, again after a miss, and judge by the least that each handler took so far.

    A busy machine adds time, to the peer as well: one attempt's noise would move the target.
    """
    attempts = []
    for _ in range(ATTEMPTS):
        attempts.append(compare(call, handlers, ROUNDS, CALLS))
        show(f"{where}, back to back", attempts[-1])
        ours, peers = least("CostLedger", attempts), least(PEER, attempts)
        if ours[0] <= CALLER_TARGET * peers[0] and ours[1] <= CPU_TARGET * peers[1]:
            return True
    return False


def least(name, attempts):
    """Return a handler's lowest differences, the caller's and the CPU's; one not above 0 is noise.

    Where all are noise it is NaN, of which no target holds.
    """
    differences = zip(*(found[name] for found in attempts), strict=True)
    return [min((one for one in ones if one > 0), default=math.nan) for ones in differences]


def show(situation, found):
    for name, (caller, cpu) in found.items():
        print(f"{situation:28}{name:16}{caller:12.0f}{cpu:14.0f}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        ledger = CostLedger(f"sqlite:///{Path(folder) / 'ledger.db'}")
        handlers = {"no-op": NoOp(), PEER: UsageMetadataCallbackHandler(), "CostLedger": ledger}
        print(f"{'':28}{'handler':16}{'caller, us':>12}{'all CPU, us':>14}")
        missed = [where for where, call in workload(0.0).items() if not judged(where, call, handlers)]
        for where, call in workload(0.005).items():
            show(f"{where}, 5 ms a call", compare(call, handlers, ROUNDS // 3, WAITING_CALLS))
        ledger.close()
    print(f"targets, back to back: {CALLER_TARGET:.1f} times {PEER} and {CPU_TARGET:.1f} times its CPU")
    if missed:
        print(f"missed {ATTEMPTS} times: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
