"""The other extreme and the other direction are other questions; both together are not."""

import pytest

from llmops_plugins.caching.guards.comparatives import Comparatives

SAME = [
    ("Is Python faster than Java?", "Is Java slower than Python?"),
    ("Trains from Paris to Rome", "Trains to Rome from Paris"),
    ("Compare Alice with Bob", "Compare Bob with Alice"),
    ("The least expensive phone", "The cheapest phone"),
    ("No more than 5 guests", "At most 5 guests"),
    ("Difference between A and B", "Difference between B and A"),
    ("The best way to learn", "The easiest way to learn"),
]
DIFFERENT = [
    ("The cheapest flight", "The most expensive flight"),
    ("At least 5 guests", "At most 5 guests"),
    ("The minimum balance", "The maximum balance"),
    ("Is Python faster than Java?", "Is Java faster than Python?"),
    ("Convert PDF to Word", "Convert Word to PDF"),
    ("Trains from Paris to Rome", "Trains from Rome to Paris"),
    ("Trains to Rome from Paris", "Trains from Rome to Paris"),
    (
        "It's 3 pm in New York, what time is it in London?",
        "It's 3 pm in London, what time is it in New York?",
    ),
    ("What may Norwegians sell to the Swedes?", "What may the Swedes sell to Norwegians?"),
    ("Did Brazil beat Germany?", "Did Germany beat Brazil?"),
    ("Phones under $300", "Phones over $300"),
    ("The cheapest phone", "The fastest phone"),
    ("The youngest king", "The oldest king"),
    ("The first king", "The last king"),
]


@pytest.mark.parametrize(("question", "stored"), SAME)
def test_the_same_comparison_passes(question, stored):
    assert Comparatives()(question, stored) is None


@pytest.mark.parametrize(("question", "stored"), DIFFERENT)
def test_one_turned_round_refuses(question, stored):
    assert Comparatives()(question, stored)
