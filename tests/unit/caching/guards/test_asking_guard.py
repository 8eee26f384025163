"""When is not where, and why is not how many; other words for the same, and yes or no, go together."""

import pytest

from llmops_plugins.caching.guards.asking import AskingWords

SAME = [
    ("How do I close my account?", "Can I close my account?"),
    ("How do I close my account?", "Close my account."),
    ("How do I close my account?", "What's the way to close my account?"),
    ("How do I close my account?", "Tell me the steps to close my account"),
    ("What time does the pool open?", "When does the pool open?"),
    ("Which city hosts the fair?", "Where is the fair?"),
    ("What is the address of the clinic?", "Where is the clinic?"),
    ("What's the reason for the fee?", "Why is there a fee?"),
    ("Number of seats in the hall?", "How many seats does the hall have?"),
    ("Which person signs it?", "Who signs it?"),
    ("How long until it arrives?", "When will it arrive?"),
    ("How many days does it take?", "How long does it take?"),
    ("Why does my knee hurt when I squat?", "Knee pain in squats: why?"),
    ("When I log in it fails, why?", "Why does my login fail?"),
    ("Where do I change my address?", "How do I change my address?"),
    ("Is there someone who can help?", "How do I get help?"),
]
DIFFERENT = [
    ("When should I divide irises?", "Where should I divide irises?"),
    ("When should I divide irises?", "How should I divide irises?"),
    ("Why were shipments late?", "How many shipments were late?"),
    ("Who can visit ward B?", "When can I visit ward B?"),
    ("What is a hernia?", "Why do I have a hernia?"),
    ("What does churn mean?", "How do I lower churn?"),
    ("How long is my order delayed?", "Why is my order delayed?"),
    ("How often do I water it?", "Why do I water it?"),
    ("How deep is the lake?", "Where is the lake?"),
    ("By when must I register?", "Where must I register?"),
    ("What causes a side stitch?", "How do I stop a side stitch?"),
]


@pytest.mark.parametrize(("question", "stored"), SAME)
def test_what_asks_for_the_same_passes(question, stored):
    assert AskingWords()(question, stored) is None


@pytest.mark.parametrize(("question", "stored"), DIFFERENT)
def test_what_asks_for_another_kind_of_answer_refuses(question, stored):
    assert AskingWords()(question, stored)


def test_the_reason_says_what_each_asks():
    assert AskingWords()("When is it?", "Who is it?") == "the new question asks when, the stored one who"


def test_one_kind_in_common_is_enough():
    assert AskingWords()("When and where is it? Who comes?", "When is it?") is None
