"""What is stored of prompts and answers, and for how long."""

from datetime import timedelta

import pytest
from langchain_core.runnables import RunnableLambda

from llmops_plugins.accounting import row_store

KEY = "sk-proj-abcdefghijklmnop1234567890"
PROMPT = "the patient is called Wilhelmina"
ANSWER = "take two aspirins a day"


def stored(tmp_path):
    return b"".join(file.read_bytes() for file in tmp_path.iterdir() if file.is_file())


def ask(books, model):
    config = {
        **books.config,
        "metadata": {"api_key": KEY, "note": f"key {KEY}", "tenant": "acme"},
        "configurable": {"thread_id": "t", "api_key": KEY, "session_token": KEY},
    }
    chain = RunnableLambda(lambda text: text) | model("large", ANSWER)
    chain.invoke(f"{PROMPT}, write to ann@example.org", config)
    broken = RunnableLambda(lambda text: text) | model("large", ValueError(f"{PROMPT} {KEY}"))
    with pytest.raises(ValueError, match="patient"):
        broken.invoke(PROMPT, config)
    assert books.ledger.flush()


def test_nothing_is_stored_unless_asked(books, model, tmp_path):
    ask(books, model)
    assert [(call.status, call.prompt, call.answer) for call in books.calls] == [
        ("ok", None, None),
        ("error", None, None),
    ]
    assert books.calls[1].error == "ValueError"
    books.ledger.close()
    for secret in (KEY, PROMPT, "Wilhelmina", ANSWER, "ann@example.org"):
        assert secret.encode() not in stored(tmp_path)


def test_redacted(open_books, model, tmp_path):
    books = open_books(content="redacted")
    ask(books, model)
    assert "write to [email]" in books.calls[0].prompt
    assert ANSWER in books.calls[0].answer
    books.ledger.close()
    assert KEY.encode() not in stored(tmp_path)
    assert b"ann@example.org" not in stored(tmp_path)


def test_full(open_books, model):
    books = open_books(content="full")
    ask(books, model)
    assert "ann@example.org" in books.calls[0].prompt
    assert books.calls[0].answer == ANSWER


@pytest.mark.parametrize("content", ["redacted", "full"])
def test_content_that_is_no_text_of_any_language_costs_no_row(open_books, model, content):
    books = open_books(content=content)
    model("large", "a\ud83d").invoke("b\ud800", books.config)
    (call,) = books.calls
    assert (call.answer, call.cost_usd is None) == ("a?", False)


def test_content_is_forgotten_after_its_time_and_the_figures_stay(open_books, model, tmp_path, monkeypatch):
    monkeypatch.setattr(row_store, "_EXPIRE_EVERY", 0.0)
    books = open_books(content="full", content_retention=timedelta(microseconds=1))
    ask(books, model)
    assert books.ledger.flush()  # expires what the one before wrote
    model("large", "later").invoke("later", books.config)
    calls = books.calls
    assert [call.prompt for call in calls[:2]] == [None, None]
    assert calls[0].input_tokens == 10
    assert PROMPT.encode() not in stored(tmp_path)
    assert ANSWER.encode() not in stored(tmp_path)
