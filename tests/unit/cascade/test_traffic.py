"""Recorded answers become arrays of the models that can take part, and it is said why others cannot."""

import dataclasses
import math

import numpy as np
import pytest

from llmops_plugins.cascade.traffic import read_traffic
from llmops_plugins.models.prices import PriceBook
from llmops_plugins.models.registry import ModelRegistry, ModelSpec, Price
from llmops_plugins.records.fingerprint import fingerprint
from llmops_plugins.records.reading import Record, RecordedResponse
from llmops_plugins.verification.answers import extract_answer

PRICES = PriceBook(ModelRegistry([ModelSpec(name="listed", prices=(Price(input=1.0, output=2.0),))]))


def recorded(text="4", score=1.0, cost_usd=0.5, **tokens):
    return RecordedResponse(text=text, score=score, cost_usd=cost_usd, **tokens)


def record(prompt="2 + 2?", **responses):
    return Record(line=1, record_id="1", prompt=prompt, responses=responses)


def test_every_array_has_a_row_a_record_and_a_column_a_model():
    rows = [
        record(a=recorded("4", 1.0, 0.1), b=recorded("The answer is 5.", 0.25, 0.2)),
        record("3 + 3?!", b=recorded("Answer: 6", 1.0, 0.4), a=recorded("7", 0.0, 0.3)),
    ]
    traffic, left_out = read_traffic(rows, PRICES, extract_answer)
    assert (traffic.models, left_out, len(traffic)) == (("a", "b"), {}, 2)
    assert traffic.scores.tolist() == [[1.0, 0.25], [0.0, 1.0]]
    assert traffic.costs.tolist() == [[0.1, 0.2], [0.3, 0.4]]
    assert [[one.answer for one in row] for row in traffic.facts] == [["4", "5"], ["7", "6"]]
    assert traffic.prompt_lengths == (math.log1p(6), math.log1p(7))


def test_a_recorded_cost_goes_before_the_price_list():
    tokens = {"input_tokens": 1_000_000, "output_tokens": 500_000}
    rows = [record(listed=recorded(cost_usd=None, **tokens)), record(listed=recorded(cost_usd=9.0, **tokens))]
    traffic, _ = read_traffic(rows, PRICES, extract_answer)
    assert traffic.costs.tolist() == [[2.0], [9.0]]


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([recorded(), None], "has not answered every row"),
        ([recorded(), recorded(text=None)], "has answers without their text"),
        ([recorded(), recorded(cost_usd=None)], "has no known price, name it in the prices file"),
        (
            [recorded(), recorded(cost_usd=None, input_tokens=1, output_tokens=1)],
            "has no known price, name it in the prices file",
        ),
    ],
)
def test_a_model_that_cannot_take_part_is_left_out_and_the_reason_given(answers, reason):
    rows = [record(**({"odd": answer} if answer else {}), fine=recorded()) for answer in answers]
    traffic, left_out = read_traffic(rows, PRICES, extract_answer)
    assert traffic.models == ("fine",)
    assert traffic.scores.shape == traffic.costs.shape == (2, 1)
    assert left_out == {"odd": reason}


def test_an_extractor_that_fails_found_no_answer():
    def fails_on_five(text):
        if "5" in text:
            raise KeyError(text)
        return text

    traffic, _ = read_traffic([record(a=recorded("4"), b=recorded("5"))], PRICES, fails_on_five)
    assert [one.answer for one in traffic.facts[0]] == ["4", None]


def test_the_candidate_is_named_by_its_place_among_all_models(simulation):
    traffic = simulation.traffic(rows=60)
    large, a = traffic.models.index("large"), traffic.models.index("a")
    found = traffic.evidence((large, a), by_accuracy=(large, a, 1))
    assert set(found.candidates.tolist()) == {large}
    assert set(traffic.evidence((large, a), by_accuracy=(1, a, large)).candidates.tolist()) == {a}
    agree = [row[large].answer == row[a].answer for row in traffic.facts]
    assert found.values[:, 2].tolist() == [float(one) for one in agree]
    assert 0 < sum(agree) < 60


def test_only_the_order_of_accuracy_among_the_models_asked_matters(simulation):
    traffic = simulation.traffic(rows=60)
    one, other = (traffic.evidence((0, 1), ranking) for ranking in ((2, 1, 0), (1, 2, 0)))
    assert np.array_equal(one.values, other.values)
    assert np.array_equal(one.candidates, other.candidates)
    assert not np.array_equal(one.candidates, traffic.evidence((0, 1), (0, 1, 2)).candidates)


def test_the_fingerprint_is_that_of_prompts_answers_and_scores():
    row = record(a=recorded(), b=recorded())
    same = record(b=recorded(), a=recorded())
    assert fingerprint([row]) == fingerprint([dataclasses.replace(same, line=7, record_id="7")])
    others = [
        [],
        [row, row],
        [dataclasses.replace(row, prompt="2 + 3?")],
        [record(a=recorded())],
        [record(a=recorded("5"), b=recorded())],
        [record(a=recorded(score=0.5), b=recorded())],
        [record(a=recorded(cost_usd=0.1), b=recorded())],
        [record(a=recorded(input_tokens=3), b=recorded())],
    ]
    assert len({fingerprint(rows) for rows in [[row], *others]}) == 1 + len(others)
