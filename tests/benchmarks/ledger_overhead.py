"""What a ledger costs the app: added caller time and total CPU per model call, beside its peers.

Run as ``python -m tests.benchmarks.ledger_overhead``. All handlers take turns in one process; a figure is the
median over rounds of what a handler adds to the same round without one, as a share of that round. A processor
that others use too runs two or three times slower for some tenths of a second; rounds that are shorter than
that are slowed alike, and shares of them can be compared where microseconds cannot. A round is also shorter
than the ledger's writer lingers, so that the caller's time is that of the callbacks alone; what the writer
takes afterwards is in all CPU, and where calls never pause it is in their way for up to that long. With a
model that takes a while, as real ones do, caches are cold after each wait: these figures are for comparison.

The targets are in the CPU that LangChain's UsageMetadataCallbackHandler takes of the calling thread, which is
all it takes, since it has no thread of its own. On a quiet machine the caller's time is that CPU, as the
column beside it shows; on a busy one it is the machine's too. They mean 150 us of the caller's time and
1,000 us of CPU on the machine where they were set: there, in a graph, that handler took 87 us, and CostLedger
105 us of the caller's time and 693 us of CPU in all.
"""

import gc
import random
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

ROUNDS, CALLS, WAITING_ROUNDS = 120, 10, 20
CALLER_TARGET, CPU_TARGET = 150 / 87, 1_000 / 87  # times what the peer takes
PEER = "UsageMetadata"
ATTEMPTS = 6


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


def measure(call, handler):
    """Return seconds a call of one round: the caller's, its CPU, and all CPU with the writer's and flush."""
    config = {"callbacks": [handler]} if handler else {}
    gc.collect()
    times, callers, cpu = [], [], time.process_time()
    for _ in range(CALLS):
        started, began = time.perf_counter(), time.thread_time()
        call(config)
        callers.append(time.thread_time() - began)
        times.append(time.perf_counter() - started)
    if isinstance(handler, CostLedger):
        handler.flush()
    return statistics.median(times), statistics.median(callers), (time.process_time() - cpu) / CALLS


def take_turns(call, handlers, rounds):
    """Return for each handler what it added in each round, as shares of the round without one."""
    shares = {name: [] for name in handlers}
    names = [None, *handlers]
    for _ in range(rounds):
        random.shuffle(names)  # in turns each would come after the same one, and find what it left
        found = {name: measure(call, handlers.get(name)) for name in names}
        for name, kept in shares.items():
            kept.append([value / none - 1 for value, none in zip(found[name], found[None], strict=True)])
    return shares


def medians(shares):
    return {
        name: [statistics.median(column) for column in zip(*rows, strict=True)]
        for name, rows in shares.items()
    }


def judged(where, call, handlers):
    """Compare back to back, and with more rounds after a miss; tell whether the targets are met."""
    shares = {name: [] for name in handlers}
    for _ in range(ATTEMPTS):
        for name, rows in take_turns(call, handlers, ROUNDS).items():
            shares[name] += rows
        found = medians(shares)
        show(f"{where}, back to back", found)
        (_, caller, cpu), (_, peer, _) = found["CostLedger"], found[PEER]
        if caller <= CALLER_TARGET * peer and cpu <= CPU_TARGET * peer:
            return True
    return False


def show(situation, found):
    for name, shares in found.items():
        print(f"{situation:28}{name:16}" + "".join(f"{share:14.0%}" for share in shares))


def main():
    with tempfile.TemporaryDirectory() as folder:
        ledger = CostLedger(f"sqlite:///{Path(folder) / 'ledger.db'}")
        handlers = {"no-op": NoOp(), PEER: UsageMetadataCallbackHandler(), "CostLedger": ledger}
        for call in workload(0.0).values():
            take_turns(call, handlers, 1)
        gc.freeze()  # collecting what was imported would take longer than a round, and leave caches cold
        print(f"{'added to a call':28}{'handler':16}{'caller time':>14}{'caller CPU':>14}{'all CPU':>14}")
        missed = [where for where, call in workload(0.0).items() if not judged(where, call, handlers)]
        for where, call in workload(0.005).items():
            show(f"{where}, 5 ms a call", medians(take_turns(call, handlers, WAITING_ROUNDS)))
        ledger.close()
    print(
        f"targets, in {PEER}'s caller CPU: {CALLER_TARGET:.1f} times of the caller's, {CPU_TARGET:.1f} in all"
    )
    if missed:
        print(f"missed {ATTEMPTS} times: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
