"""Numbers are the same however they are written, and different where they or their units are."""

import pytest

from llmops_plugins.caching.guards.numbers import NumbersAndUnits

SAME = [
    ("Limit of 1,000 users?", "Limit of 1000 users?"),
    ("Is 20% off enough?", "Is 20 percent off enough?"),
    ("Pay 3.50 now?", "Pay 3.5 now?"),
    ("Can I keep twenty-three cats?", "Can I keep 23 cats?"),
    ("Two hundred pages?", "200 pages?"),
    ("A dozen eggs?", "12 eggs?"),
    ("What can I get for $20?", "What can I get for 20 dollars?"),
    ("What can I get for $20?", "What can I get for 20 USD?"),
    ("Rs.500 note?", "500 rupees note?"),
    ("Raise $1.5m?", "Raise 1.5 million dollars?"),
    ("Done in an hour?", "Done in 60 minutes?"),
    ("Half an hour late?", "30 minutes late?"),
    ("One and a half hours?", "1.5 hours?"),
    ("Which one is best?", "Which is the best?"),
    ("Give me a second, where is it?", "Where is it?"),
    ("Is my first name shown?", "Is my given name shown?"),
    ("What is new in version 2.1?", "What is new in v2.1?"),
    ("Price of the iPhone 15", "Price of the iphone15"),
    ("Who won World War II?", "Who won World War 2?"),
    ("Where is order A-113?", "Where is order a113?"),
    ("Open at 3 p.m.?", "Open at 15:00?"),
    ("Closed on the 5th of May?", "Closed on May 5?"),
    ("Log of 2024-05-01", "Log of 2024/5/1"),
    ("A 5-day trip", "A 5 day trip"),
    ("10-20 kg", "10 to 20 kg"),
    ("How many ounces are in a pound?", "How many ounces are in one pound?"),
    ("Does OAuth 2.0 need it?", "Does OAuth2 need it?"),
    ("Pods in k8s crash", "Pods in Kubernetes crash"),
    ("Start at 6 am", "Start at six in the morning"),
    ("Post it at 8", "Post it at 8 o'clock"),
    ("Sales in Q2", "Second quarter sales"),
    ("Can more than two people sign?", "Can three or more people sign?"),
    ("What does the two year warranty cover?", "What does the 2-year warranty cover?"),
    ("I work with two screens. How do I get another?", "Can the company give me a second monitor?"),
    ("The 500 and 1000 notes", "The 1000 and 500 notes"),
]
DIFFERENT = [
    ("When will order 7 get here?", "Has the parcel been handed to a courier?", "7"),
    ("Three rooms?", "Four rooms?", "three"),
    ("Open at six in the morning?", "Open at six in the evening?", "six"),
    ("Where is order 4417?", "Where is order 4471?", "4417"),
    ("Where is order 4417?", "Where is my order?", "4417"),
    ("Run 5 km?", "Run 5 miles?", "5 km"),
    ("Lift 5 kg?", "Lift 5 lb?", "5 kg"),
    ("100 g of rice", "100 oz of rice", "100 g"),
    ("Case for iPhone 15", "Case for iPhone 14", "15"),
    ("Changes in v2.1", "Changes in v2.2", "v2.1"),
    ("Support for python 3.1", "Support for python 3.10", "3.1"),
    ("Is $20 enough?", "Is €20 enough?", "20"),
    ("Open at 10 am?", "Open at 10 pm?", "10"),
    ("Arrives in 5 business days?", "Arrives in 5 days?", "5 business days"),
    ("Who started World War I?", "Who started World War II?", "I"),
    ("2 red and 3 blue", "3 red and 2 blue", "2"),
    ("Was I charged twice?", "Was I charged once?", "twice"),
    ("Who was the first king?", "Who was the second king?", "first"),
    ("Price per month?", "Price per year?", "month"),
    ("In celsius?", "In fahrenheit?", "celsius"),
    ("Rooms for 2 adults", "Rooms for 2 children", "2 adults"),
    ("Music of the 1960s", "Music of the 1970s", "1960s"),
    ("A week late", "Two weeks late", "two weeks"),
    ("What is -5 degrees?", "What is 5 degrees?", "-5"),
    ("About 1.5 million", "About 1.5 billion", "1.5"),
]


@pytest.mark.parametrize(("question", "stored"), SAME)
def test_a_number_written_otherwise_is_the_same(question, stored):
    assert NumbersAndUnits()(question, stored) is None


@pytest.mark.parametrize(("question", "stored", "said"), DIFFERENT)
def test_another_number_or_unit_refuses_and_is_named(question, stored, said):
    assert f"'{said}" in NumbersAndUnits()(question, stored)


def test_the_reason_says_which_question_has_it_and_nothing_else_of_the_text():
    guard = NumbersAndUnits()
    assert guard("Where is order 4417?", "Where is it?") == "'4417' is only in the new question"
    assert guard("Where is it?", "Where is order 4417?") == "'4417' is only in the stored question"
    assert len(guard("9" * 5000, "none")) < 100
