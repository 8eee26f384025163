import json
import random

import pytest

EMBEDDINGS = """
import hashlib

from langchain_core.embeddings import Embeddings


class Words(Embeddings):
    model = "words"

    def embed_documents(self, texts):
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text):
        vector = [0.0] * 256
        for word in text.lower().split():
            vector[hashlib.sha256(word.encode()).digest()[0]] += 1.0
        return vector


def make():
    return Words()


instance = Words()
number = 3


def broken():
    raise RuntimeError("no key")
"""
VERBS = ("cancel", "move", "track", "insure", "translate", "freeze", "weigh", "polish")
THINGS = ("parcel", "invoice", "bicycle", "password", "piano", "passport", "hedge")
WAYS = ("how do I {} the {}", "please tell me how to {} a {}", "I want to {} my {}", "{} {} how")


def said(chance, verb, thing):
    return chance.choice(WAYS).format(verb, thing)


def labelled(count, seed):
    chance = random.Random(seed)
    rows = []
    for number in range(count):
        verb, thing = chance.choice(VERBS), chance.choice(THINGS)
        other = verb if number % 2 else chance.choice([one for one in VERBS if one != verb])
        rows.append({"same": number % 2, "a": said(chance, verb, thing), "b": said(chance, other, thing)})
    return rows


def asked(count, seed):
    chance = random.Random(seed)
    meanings = [(chance.choice(VERBS), chance.choice(THINGS)) for _ in range(count)]
    return [{"intent": "-".join(one), "text": said(chance, *one)} for one in meanings]


@pytest.fixture(autouse=True)
def files(tmp_path):
    rows = {"fit": labelled(400, 1), "pairs": labelled(100, 2), "stream": asked(120, 3)}
    for name, some in rows.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in some))
    (tmp_path / "own_embeddings.py").write_text(EMBEDDINGS)


# Which pairs the default guards refuse is theirs to change, so only one test asks them.
OWN = ("--embeddings", "own_embeddings.py:make", "--max-error", "0.1", "--no-guards")
PAIRS = ("backtest", "cache", "pairs.jsonl", "--fit", "fit.jsonl")
STREAM = ("backtest", "cache", "--stream", "stream.jsonl", "--fit", "fit.jsonl")


def test_json_of_pairs_has_the_promised_shape_and_nothing_else_is_printed(llmops):
    done = llmops(*PAIRS, *OWN, "--json")
    assert (done.code, done.err) == (0, "")
    assert done.json["pairs"] == 100
    assert 0 <= done.json["served_different"] < done.json["served_same"] <= 1
    assert 0 < done.json["false_hit_upper"] < 1
    assert (done.json["max_error"], done.json["confidence"]) == (0.1, 0.9)
    assert list(done.json["at_served_different"]) == ["0.005", "0.01", "0.02", "0.05"]
    assert done.json["guards"] == {}
    assert set(done.json["baselines"]) == {"cosine", "gptcache"}
    assert done.json["baselines"]["gptcache"]["threshold"] == 0.6
    assert set(done.json["baselines"]["cosine"]) >= {"served_same", "served_different", "at_served_different"}


def test_json_of_a_stream_has_the_promised_shape(llmops):
    done = llmops(*STREAM, *OWN, "--requests", "80", "--json")
    assert (done.code, done.err) == (0, "")
    assert done.json["requests"] == 80
    hits = done.json["exact_hits"] + done.json["semantic_hits"]
    assert done.json["hit_rate"] == pytest.approx(hits / 80)
    assert done.json["wrong_of_hits"] == pytest.approx(done.json["wrong_of_all"] * 80 / hits)
    assert done.json["wrong_of_hits_upper"] > done.json["wrong_of_hits"]
    assert set(done.json["baselines"]) == {"fixed_threshold", "gptcache"}
    assert set(done.json["baselines"]["gptcache"]) == {
        "threshold",
        "hit_rate",
        "wrong_of_all",
        "wrong_of_hits",
    }


def test_pairs_are_printed_for_a_reader(llmops):
    done = llmops(*PAIRS, *OWN)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0].split("  ")[0] == "100 pairs, 50 the same"
    assert [line.split("  ")[0] for line in lines[1:4]] == [
        "semantic tier",
        "cosine threshold",
        "GPTCache's default",
    ]
    assert "its rule on the same vectors, computed here" in done.out
    assert "10.00% was asked for" in done.out
    assert "refused by guard" not in done.out


def test_a_stream_is_printed_for_a_reader(llmops):
    done = llmops(*STREAM, *OWN)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("120 requests")
    assert "by meaning" in done.out
    assert "refused" not in done.out


def test_the_default_guards_are_asked_unless_told_otherwise(llmops, tmp_path):
    meanings = [(verb, thing) for verb in VERBS for thing in THINGS]
    same = [
        {"same": 1, "a": WAYS[0].format(*one), "b": f"please, {WAYS[0].format(*one)}"} for one in meanings
    ]
    unlike = [{"same": 0, "a": WAYS[2].format(*one), "b": "why is it so cold outside"} for one in meanings]
    rows = [*same, *same, *same, *unlike, *unlike, *unlike]
    (tmp_path / "guarded.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    tested = [*same[:4], {"same": 0, "a": "move 3 parcels", "b": "move 4 parcels"}]
    (tmp_path / "tested.jsonl").write_text("".join(json.dumps(row) + "\n" for row in tested))
    guarded = ("backtest", "cache", "tested.jsonl", "--fit", "guarded.jsonl", *OWN[:-1])
    assert llmops(*guarded, "--json").json["guards"]["numbers"] == {"same": 0, "different": 1}
    assert "refused by guard" in llmops(*guarded).out


def test_the_seed_decides_the_stream(llmops):
    def hits(seed):
        return llmops(*STREAM, *OWN, "--requests", "60", "--seed", seed, "--json").json["hit_rate"]

    assert hits(1) == hits(1)
    assert len({hits(seed) for seed in range(4)}) > 1


@pytest.mark.parametrize("own", ["own_embeddings:instance", "own_embeddings:Words", "own_embeddings.py:make"])
def test_embeddings_of_ones_own_are_named_as_an_attribute(llmops, own):
    done = llmops(*PAIRS, "--embeddings", own, "--max-error", "0.1", "--no-guards", "--json")
    assert (done.code, done.json["pairs"]) == (0, 100)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("backtest", "cache"), "pairs: give PAIRS, or --stream FILE"),
        ((*PAIRS, "--stream", "stream.jsonl"), "pairs: give either labelled PAIRS or --stream FILE"),
        ((*PAIRS, "--requests", "9"), "requests: is how many of a stream are asked"),
        (("backtest", "cache", "pairs.jsonl", "--fit", "./pairs.jsonl"), "fit: must be another file"),
        (("backtest", "cache", "none.jsonl", "--fit", "fit.jsonl"), "pairs: none.jsonl cannot be read"),
        (("backtest", "cache", "pairs.jsonl", "--fit", "none.jsonl"), "fit: none.jsonl cannot be read"),
        (("backtest", "cache", "--stream", "pairs.jsonl", "--fit", "fit.jsonl"), "line 1: intent must be"),
        (("backtest", "cache", "pairs.jsonl", *OWN), "fit: is missing, and no rule ships for Words(words)"),
        ((*STREAM, *OWN, "--max-error", "0.0001"), "max_error: 0.0001 cannot be shown"),
        ((*PAIRS, "--max-error", "1"), "max_error: must be a number between 0 and 1"),
        ((*PAIRS, "--embeddings", "words"), "embeddings: 'words' must name its provider"),
        ((*PAIRS, "--embeddings", "own_embeddings.py:none"), "embeddings: own_embeddings.py has no 'none'"),
        ((*PAIRS, "--embeddings", "own_embeddings:number"), "embeddings: own_embeddings:number is a int"),
        ((*PAIRS, "--embeddings", "own_embeddings:broken"), "failed (RuntimeError: no key)"),
        ((*PAIRS, "--embeddings", "nowhere:model-1"), "embeddings: 'nowhere:model-1' cannot be built"),
    ],
)
def test_a_mistake_is_one_sentence(llmops, arguments, problem):
    done = llmops(*arguments)
    assert (done.code, done.out) == (2, "")
    assert problem in done.err
    assert len(done.err.splitlines()) == 1
