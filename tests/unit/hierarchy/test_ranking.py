"""Which demonstrations are shown: examples are of a town's library and its trains."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_plugins.hierarchy.demonstrations import ranking
from llmops_plugins.hierarchy.demonstrations.lexical import (
    question_terms,
    time_similarities,
    word_similarities,
)
from llmops_plugins.hierarchy.demonstrations.ranking import Candidate, rank
from llmops_plugins.hierarchy.demonstrations.solution_calls import solution_calls
from tests.timing import least_seconds

LOANS = "print(loans(reader))"
TRAINS = "print(departures(station))"
FINES = "print(fines(reader))"


def candidate(question, solution=LOANS, similarity=None, usefulness=0.85, calls=None):
    return Candidate(
        question=question, solution=solution, similarity=similarity, usefulness=usefulness, calls=calls
    )


def first(question, candidates):
    return candidates[rank(question, candidates, limit=1)[0]]


def test_questions_that_call_the_same_outvote_one_that_only_shares_a_phrase():
    candidates = [
        candidate("Could you please tell me which train leaves for Basel?", TRAINS),
        candidate("Which books has Ann borrowed?", LOANS),
        candidate("List the books that Ben has borrowed", LOANS),
        candidate("Are there books borrowed by Cleo?", LOANS),
    ]
    question = "Could you please tell me which books are borrowed by Dora?"
    assert first(question, candidates).solution == LOANS


def test_names_and_numbers_hardly_count():
    candidates = [
        candidate("When does the next train leave for Luzern?", TRAINS),
        candidate("How high are the fines of Ursula Frei in Basel?", FINES),
    ]
    assert first("When does the next train leave for Basel?", candidates).solution == TRAINS


def test_what_is_asked_of_the_past_is_answered_by_what_answered_the_past():
    candidates = [
        candidate("Which books did Ann borrow last year?", "print(history(reader))"),
        candidate("Which books will Ann borrow next year?", "print(reservations(reader))"),
    ]
    assert first("Which books were lent to Ben yesterday?", candidates).solution == "print(history(reader))"


def test_embeddings_find_what_shares_no_word():
    candidates = [
        candidate("Any overdue charges?", FINES, similarity=0.8),
        candidate("When does the bus go?", TRAINS, similarity=0.1),
        candidate("Which novels are lent?", LOANS, similarity=0.2),
    ]
    assert first("What do I owe you", candidates).solution == FINES


def test_prose_is_ranked_by_likeness_times_usefulness():
    answers = [
        candidate("How do I renew a book?", "At the desk.", similarity=0.9, usefulness=0.5),
        candidate("How do I renew my card?", "Online.", similarity=0.6, usefulness=0.9),
        candidate("When do you close?", "At six.", similarity=0.2, usefulness=0.9),
    ]
    assert rank("How do I renew a loan?", answers, limit=1) == [1]


def test_near_duplicates_come_after_what_is_new():
    candidates = [
        candidate("Which books has Ann borrowed?", LOANS, similarity=0.9),
        candidate("Which books has Ben borrowed?", LOANS, similarity=0.9),
        candidate("Which books has Cleo borrowed?", LOANS, similarity=0.9),
        candidate("Show what readers have out at the moment", LOANS, similarity=0.75),
    ]
    chosen = rank("Which books has Dora borrowed?", candidates, limit=2)
    assert chosen[1] == 3


def test_calls_that_are_known_are_not_read_again():
    unread = "this is not code ("
    candidates = [
        candidate("Which books has Ann borrowed?", unread, calls=frozenset({"loans"})),
        candidate("Which fines has Ann to pay?", unread, calls=frozenset({"fines"})),
        candidate("Which fines has Ben?", unread, calls=frozenset({"fines"})),
    ]
    assert rank("Which fines are open?", candidates, limit=1)[0] in (1, 2)


def test_a_text_without_letters_is_ranked_too():
    assert rank("???", [candidate(""), candidate("42")], limit=5) in ([0, 1], [1, 0])
    assert rank("", [candidate("")], limit=1) == [0]


@pytest.mark.parametrize("similarity", [float("nan"), float("inf"), float("-inf"), -1.0, 2.0])
def test_a_similarity_out_of_bounds_does_no_harm(similarity):
    candidates = [candidate("Which books?", similarity=similarity), candidate("Which fines?", FINES)]
    assert sorted(rank("Which trains?", candidates, limit=2)) == [0, 1]


def test_fifty_candidates_take_a_few_milliseconds():
    candidates = [
        candidate(f"Which books about subject {number} are lent to reader {number * 7}?", similarity=0.5)
        for number in range(50)
    ]
    rank("warm", candidates, limit=3)
    seconds = least_seconds(
        lambda: rank("Which books about trains are lent?", candidates, limit=3), 0.003, attempts=50
    )
    assert seconds < 0.003


words = st.sampled_from(
    ["which", "book", "train", "is", "was", "will", "lent", "late", "Ann", "Bern", "7", "the"]
)
questions = st.lists(words, max_size=6).map(" ".join)
candidates_ = st.lists(
    st.builds(
        candidate,
        question=questions,
        solution=st.sampled_from([LOANS, TRAINS, FINES, "In prose.", LOANS + "\n" + FINES]),
        similarity=st.none() | st.floats(-1, 1),
        usefulness=st.floats(0, 1),
    ),
    max_size=8,
)


@given(questions, candidates_, st.integers(-1, 10))
@settings(deadline=None)
def test_indices_are_valid_and_none_comes_twice(question, candidates, limit):
    chosen = rank(question, candidates, limit=limit)
    assert len(chosen) == min(max(limit, 0), len(candidates))
    assert len(set(chosen)) == len(chosen)
    assert all(0 <= index < len(candidates) for index in chosen)


@given(questions, candidates_, st.randoms())
@settings(deadline=None)
def test_the_order_they_come_in_changes_nothing(question, candidates, chance):
    shuffled = list(candidates)
    chance.shuffle(shuffled)
    before = [candidates[index] for index in rank(question, candidates, limit=8)]
    assert [shuffled[index] for index in rank(question, shuffled, limit=8)] == before


@given(questions, candidates_, st.data())
@settings(deadline=None)
def test_what_helps_more_never_comes_later_for_it(question, candidates, data):
    if not candidates:
        return
    index = data.draw(st.integers(0, len(candidates) - 1))
    one = candidates[index]
    more = data.draw(st.floats(one.usefulness, 1))
    better = candidate(one.question, one.solution, one.similarity, more)
    before = rank(question, candidates, limit=8).index(index)
    after = rank(question, [*candidates[:index], better, *candidates[index + 1 :]], limit=8).index(index)
    assert after <= before


@given(questions, candidates_, st.integers(1, 8))
@settings(deadline=None)
def test_a_smaller_limit_cuts_the_same_ranking(question, candidates, limit):
    assert rank(question, candidates, limit=limit) == rank(question, candidates, limit=8)[:limit]


def plainly_ranked(question, candidates, limit):
    """Rank as the formulas say it, one pair after the other."""
    order = sorted(range(len(candidates)), key=lambda index: ranking._order_key(candidates[index]))
    given = [candidates[index] for index in order]
    terms = [question_terms(text) for text in (question, *(one.question for one in given))]
    words = word_similarities(terms)
    likeness = np.clip(
        [
            by_words if one.similarity is None else one.similarity
            for one, by_words in zip(given, words[0, 1:], strict=True)
        ],
        0,
        1,
    )
    calls = [solution_calls(one.solution) for one in given]
    agreement = np.array([[len(a & b) / len(a | b) if a | b else 1.0 for b in calls] for a in calls])
    relevance = likeness
    if not (agreement == 1).all():
        needed = ranking._regressed(words + ranking._TIME_WEIGHT * time_similarities(terms), agreement)
        weight = ranking._SIMILARITY_WEIGHT
        relevance = (needed + weight * likeness) / (1 + weight)
    gains = np.clip(relevance, 0, 1) * np.clip([one.usefulness for one in given], 0, 1)
    chosen = []
    for _ in range(min(limit, len(given))):
        repeated = [
            max((words[1 + index, 1 + one] for one in chosen), default=0.0) for index in range(len(given))
        ]
        values = (1 - ranking._DIVERSITY) * gains - ranking._DIVERSITY * np.array(repeated)
        values[chosen] = -np.inf
        chosen.append(int(np.argmax(values)))
    return [order[place] for place in chosen]


@given(questions, candidates_.filter(len), st.integers(1, 8))
@settings(deadline=None)
def test_the_ranking_is_the_one_of_its_formulas(question, candidates, limit):
    assert rank(question, candidates, limit=limit) == plainly_ranked(question, candidates, limit)
