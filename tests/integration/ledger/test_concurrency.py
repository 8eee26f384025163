"""Sums are exact and no row is lost, whoever calls."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph

WORKERS, EACH = 8, 1_250


def numbered(start):
    """Replies with usage that adds up to a known sum."""

    def reply_to(number):
        tokens = start + number
        usage = {"input_tokens": tokens, "output_tokens": 1, "total_tokens": tokens + 1}
        return AIMessage(f"reply {tokens}", usage_metadata=usage)

    return [reply_to(number) for number in range(EACH)]


def check(books):
    calls = books.calls
    assert len(calls) == len({call.run_id for call in calls}) == WORKERS * EACH
    assert sum(call.input_tokens for call in calls) == sum(range(WORKERS * EACH))
    assert {call.kind for call in calls} == {"answer"}
    assert books.losses == []
    totals = books.ledger.report().totals
    assert (totals.calls, totals.lost_calls) == (WORKERS * EACH, 0)
    assert totals.input_tokens == sum(range(WORKERS * EACH))


def test_threads(books, model):
    def work(worker):
        chat = model("large", *numbered(worker * EACH))
        for _ in range(EACH):
            chat.invoke("hi", books.config)

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(work, range(WORKERS)))
    check(books)


def test_tasks(books, model):
    async def work(worker):
        chat = model("large", *numbered(worker * EACH))
        for _ in range(EACH):
            await chat.ainvoke("hi", books.config)

    async def main():
        await asyncio.gather(*(work(worker) for worker in range(WORKERS)))

    asyncio.run(main())
    check(books)


def test_graphs_in_threads_with_flushes_in_between(books, model):
    chat = model("large", "hello")
    graph = StateGraph(MessagesState)
    graph.add_node("talk", lambda state: {"messages": [chat.invoke(state["messages"])]})
    graph.add_edge(START, "talk")
    app = graph.compile()

    def work(worker):
        for number in range(40):
            app.invoke({"messages": [("user", "hi")]}, books.config)
            if number % 10 == worker:
                assert books.ledger.flush()

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(work, range(WORKERS)))
    assert books.kinds == [("large", "answer")] * WORKERS * 40
