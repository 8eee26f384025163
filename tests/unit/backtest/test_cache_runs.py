import json
import random
import re

import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.store.memory import InMemoryStore
from pydantic import Field

from llmops_plugins.backtest.cache_pairs import backtest_pairs
from llmops_plugins.backtest.cache_requests import read_requests, shuffled
from llmops_plugins.backtest.cache_settings import CacheBacktestSettings, prepare, read_fit
from llmops_plugins.backtest.cache_stream import backtest_stream
from llmops_plugins.backtest.cache_vectors import embed_all
from llmops_plugins.bounds import binomial_upper
from llmops_plugins.caching.calibration import calibrate_cache
from llmops_plugins.caching.guards.negation import Negation
from llmops_plugins.caching.guards.numbers import NumbersAndUnits
from llmops_plugins.caching.middleware import CacheMiddleware
from llmops_plugins.caching.pair import read_pairs
from llmops_plugins.caching.semantic import SemanticTier
from llmops_plugins.errors import BoundNotMetError, ConfigurationError, LlmopsError
from llmops_plugins.wrapped_model.wrap import with_middleware

DIMENSIONS = 96
PLACES = {}
VERBS = ("cancel", "move", "track", "insure", "repaint", "translate", "freeze", "clone", "weigh")
THINGS = (
    "parcel",
    "invoice",
    "bicycle",
    "password",
    "piano",
    "boiler",
    "passport",
    "hedge",
    "ticket",
    "lamp",
)
WAYS = (
    "how do I {} the {}",
    "please tell me how to {} a {}",
    "I want to {} my {}",
    "{} {} how",
    "what is the way to {} this {}",
)


class WordEmbeddings(Embeddings):
    """Texts that share words are near each other."""

    model = "words"

    def __init__(self):
        self.calls = []

    def embed_documents(self, texts):
        self.calls.append(list(texts))
        return [self._vector(text) for text in texts]

    def embed_query(self, text):
        return self.embed_documents([text])[0]

    @staticmethod
    def _vector(text):
        # A little of each text's own, so that no two are equally near to a third.
        chance = random.Random(text)
        vector = [0.01 * chance.random() for _ in range(DIMENSIONS)]
        for word in re.findall(r"\w+", text.lower()):
            vector[PLACES.setdefault(word, len(PLACES)) % DIMENSIONS] += 1.0
        return vector


GUARDS = (NumbersAndUnits(), Negation())


def asking_for(max_error, guards=GUARDS, **more):
    return CacheBacktestSettings(embeddings=WordEmbeddings(), max_error=max_error, guards=guards, **more)


def meant(chance):
    return chance.choice(VERBS), chance.choice(THINGS)


def said(chance, meaning):
    return chance.choice(WAYS).format(*meaning)


def labelled(count, seed):
    """Pairs of which half mean the same, and the others share one of two words that matter."""
    chance = random.Random(seed)
    rows = []
    for number in range(count):
        one = meant(chance)
        other = one if number % 2 else (chance.choice([verb for verb in VERBS if verb != one[0]]), one[1])
        rows.append({"same": number % 2, "a": said(chance, one), "b": said(chance, other)})
    return rows


def asked(count, seed):
    chance = random.Random(seed)
    meanings = [meant(chance) for _ in range(count)]
    rows = [{"intent": "-".join(one), "text": said(chance, one)} for one in meanings]
    return [
        *rows,
        {"intent": "oos", "text": "Sing me something."},
        {"intent": "oos", "text": "sing me something"},
    ]


@pytest.fixture
def write(tmp_path):
    def write(name, rows):
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return write


@pytest.fixture
def settings():
    return asking_for(0.1)


@pytest.fixture
def fit(write):
    return write("fit.jsonl", labelled(400, 1))


def test_each_pair_is_one_look_up(write, fit, settings):
    result = backtest_pairs(write("pairs.jsonl", labelled(200, 2)), fit=fit, settings=settings)
    assert (result.pairs, result.same) == (200, 100)
    assert result.served_same > 0.5
    right, wrong = round(result.served_same * 100), round(result.served_different * 100)
    assert result.wrong_of_served == pytest.approx(wrong / (right + wrong))
    assert result.wrong_of_served <= 0.1
    assert result.false_hit_upper == binomial_upper(wrong, right + wrong, 0.9)
    assert 0 < result.threshold < 1
    assert result.at_served_different["0.05"] > result.baselines["cosine"].at_served_different["0.05"]
    assert result.baselines["gptcache"].threshold == 0.6
    assert json.loads(json.dumps(result.to_dict()))["pairs"] == 200


def test_a_pair_is_served_exactly_when_the_tier_would(write, fit, settings):
    path = write("pairs.jsonl", labelled(60, 2))
    result = backtest_pairs(path, fit=fit, settings=settings)
    embeddings = settings.embeddings
    rule = calibrate_cache(read_pairs(fit), embeddings=embeddings, guards=GUARDS)
    answered = 0
    for pair in read_pairs(path):
        tier = SemanticTier(embeddings=embeddings, max_error=0.1, rule=rule, guards=GUARDS, recheck_share=0.0)
        answered += pair.same and served(live(tier), [pair.a, pair.b])[1] is not None
    assert result.served_same == pytest.approx(answered / 30)


def test_what_guards_refuse_is_counted_for_each_and_for_any(write, fit, settings):
    rows = [
        {"same": 0, "a": "rent 3 lamps", "b": "rent 4 lamps"},
        {"same": 0, "a": "do rent 3 lamps", "b": "do not rent 4 lamps"},
        {"same": 1, "a": "do not freeze", "b": "do freeze"},
        {"same": 1, "a": "tune the piano", "b": "tune my piano"},
    ]
    result = backtest_pairs(write("pairs.jsonl", rows), fit=fit, settings=settings).to_dict()
    assert result["guards"] == {
        "numbers": {"same": 0, "different": 2},
        "negation": {"same": 1, "different": 1},
        "any": {"same": 1, "different": 2},
    }
    assert max(result["at_served_different"].values()) <= 0.5  # what a guard refuses no threshold serves


def test_without_guards_none_is_asked(write, fit):
    assert (
        backtest_pairs(write("p.jsonl", labelled(20, 2)), fit=fit, settings=asking_for(0.1, ())).guards == {}
    )


def test_a_bound_that_cannot_be_shown_serves_nothing_and_says_so(write, fit):
    strict = asking_for(0.0001)
    result = backtest_pairs(write("pairs.jsonl", labelled(100, 2)), fit=fit, settings=strict)
    assert (result.threshold, result.served_same, result.wrong_of_served) == (None, 0.0, None)
    assert result.at_served_different["0.05"] > 0.3
    assert "0.0001 cannot be shown on " in result.notes[0]
    assert result.baselines["cosine"].threshold is None


def test_pairs_that_were_calibrated_on_are_told(write, fit, settings):
    result = backtest_pairs(write("p.jsonl", labelled(400, 1)[:50]), fit=fit, settings=settings)
    assert "50 of the tested pairs were calibrated on too" in result.notes[0]


def test_a_long_question_is_not_compared(write, fit, settings):
    long = "how do I polish the lamp " * 30
    rows = [{"same": 1, "a": long, "b": long}, *labelled(20, 2)]
    result = backtest_pairs(write("p.jsonl", rows), fit=fit, settings=settings)
    assert max(result.at_served_different.values()) <= 10 / 11


def test_each_text_is_embedded_once_in_batches_by_length(write, fit, settings):
    told = []
    backtest_pairs(
        write("pairs.jsonl", labelled(200, 2)),
        fit=fit,
        settings=settings,
        progress=lambda done, of: told.append((done, of)),
    )
    embedded = [text for call in settings.embeddings.calls for text in call]
    assert len(embedded) == len(set(embedded)) == told[0][1]
    assert [len(text) for text in embedded] == sorted(len(text) for text in embedded)
    assert max(len(call) for call in settings.embeddings.calls) == 256
    assert [done for done, _ in told] == list(range(0, len(embedded), 256))


class Knowing(BaseChatModel):
    """Answers each request with what stands for its answer."""

    answers: dict[str, str] = Field(default_factory=dict)

    @property
    def _llm_type(self):
        return "knowing"

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        said = AIMessage(self.answers.get(messages[-1].text, "Right."))
        return ChatResult(generations=[ChatGeneration(message=said)])


def live(tier, model=None):
    store = InMemoryStore(index={"dims": DIMENSIONS, "embed": tier.embeddings, "fields": ["question"]})
    return with_middleware(model or Knowing(), CacheMiddleware(store, semantic=tier))


def served(model, texts):
    """Return by which tier each text was answered; None by the model."""
    return [model.invoke([HumanMessage(text)]).response_metadata.get("llmops_cache") for text in texts]


@pytest.mark.parametrize("guards", [(), GUARDS], ids=["unguarded", "guarded"])
@pytest.mark.parametrize(("fitted", "max_error"), [(labelled(400, 1), 0.1), (asked(900, 4), 0.3)])
def test_a_stream_is_answered_as_the_live_cache_answers_it(write, fitted, max_error, guards):
    path, fit = write("stream.jsonl", asked(150, 3)), write("fit.jsonl", fitted)
    settings = asking_for(max_error, guards, seed=5)
    result = backtest_stream(path, fit=fit, settings=settings)
    requests = shuffled(read_requests(path), 5)
    texts = [request.text for request in requests]
    rule = prepare(texts, read_fit(fit, 5), settings, None).rule
    tier = SemanticTier(
        embeddings=WordEmbeddings(), rule=rule, max_error=max_error, guards=guards, recheck_share=0.0
    )
    answers = {request.text: request.answer(number) for number, request in enumerate(requests)}
    tiers = served(live(tier, Knowing(answers=answers)), texts)
    assert result.requests == 152
    assert result.exact_hits == tiers.count("exact") > 5
    assert result.semantic_hits == tiers.count("semantic") > 20
    assert result.hit_rate == (tiers.count("exact") + tiers.count("semantic")) / 152
    assert result.threshold == tier.tested.probability
    assert set(result.guards) == {guard.name for guard in guards}


def test_the_baselines_of_a_stream_run_beside_it(write, fit, settings):
    result = backtest_stream(write("stream.jsonl", asked(150, 3)), fit=fit, settings=settings)
    gptcache, fixed = result.baselines["gptcache"], result.baselines["fixed_threshold"]
    assert gptcache.threshold == 0.6
    assert gptcache.wrong_of_all > fixed.wrong_of_all
    assert fixed.wrong_of_all <= 0.01
    assert "2 requests are out of scope" in result.notes[-1]
    assert result.to_dict()["baselines"]["gptcache"]["hit_rate"] == gptcache.hit_rate


def test_a_stream_may_be_fitted_on_another_one(write):
    result = backtest_stream(
        write("stream.jsonl", asked(150, 3)),
        fit=write("other.jsonl", asked(900, 4)),
        requests=100,
        settings=asking_for(0.3),
    )
    assert result.requests == 100
    assert result.semantic_hits > 5
    assert "of the requests were calibrated on too" in result.notes[1]


def test_a_stream_needs_a_rule_that_keeps_the_bound(write, fit):
    strict = asking_for(0.0001)
    with pytest.raises(BoundNotMetError):
        backtest_stream(write("stream.jsonl", asked(50, 3)), fit=fit, settings=strict)


def test_without_a_rule_nothing_is_embedded(write):
    embeddings = WordEmbeddings()
    with pytest.raises(ConfigurationError, match=r"^fit: is missing, and no rule ships for WordEmbeddings"):
        backtest_pairs(
            write("p.jsonl", labelled(10, 2)), settings=CacheBacktestSettings(embeddings=embeddings)
        )
    assert embeddings.calls == []


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (labelled(60, 1), "^fit: .* give at least 100"),
        ([{"a": "x"}], "line 1: b must be a question"),
        ([], "^fit: .* is empty"),
    ],
)
def test_what_cannot_be_calibrated_on_names_the_setting(write, settings, rows, problem):
    with pytest.raises(LlmopsError, match=problem):
        backtest_pairs(write("p.jsonl", labelled(10, 2)), fit=write("few.jsonl", rows), settings=settings)


def test_pairs_of_one_kind_show_nothing(write, fit, settings):
    with pytest.raises(ConfigurationError, match=r"^pairs: .* that are the same and pairs that are not"):
        backtest_pairs(write("p.jsonl", labelled(10, 2)[::2]), fit=fit, settings=settings)


def test_embeddings_that_fail_are_named():
    class Broken(WordEmbeddings):
        def embed_documents(self, texts):
            raise RuntimeError("no connection")

    with pytest.raises(ConfigurationError, match=r"^embeddings: failed \(RuntimeError: no connection\)"):
        embed_all(["x"], Broken())


@pytest.mark.parametrize("field", ["max_error", "confidence"])
def test_settings_are_checked_when_built(field):
    with pytest.raises(ConfigurationError, match=f"^{field}: "):
        CacheBacktestSettings(**{field: 1.0})
