"""Another day, month, season or rhythm is another question; another word for the same one is not."""

import pytest

from llmops_plugins.caching.guards.time_words import TimeWords

SAME = [
    ("Open on Monday?", "Open on Mondays?"),
    ("Sent every day?", "Sent daily?"),
    ("What is the weather today?", "What is the weather?"),
    ("Which phone is best now?", "Which phone is currently best?"),
    ("Delivered next week?", "Delivered in the coming week?"),
    ("May I march in?", "Can I walk in?"),
    ("Done by the March deadline?", "Done before the deadline in March?"),
    ("What can I cook fast tonight for dinner?", "Quick weeknight dinner ideas please"),
    ("In Sept?", "In September?"),
]
DIFFERENT = [
    ("Open on Monday?", "Open on Tuesday?"),
    ("Open tomorrow?", "Open today?"),
    ("Open tomorrow?", "Open?"),
    ("Arrives this week?", "Arrives next week?"),
    ("Cheap in June?", "Cheap in July?"),
    ("Cheap in May?", "Cheap in March?"),
    ("Pay monthly?", "Pay yearly?"),
    ("Open in the morning?", "Open in the evening?"),
    ("Is it before ten?", "Is it after ten?"),
    ("Open since ten?", "Open until ten?"),
    ("Open in summer?", "Open in winter?"),
    ("Is it always so?", "Is it never so?"),
]


@pytest.mark.parametrize(("question", "stored"), SAME)
def test_the_same_time_in_other_words_passes(question, stored):
    assert TimeWords()(question, stored) is None


@pytest.mark.parametrize(("question", "stored"), DIFFERENT)
def test_another_time_refuses(question, stored):
    assert TimeWords()(question, stored)
