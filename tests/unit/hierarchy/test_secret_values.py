"""Secrets are filled in where granted, and found again however they come back."""

import base64
import copy
import json
import pickle
import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from llmops_plugins.hierarchy.sandbox.secret_scrubber import SecretScrubber
from llmops_plugins.hierarchy.sandbox.secret_values import SecretNotGrantedError, SecretValues

KEY = "sk-live-9fQ2/xV7+bN4"
SECRETS = st.text(string.ascii_letters + string.digits + "-_/+.:é", min_size=8, max_size=60).filter(
    lambda text: sum(one.isalnum() for one in text) >= 8 and len(set(text.casefold())) > 5
)
AROUND = st.text(string.punctuation + " \n", max_size=12)


def test_a_granted_placeholder_is_filled_in_wherever_it_stands():
    secrets = SecretValues({"KEY": KEY, "OTHER": SecretStr("hidden-value")})
    assert secrets.fill("Bearer {{KEY}}, {{KEY}}", ["KEY"]) == f"Bearer {KEY}, {KEY}"
    assert secrets.fill("{{OTHER}}", ["KEY", "OTHER"]) == "hidden-value"
    assert secrets.fill("{{name}} {KEY} {{ KEY }}", ["KEY"]) == "{{name}} {KEY} {{ KEY }}"


def test_a_placeholder_that_was_not_granted_is_refused():
    with pytest.raises(SecretNotGrantedError, match=r"\{\{KEY\}\} is not for this function"):
        SecretValues({"KEY": KEY}).fill("a {{KEY}}", [])


def test_a_value_is_not_searched_for_placeholders():
    secrets = SecretValues({"KEY": "{{OTHER}}xx", "OTHER": "hidden-value"})
    assert secrets.fill("{{KEY}}", ["KEY", "OTHER"]) == "{{OTHER}}xx"


def test_no_value_is_shown_pickled_or_copied():
    secrets = SecretValues({"KEY": KEY})
    assert repr(secrets) == "SecretValues(KEY)"
    for take in (pickle.dumps, copy.deepcopy, copy.copy):
        with pytest.raises(TypeError, match="not pickled"):
            take(secrets)


@given(SECRETS, AROUND, AROUND)
def test_a_secret_is_replaced_and_what_stands_around_it_is_kept(secret, before, after):
    scrub = SecretScrubber({"KEY": secret})
    bare = secret.strip("-_/+.:")
    assert scrub(f"{before}{bare}{after}") == before + "{{KEY}}" + after


@given(SECRETS, st.text(max_size=5), st.text(max_size=5))
def test_a_secret_is_found_in_every_encoding_a_service_might_echo(secret, before, after):
    scrub = SecretScrubber({"KEY": secret})
    data = f"{before}{secret}{after}".encode()
    for text in (
        secret.upper(),
        secret[::-1],
        " ".join(secret),
        "\n".join(secret),
        json.dumps(list(secret), ensure_ascii=False),
        json.dumps({"key": secret}),
        data.hex(),
        data.hex(" "),
        quote(secret, safe=""),
        quote(quote(secret, safe=""), safe=""),
        "".join(f"%{one:02X}" for one in data),
        base64.b64encode(data).decode(),
        base64.urlsafe_b64encode(data).decode(),
        base64.encodebytes(data).decode(),
        base64.b32encode(data).decode(),
        str([ord(one) for one in secret]),
    ):
        assert scrub.finds(text), text
        assert not scrub.finds(scrub(text))


@given(st.text(string.ascii_letters + string.digits, min_size=12, max_size=60), st.data())
def test_half_of_a_secret_is_found_wherever_it_is_cut(secret, data):
    size = min(max(len(secret) // 2, 6), 20)
    start = data.draw(st.integers(0, len(secret) - size))
    assert "{{KEY}}" in SecretScrubber({"KEY": secret})(f"unknown city: {secret[start : start + size]}...")


@given(st.text(string.ascii_letters + string.digits, min_size=6, max_size=40), st.text(max_size=200))
def test_text_without_a_secret_is_left_as_it_is(secret, text):
    scrub = SecretScrubber({"KEY": secret})
    if not scrub.finds(text):
        assert scrub(text) == text
    assert not scrub.finds(scrub(text))


def test_the_names_of_secrets_are_not_taken_for_them():
    scrub = SecretScrubber({"WEATHER_KEY": "weather-key-1"})
    assert scrub("{{WEATHER_KEY}}") == "{{WEATHER_KEY}}"
    assert scrub("is weather-key-1!") == "is {{WEATHER_KEY}}!"


def test_two_secrets_side_by_side_are_told_apart():
    scrub = SecretScrubber({"A": "first-secret", "B": "other-hidden"})
    assert scrub("first-secret other-hidden") == "{{A}} {{B}}"


def test_without_secrets_nothing_changes():
    assert SecretScrubber({})("sk-live") == "sk-live"
    assert not SecretScrubber({}).finds("sk-live")
