"""Names are found by their capitals, by being known, or by how they are written; variants are the same."""

import pytest

from llmops_plugins.caching.guards.entities import NamedEntities

SAME = [
    ("What is the US population?", "What is the population of the United States?"),
    ("Population of the usa", "Population of the U.S."),
    ("Hotels in NYC", "Hotels in New York City"),
    ("Germany's capital?", "What is the German capital?"),
    ("SBI branches", "State Bank of India branches"),
    ("Learn machine learning", "Learn Machine Learning"),
    ("What Is The Best Way To Learn Cooking", "what is the best way to learn cooking"),
    ("Tell us about Schwarzenegger", "Tell us about Schwarzeneger"),
    ("Explain recursion", "Describe recursion"),
    ("Is YouTube free?", "Is you tube free?"),
    ("Can you tell us more?", "Can you tell me more?"),
    ("Shorten to one line: we meet on Monday", "Condense this into one line: we meet on Monday"),
    ("What does rent cost in Texas?", "What does rent cost in Texas, US?"),
    ("pip cannot find the module", "python and pip cannot find the module"),
    ("Open around the clock in Central European Time?", "Open around the clock in CET?"),
    ("Can I move my appointment in Germany to a later day?", "Is it an option to see the doctor later?"),
    ("How does --interactive rebasing work?", "How does interactive rebasing work?"),
    ("Which prizes did Marie Curie win?", "Which prizes did Marie win?"),
    ("My kettle leaks.Where do I send it?", "My kettle leaks. Where do I send it?"),
    ("How do I excel at maths?", "How do I get good at maths?"),
]
DIFFERENT = [
    ("Does Dr. Marsh speak Spanish?", "Does Dr. Walsh speak Spanish?"),
    ("Do you ship to Norway?", "Do you ship?"),
    ("Is there a way to have it delivered in Lyon?", "Can you bring the sofa to my door?"),
    ("Bake it in the oven?", "Bake it in the microwave?"),
    ("What is the weather in Paris?", "What is the weather in London?"),
    ("weather in paris", "weather in london"),
    ("Do you ship to Austria?", "Do you ship to Australia?"),
    ("How do I say hello in french", "How do I say hello in spanish"),
    ("Who is Alice Smith?", "Who is Bob Smith?"),
    ("Can Anna see it?", "Can Peter see it?"),
    ("How do I use Photoshop layers?", "How do I use paintbrush layers?"),
    ("how do i use docker volumes", "how do i use podman volumes"),
    ("Does it work on iOS?", "Does it work on Android?"),
    ("Write to foo_bar.txt?", "Write to foo_baz.txt?"),
    ("What does --force do?", "What does --dry-run do?"),
    ("Is support@acme.com right?", "Is sales@acme.com right?"),
    ("What is https://a.example/x?", "What is https://a.example/y?"),
    ('What does "gracias" mean?', 'What does "adios" mean?'),
    ("Fee for a debit card?", "Fee for a credit card?"),
    ("Can I bring a dog?", "Can I bring a cat?"),
    ("The time in EST?", "The time in PST?"),
]


@pytest.mark.parametrize(("question", "stored"), SAME)
def test_a_name_written_otherwise_is_the_same(question, stored):
    assert NamedEntities()(question, stored) is None


@pytest.mark.parametrize(("question", "stored"), DIFFERENT)
def test_another_name_refuses(question, stored):
    assert NamedEntities()(question, stored)


def test_a_capital_says_nothing_where_the_wording_differs_and_no_name_stands_in_its_place():
    guard = NamedEntities()
    assert guard("Which courses in Chemical topics exist today?", "What can one study here?") is None
    assert guard("Is Photoshop good?", "Is paintbrush good?") == "'Photoshop' is only in the new question"
