"""Questions of the same content that a small word or sign turns round."""

import pytest

from llmops_plugins.caching.guards.substitution import Substitution

GUARD = Substitution()


@pytest.mark.parametrize(
    ("question", "stored"),
    [
        ("How do I move to the pro plan?", "How do I move from the pro plan?"),
        ("Do I have to declare a loan from my brother?", "Do I have to declare a loan to my brother?"),
        ("Can I file a report?", "Must I file a report?"),
        ("Does it keep in the fridge?", "Does it keep out of the fridge?"),
        ("Why does it start but stop later?", "Why does it start and not stop later?"),
        ("What is 7+3?", "What is 7*3?"),
    ],
)
def test_they_are_not_the_same_question(question, stored):
    assert GUARD(question, stored)
    assert GUARD(stored, question)


@pytest.mark.parametrize(
    ("question", "stored"),
    [
        ("Can I move to the pro plan?", "Could I please move to the pro plan?"),
        ("What is the fee for a transfer?", "What's the fee of a transfer?"),
        ("What is 7 + 3?", "what is 7+3"),
        ("How do I send it to my sister?", "To my sister, how do I send it?"),
    ],
)
def test_another_phrasing_passes(question, stored):
    assert GUARD(question, stored) is None
    assert GUARD(stored, question) is None
