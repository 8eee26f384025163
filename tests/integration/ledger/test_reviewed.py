"""What a strict reader of the ledger found, each held by a test."""

import asyncio
import logging
import sqlite3
import threading

import pytest
from langchain_core.language_models import FakeListLLM
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from sqlalchemy import func, select

from llmops_plugins import (
    Agreement,
    CascadeMiddleware,
    CostLedger,
    Predicate,
    ValidToolCalls,
    with_middleware,
)
from llmops_plugins.background import BACKGROUND
from llmops_plugins.cli.database import opened
from llmops_plugins.errors import LlmopsError
from llmops_plugins.storage.database import CALLS, DECISIONS
from llmops_plugins.storage.ledger_queries import LedgerQueries
from llmops_plugins.testing import ScriptedChatModel

SECRETS = ["sk-abcdefgh12345678", "ghp_abcdefgh12345678", "AKIAABCDEFGH12345678", "192.168.0.17"]


def model(name, *replies, **settings):
    return ScriptedChatModel(model_name=name, replies=replies or [name], **settings)


def kinds(ledger):
    return {(call.model, call.kind, call.rejected) for call in ledger.trace().calls}


def test_readers_of_a_ledger_in_memory_undo_no_write():
    ledger = CostLedger("sqlite://")
    chat, stop = model("m"), threading.Event()

    def read():
        while not stop.wait(0.001):
            with ledger.engine.connect() as connection:
                connection.execute(select(func.count()).select_from(CALLS)).scalar()

    chat.invoke("?", {"callbacks": [ledger]})
    ledger.flush()
    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(150):
        chat.invoke("?", {"callbacks": [ledger]})
        ledger.flush()
    stop.set()
    for reader in readers:
        reader.join()
    assert ledger.report().totals.calls == 151


def test_the_accepted_reply_and_not_the_second_opinion_is_the_answer_of_a_chain_of_texts():
    ledger = CostLedger("sqlite://")
    cascade = CascadeMiddleware(tiers=[[model("a", "42"), model("b", "42")], model("c")], verify=Agreement())
    chain = with_middleware(model("c"), cascade) | StrOutputParser()
    assert chain.invoke("?", {"callbacks": [ledger]}) == "42"
    assert kinds(ledger) == {("a", "answer", False), ("b", "answer", True)}
    assert [call.hidden for call in ledger.trace().calls if call.model == "a"] == [False]


def test_what_a_shadow_asked_is_no_answer_though_it_says_the_same():
    ledger = CostLedger("sqlite://")
    verify = Predicate(lambda message: True)
    cascade = CascadeMiddleware(tiers=[model("cheap", "42"), model("c")], verify=verify, mode="shadow")
    chain = with_middleware(model("own", "42"), cascade) | StrOutputParser()
    chain.invoke("?", {"callbacks": [ledger]})
    assert BACKGROUND.drain()
    assert {(name, kind) for name, kind, _ in kinds(ledger)} == {("own", "answer"), ("cheap", "other")}


def test_a_text_model_with_the_ledger_attached_twice_counts_once():
    ledger = CostLedger("sqlite://")
    with ledger:
        FakeListLLM(responses=["x"], callbacks=[ledger]).invoke("?", {"callbacks": [ledger]})
    assert ledger.report().totals.calls == 1


def test_secrets_at_the_start_of_a_line_are_redacted_and_images_are_not_stored():
    ledger = CostLedger("sqlite://", content="redacted")
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD" * 50_000}}
    blocks = [{"type": "text", "text": "keys:\n" + "\n".join(SECRETS)}, image]
    model("m", "\n".join(SECRETS)).invoke([("user", blocks)], {"callbacks": [ledger]})
    ledger.flush()
    (row,) = LedgerQueries(ledger.engine).calls()
    assert not [secret for secret in SECRETS if secret in row["prompt"] + row["answer"]]
    assert "base64" not in row["prompt"]
    assert "image_url" in row["prompt"]


def test_reasons_repeat_none_of_the_models_own_words():
    ledger = CostLedger("sqlite://")
    said = {"name": "patient_Jane_has_HIV", "args": {}, "id": "1", "type": "tool_call"}
    draft = model("cheap", AIMessage("", tool_calls=[said]))
    cascade = CascadeMiddleware(tiers=[draft, model("c")], verify=ValidToolCalls())
    with_middleware(model("c"), cascade).invoke("?", {"callbacks": [ledger]})
    ledger.flush()
    with ledger.engine.connect() as connection:
        row = connection.execute(select(DECISIONS)).mappings().one()
    assert "Jane" not in str(dict(row))


def test_debug_logs_hold_no_prompt_when_the_database_refuses(tmp_path, caplog):
    path = tmp_path / "ledger.db"
    ledger = CostLedger(f"sqlite:///{path}", content="full")
    model("m").invoke("first", {"callbacks": [ledger]})
    ledger.flush()
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE llmops_calls")
        connection.execute("CREATE TABLE llmops_calls (call_id TEXT)")
    with caplog.at_level(logging.DEBUG):
        model("m").invoke("a secret prompt", {"callbacks": [ledger]})
        assert not ledger.flush()
    assert "a secret prompt" not in caplog.text


def test_looking_for_a_ledger_in_another_database_leaves_it_as_it_was(tmp_path):
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE mine (x)")
    before = path.read_bytes()
    with pytest.raises(LlmopsError, match=r"^db: .* holds no ledger"), opened(f"sqlite:///{path}") as engine:
        LedgerQueries(engine).calls()
    assert path.read_bytes() == before


def test_leaving_a_with_block_in_an_event_loop_does_not_wait_for_the_database(tmp_path):
    path = tmp_path / "ledger.db"
    ledger = CostLedger(f"sqlite:///{path}")
    model("m").invoke("first", {"callbacks": [ledger]})
    ledger.flush()
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")

    async def serve():
        loop = asyncio.get_running_loop()
        started = loop.time()
        with ledger:
            await model("m").ainvoke("?")
        return loop.time() - started

    assert asyncio.run(serve()) < 1
    holder.execute("ROLLBACK")
    assert ledger.report().totals.calls == 2


def test_a_closed_ledger_in_memory_takes_what_comes_without_a_word(caplog):
    # As from a thread of an agent that Ctrl-C has stopped; the tables have gone with the connection.
    ledger = CostLedger("sqlite://")
    model = ScriptedChatModel(replies=["hello"])
    for _ in range(2):
        model.invoke("hi", {"callbacks": [ledger]})
        ledger.close()
    model.invoke("hi", {"callbacks": [ledger]})
    assert ledger.report().totals.calls == 1
    ledger.close()
    assert not [record for record in caplog.records if record.name.startswith("llmops_plugins")]


def test_a_closed_ledger_leaves_no_thread_and_still_takes_what_comes(tmp_path):
    def writers():
        return [thread for thread in threading.enumerate() if thread.name == "llmops-ledger"]

    before = len(writers())
    ledger = CostLedger(f"sqlite:///{tmp_path / 'ledger.db'}")
    model("m").invoke("?", {"callbacks": [ledger]})
    assert len(writers()) == before + 1
    thread = next(one for one in writers() if one is ledger._writer._thread)
    ledger.close()
    thread.join(5)
    assert not thread.is_alive()
    model("m").invoke("?", {"callbacks": [ledger]})
    assert ledger.report().totals.calls == 2
    ledger.close()


def test_an_abandoned_async_stream_is_estimated_by_what_was_read():
    ledger = CostLedger("sqlite://")

    async def abandoned():
        stream = model("m", "word " * 200).astream("?", {"callbacks": [ledger]})
        async for number, _ in _counted(stream):
            if number == 40:
                break
        await stream.aclose()

    asyncio.run(abandoned())
    (call,) = ledger.trace().calls
    assert call.status == "aborted"
    assert 25 <= call.output_tokens <= 80
    assert call.latency_seconds is not None


async def _counted(stream):
    number = 0
    async for chunk in stream:
        number += 1
        yield number, chunk
