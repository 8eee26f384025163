"""One word in the place of another is another question, unless both mean the same; opposites always are."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_plugins.caching.guards.substitution import Substitution

SAME = [
    ("How do I delete my account?", "How do I remove my account?"),
    ("How do I delete my accounts?", "Removing an account"),
    ("Buying a ticket", "How can I purchase tickets?"),
    ("Where are movies shown?", "Where are the films shown?"),
    ("What is the cheapest plan?", "What's the most affordable plan?"),
    # inflections and spelling
    ("How do I cancel an order?", "How do I cancel orders?"),
    ("Who cancelled it?", "Who is cancelling it?"),
    ("What is the cancellation deadline?", "What is the deadline to cancel?"),
    ("Which colour is it?", "Which color is it?"),
    ("How do I organise a party?", "How do I organize a party?"),
    ("Where is the city center?", "Where is the city centre?"),
    ("How do I bake a potatoe?", "How do I bake a potato?"),
    ("My refrigirator is loud", "My refrigerator is loud"),
    # what only phrases the question, or stands alone
    ("Explain how vaccines work", "Can you tell me how vaccines work?"),
    ("How do I prune roses?", "How do I prune roses, please?"),
    ("How do I prune roses?", "How do I prune roses in the garden?"),
    ("How do I get to work?", "What is a good way to see the town?"),
    ("", ""),
    ("?", "How?"),
]
DIFFERENT = [
    ("How do I delete my account?", "How do I delete my photo?"),
    ("What are the side effects of ibuprofen?", "What are the side effects of naproxen?"),
    ("Does the hotel have a pool?", "Does the hotel have a sauna?"),
    ("How do I boil eggs?", "How can I fry eggs?"),
    ("When does the museum close?", "When does the library close?"),
    # opposites by how they begin or end
    ("Is the tea sweetened?", "Is the tea unsweetened?"),
    ("Symptoms of an overactive thyroid", "Symptoms of an underactive thyroid"),
    ("How do I import contacts?", "How do I export contacts?"),
    ("How do I upload a file?", "How do I download a file?"),
    ("Which includes tax?", "Which excludes tax?"),
    ("Is the internal review over?", "Is the external review over?"),
    ("Is it legal to camp here?", "Is it illegal to camp here?"),
    ("Is a dairy snack fine?", "Is a nondairy snack fine?"),
    ("Who approves it?", "Who disapproves it?"),
    ("What is hypertension?", "What is hypotension?"),
    ("Treating hyperglycemia", "Treating hypoglycemia"),
    ("Is it on the internet?", "Is it on the intranet?"),
    ("Does the payer owe tax?", "Does the payee owe tax?"),
    ("What does a trainer earn?", "What does a trainee earn?"),
    # opposites that only phrase a question elsewhere
    ("How do I turn the alarm on?", "How do I turn the alarm off?"),
    ("Arguments for the ban", "Arguments against the ban"),
    ("Songs like this", "Songs to dislike"),
    # though more differs
    ("How do I upload the big file today?", "Can I download a huge document?"),
]
PARTS = """
how do i the non anti dis mis un on off for against with without like dislike sweetened unsweetened import
export port overactive underactive active hypertension hypotension tension color colour colours organise
organized payer payee juice juicy tide diet 7 a1 x_y 's \u00e9t\u00e9 \u4f60\u597d \u0130 \ud800
"""
TEXTS = st.text(max_size=60) | st.lists(st.sampled_from(PARTS.split()), max_size=8).map(" ".join)


def refusals(question, stored):
    return [Substitution()(question, stored), Substitution()(stored, question)]


@pytest.mark.parametrize(("question", "stored"), SAME)
def test_another_word_for_the_same_passes(question, stored):
    assert refusals(question, stored) == [None, None]


@pytest.mark.parametrize(("question", "stored"), DIFFERENT)
def test_another_word_for_something_else_refuses(question, stored):
    assert all(refusals(question, stored))


@settings(max_examples=400)
@given(TEXTS, TEXTS)
def test_it_refuses_either_way_round_whatever_the_texts(question, stored):
    one, other = refusals(question, stored)
    assert (one is None) == (other is None)


@given(TEXTS)
def test_a_text_is_itself(text):
    assert refusals(text, text) == [None, None]


def test_the_reason_names_both_words_as_they_are_written():
    reason = Substitution()("Does it have pools?", "Does it have saunas?")
    assert reason == "'pools' in the new question is 'saunas' in the stored one"


def test_numbers_are_left_to_the_guard_for_them():
    assert refusals("Where is order a1?", "Where is order b2?") == [None, None]
