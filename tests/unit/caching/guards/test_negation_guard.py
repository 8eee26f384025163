"""A negation and an opposite each turn a question round, and together leave it as it was."""

import pytest

from llmops_plugins.caching.guards.negation import Negation

SAME = [
    ("Is smoking not allowed?", "Is smoking forbidden?"),
    ("Why can't I log in?", "Why am I unable to log in?"),
    ("How do I turn notifications off?", "How do I disable notifications?"),
    ("Is it non-refundable?", "Is it not refundable?"),
    ("My card isn't working", "My card doesn't work"),
    ("I don't know how to change my address", "How do I change my address?"),
    ("Do you know whether or not it is allowed?", "Is it allowed?"),
    ("It's open, isn't it?", "Is it open?"),
    ("Is it not only for members?", "Is it only for members?"),
    ("Is it not impossible?", "Is it possible?"),
    ("Where is order no. 44?", "Where is order 44?"),
    ("My video has no sound", "The audio of my video is missing"),
    ("The update failed", "The update didn't succeed"),
    ("Why can't I log in?", "Why is my login refused?"),
    ("I closed it without saving", "I forgot to save and closed it"),
    ("What is the difference between them?", "How are they not the same?"),
    ("My mother can't walk far. How do we book a wheelchair?", "How do I request a wheelchair?"),
    ("I received a floor model. How do I swap it?", "You sent the wrong lamp, is an exchange possible?"),
    ("Everything other than shoes", "Everything except shoes"),
]
DIFFERENT = [
    ("Can I enter without a visa?", "Can I enter?"),
    ("Do I want it?", "Do I not want it?"),
    ("May I accept a gift from a vendor?", "May I give a gift to a vendor?"),
    ("How do I earn miles?", "How do I spend miles?"),
    ("How many died on it?", "How many survived on it?"),
    ("How long does cooked chicken keep?", "How long does raw chicken keep?"),
    ("How do I pause my plan?", "How do I resume my plan?"),
    ("Is it for new customers?", "Is it for existing customers?"),
    ("Why can't I log in?", "Why can I log in?"),
    ("Why isn\u2019t it free?", "Why is it free?"),
    ("Which methods do you accept?", "Which methods do you not accept?"),
    ("Returns without a receipt?", "Returns with a receipt?"),
    ("Is it refundable?", "Is it non-refundable?"),
    ("How do I enable it?", "How do I disable it?"),
    ("How do I turn it on?", "How do I turn it off?"),
    ("How do I log in?", "How do I log out?"),
    ("Is it allowed?", "Is it forbidden?"),
    ("Buy when prices increase?", "Sell when prices decrease?"),
    ("What are the pros?", "What are the cons?"),
    ("I am able to connect", "I am unable to connect"),
    ("Is it in stock?", "Is it out of stock?"),
    ("How do I block a user?", "How do I unblock a user?"),
    ("Why can't I go if I am not a member?", "Why can't I go if I am a member?"),
]


@pytest.mark.parametrize(("question", "stored"), SAME)
def test_what_means_the_same_passes(question, stored):
    assert Negation()(question, stored) is None


@pytest.mark.parametrize(("question", "stored"), DIFFERENT)
def test_the_opposite_refuses(question, stored):
    assert Negation()(question, stored)


def test_the_reason_names_the_words():
    guard = Negation()
    assert guard("I can't", "I can") == "'can't' is only in the new question"
    assert guard("enable it", "disable it") == "'enable' in the new question is 'disable' in the stored one"
