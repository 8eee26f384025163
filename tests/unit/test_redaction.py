"""What is taken out of text, and what is left in."""

import pytest

from llmops_plugins.redaction import hide_secrets, redact


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("write to ann@example.org.", "write to [email]."),
        ("key sk-proj-abcdefghijklmnop1234", "key [secret]"),
        ("AKIAIOSFODNN7EXAMPLE", "[secret]"),
        ("Authorization: Bearer abcdefghijklmnop", "Authorization: [secret]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "[secret]"),
        ("card 4111 1111 1111 1111 please", "card [card] please"),
        ("DE89 3704 0044 0532 0130 00", "[iban]"),
        ("from 192.168.10.20", "from [address]"),
        ("call +49 30 1234 5678", "call [phone]"),
    ],
)
def test_the_usual_forms_go(text, redacted):
    assert redact(text) == redacted


@pytest.mark.parametrize(
    "text", ["order A-1041 on 2026-03-01", "39.90 EUR", "task-1", "version 3.11", "1, 2, 3"]
)
def test_ordinary_text_stays(text):
    assert redact(text) == text


def test_secrets_alone():
    assert hide_secrets("ann@example.org sk-abcdefghijklmnop") == "ann@example.org [secret]"
