"""A policy decides at run time as it was measured, and its file can be read by people."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from llmops_plugins.cascade.calibration import calibrate
from llmops_plugins.cascade.policy import CascadePolicy, PolicyStage, Value
from llmops_plugins.cascade.traffic import read_traffic
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.models.prices import PriceBook
from llmops_plugins.verification.answers import extract_answer
from llmops_plugins.verification.evidence import evidence_names, reply_facts

ASKING = (("b",), ("a", "c"))
MODELS = ("a", "b", "c", "large")


@st.composite
def policies(draw, simulation):
    """Policies of two stages that weigh the evidence at random."""
    weight = st.floats(-1, 1)
    asked, stages = (), []
    for number, ask in enumerate(ASKING):
        asked += ask
        names = evidence_names(asked)

        def value(names=names):
            return Value(intercept=draw(weight), weights={name: draw(weight) for name in names})

        go_on = value() if number == 0 else None
        stages.append(PolicyStage(ask=ask, stay=value(), go_on=go_on, ask_last=value()))
    ranking = tuple(draw(st.permutations(["a", "b", "c"])))
    return simulation.agreement_policy().model_copy(update={"stages": tuple(stages), "by_accuracy": ranking})


def by_hand(policy, traffic, row):
    """Walk a row through the policy as a running cascade does; return what was paid and who answered."""
    asked, paid = [], 0.0
    for number, stage in enumerate(policy.stages):
        asked += stage.ask
        paid += sum(traffic.costs[row, MODELS.index(model)] for model in stage.ask)
        replies = [traffic.facts[row][MODELS.index(model)] for model in asked]
        choice = policy.choose(number, replies, traffic.prompt_lengths[row])
        if choice.action == "stay":
            return paid, MODELS.index(asked[choice.candidate])
        if choice.action == "ask_last":
            break
    return paid + traffic.costs[row, MODELS.index(policy.last)], MODELS.index(policy.last)


@given(st.data(), st.integers(0, 1000), st.floats(0, 1))
def test_row_by_row_it_does_what_it_was_measured_to_do(simulation, data, seed, shared_error):
    policy = data.draw(policies(simulation))
    models = {name: simulation.model(0.6, 0.1) for name in MODELS}
    traffic = simulation.traffic(models, rows=12, seed=seed, shared_error=shared_error)
    outcome = simulation.apply(policy, traffic)
    walked = [by_hand(policy, traffic, row) for row in range(len(traffic))]
    assert [paid for paid, _ in walked] == pytest.approx(outcome.costs.tolist())
    assert [model for _, model in walked] == outcome.answered_by.tolist()
    assert [model != MODELS.index("large") for _, model in walked] == outcome.accepted.tolist()


def test_a_calibrated_policy_does_what_it_was_measured_to_do(simulation):
    policy = calibrate(simulation.records(rows=300), prices=PriceBook())
    traffic = simulation.traffic(rows=300, seed=1)
    outcome = simulation.apply(policy, traffic)
    index = traffic.models.index
    for row in range(300):
        replies = [traffic.facts[row][index(model)] for model in policy.stages[0].ask]
        choice = policy.choose(0, replies, traffic.prompt_lengths[row])
        assert (choice.action == "stay") == outcome.accepted[row]
        if outcome.accepted[row]:
            assert index(policy.stages[0].ask[choice.candidate]) == outcome.answered_by[row]
    assert 0 < outcome.accepted.sum() < 300


def test_its_probabilities_are_calibrated_on_fresh_rows(simulation):
    policy = calibrate(simulation.records(rows=1000), prices=PriceBook())
    traffic, _ = read_traffic(simulation.records(rows=4000, seed=1), PriceBook(), extract_answer)
    asked = [traffic.models.index(model) for model in policy.stages[0].ask]
    said, right = [], []
    for facts, length, scores in zip(traffic.facts, traffic.prompt_lengths, traffic.scores, strict=True):
        choice = policy.choose(0, [facts[model] for model in asked], length)
        said.append(choice.probability)
        right.append(scores[asked[choice.candidate]])
    assert expected_calibration_error(said, right) < 0.04
    assert np.ptp(said) > 0.3  # which a constant would not be
    assert expected_calibration_error([0.9 * one for one in said], right) > 0.06


def expected_calibration_error(probabilities, outcomes, bins=10):
    """Return the mean distance of probability and share in bins of equal width, weighted by their rows."""
    probabilities, outcomes = np.array(probabilities), np.array(outcomes)
    places = np.minimum((probabilities * bins).astype(int), bins - 1)
    gaps = [abs((probabilities - outcomes)[places == place].sum()) for place in range(bins)]
    return sum(gaps) / len(outcomes)


@pytest.fixture
def agreeing():
    return [reply_facts("4", "4"), reply_facts("four, 4", "4")]


@pytest.mark.parametrize(("margin", "action"), [(0.0, "stay"), (0.05, "stay"), (0.15, "ask_last")])
def test_a_margin_makes_staying_harder(simulation, agreeing, margin, action):
    policy = simulation.agreement_policy(sure=0.9)  # asking the last is worth 0.8
    choice = policy.choose(0, agreeing, 3.0, margin=margin)
    assert choice.action == action
    assert choice.probability == pytest.approx(0.9)


@pytest.mark.parametrize(("sure", "probability"), [(1.4, 1.0), (0.9, 0.9), (-0.2, 0.0)])
def test_a_probability_is_one(simulation, agreeing, sure, probability):
    choice = simulation.agreement_policy(sure=sure).choose(0, agreeing, 3.0)
    assert choice.probability == pytest.approx(probability)


def test_of_answers_given_equally_often_the_more_accurate_models_is_proposed(simulation):
    policy = simulation.agreement_policy()
    differing = [reply_facts("4", "4"), reply_facts("5", "5")]
    assert policy.choose(0, differing, 3.0).candidate == 0
    other = policy.model_copy(update={"by_accuracy": ("b", "a")})
    assert other.choose(0, differing, 3.0).candidate == 1


def test_the_models_are_named_in_the_order_asked(simulation):
    policy = simulation.agreement_policy(("b", "a"), last="large")
    assert policy.models == ("b", "a", "large")
    assert policy.is_cascade
    alone = policy.model_copy(update={"stages": (), "by_accuracy": ()})
    assert alone.models == ("large",)
    assert not alone.is_cascade


# --- the file ------------------------------------------------------------------------------------


def test_what_is_saved_is_what_is_loaded(simulation, tmp_path):
    policy = calibrate(simulation.records(rows=300), prices=PriceBook(), max_risk=0.1)
    policy.save(tmp_path / "policy.json")
    assert CascadePolicy.load(tmp_path / "policy.json") == policy
    assert CascadePolicy.load(str(tmp_path / "policy.json")) == policy


def test_the_file_names_models_and_evidence(simulation, tmp_path):
    calibrate(simulation.records(rows=300), prices=PriceBook()).save(tmp_path / "policy.json")
    text = (tmp_path / "policy.json").read_text()
    saved = json.loads(text)
    assert saved["format"] == 1
    (stage,) = saved["stages"]
    assert (stage["ask"], saved["last"]) == (["a", "b"], "large")
    assert set(stage["stay"]["weights"]) == set(evidence_names(["a", "b"]))
    assert stage["go_on"] is None
    assert {"risk", "risk_upper", "accepted", "differing"} <= set(saved["bound"])
    assert text.endswith("}\n")
    assert len(text.splitlines()) > 30  # a line a number, not one line


def changed(policy, change):
    data = json.loads(policy.model_dump_json())
    change(data)
    return json.dumps(data)


def without(name):
    return lambda data: data.pop(name)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (without("last"), "last: Field required"),
        (without("bound"), "bound: Field required"),
        (lambda data: data.update(unknown=1), "unknown: Extra inputs are not permitted"),
        (lambda data: data.update(format=2), "is a cascade policy of format 2, which is not 1"),
        (lambda data: data["stages"][0]["stay"]["weights"].pop("all agree"), "stages[0] must weigh"),
        (lambda data: data["stages"][0]["stay"]["weights"].update(luck=1.0), "stages[0] must weigh"),
        (lambda data: data["stages"][0]["stay"]["weights"].update({"all agree": "much"}), "valid number"),
        (lambda data: data["stages"][0]["stay"].update(intercept=float("nan")), "finite number"),
        (lambda data: data["stages"][0].update(ask=[]), "stages.0.ask"),
        (lambda data: data["stages"][0].update(go_on=data["stages"][0]["stay"]), "go_on must be null"),
        (lambda data: data.update(by_accuracy=["a"]), "by_accuracy must name every model"),
        (lambda data: data.update(by_accuracy=["a", "c"]), "by_accuracy must name every model"),
        (lambda data: data["stages"].append(data["stages"][0]), "a is asked twice"),
        (lambda data: data["stages"].append({**data["stages"][0], "ask": ["c"]}), "stages[0].go_on must be"),
        (lambda data: data["bound"].update(confidence=7), "bound.confidence"),
        (lambda data: data["bound"].update(differing_upper=5), "bound.differing_upper"),
    ],
)
def test_a_file_that_is_no_policy_is_refused_in_one_sentence_that_says_where(
    simulation, tmp_path, change, problem
):
    path = tmp_path / "policy.json"
    path.write_text(changed(simulation.agreement_policy(), change))
    with pytest.raises(ConfigurationError, match=r"^policy: ") as refused:
        CascadePolicy.load(path)
    message = str(refused.value)
    assert problem in message
    assert str(path) in message
    assert message.endswith("calibrate it anew")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "is no cascade policy"),
        (b"null", "is no cascade policy"),
        (None, "cannot be read (No such file or directory)"),
    ],
)
def test_what_is_no_json_object_is_refused(tmp_path, content, problem):
    path = tmp_path / "policy.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError) as refused:
        CascadePolicy.load(path)
    assert refused.value.field == "policy"
    assert problem in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_older_file_with_a_field_that_nothing_reads_is_loaded(simulation, tmp_path):
    policy = simulation.agreement_policy()
    path = tmp_path / "policy.json"
    path.write_text(changed(policy, lambda data: data.update(usd_a_right_answer=0.1)))
    assert CascadePolicy.load(path) == policy


def test_a_file_that_cannot_be_written_is_refused(simulation, tmp_path):
    with pytest.raises(ConfigurationError, match=r"^path: .* cannot be written"):
        simulation.agreement_policy().save(tmp_path / "no" / "policy.json")


def test_a_policy_cannot_be_changed(simulation):
    policy = simulation.agreement_policy()
    with pytest.raises(ValidationError, match="frozen"):
        policy.last = "other"
    with pytest.raises(ValidationError, match="frozen"):
        policy.bound.risk = 0.0


def test_a_stage_weighs_the_evidence_of_all_models_asked_so_far(simulation):
    policy = simulation.agreement_policy()
    one = policy.stages[0].model_copy(update={"ask": ("a",)})
    with pytest.raises(ValidationError, match="must weigh hedging, no answer, prompt length, reply length"):
        CascadePolicy.model_validate({**policy.model_dump(), "stages": (one,), "by_accuracy": ("a",)})


def test_numbers_survive_the_file_to_the_last_digit(simulation, tmp_path):
    chance = np.random.default_rng(0)
    policy = simulation.agreement_policy()
    weights = {name: float(chance.normal()) for name in evidence_names(["a", "b"])}
    stage = policy.stages[0].model_copy(update={"stay": Value(intercept=1 / 3, weights=weights)})
    policy.model_copy(update={"stages": (stage,)}).save(tmp_path / "p.json")
    assert CascadePolicy.load(tmp_path / "p.json").stages[0].stay.weights == weights
