import sys

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding

from llmops_plugins.backtest.dataset import Question
from llmops_plugins.backtest.scoring.function import FunctionScorer
from llmops_plugins.backtest.scoring.parsing import parse_scorer
from llmops_plugins.errors import ConfigurationError


def question(gold=None):
    return Question(question_id="1", prompt="What?", messages=(("user", "What?"),), gold=gold)


@pytest.mark.parametrize(
    ("scorer", "gold", "text", "score"),
    [
        ("answer", "42", "So it is 6 * 7.\n\nThe answer is **$42.00**.", 1.0),
        ("answer", "42", "The answer is 43.", 0.0),
        ("answer", "42", "", 0.0),
        ("exact", "A refund!", "refund", 1.0),
        ("exact", "refund", "It is a refund.", 0.0),
        ("exact", "?", "!", 0.0),
        ("numeric", "0.75", "That makes 3/4", 1.0),
        ("numeric", "3", "I cannot say.", 0.0),
        (r"regex:(?i)^yes\b", None, "YES, it is", 1.0),
        (r"regex:^yes\b", None, "yesterday", 0.0),
    ],
)
async def test_what_counts_as_right(scorer, gold, text, score):
    assert await parse_scorer(scorer)(question(gold), text) == score


@pytest.mark.parametrize("scorer", ["answer", "exact", "numeric"])
async def test_without_anything_to_compare_with_there_is_no_score(scorer):
    assert parse_scorer(scorer).needs_gold
    with pytest.raises(ValueError, match="no gold answer"):
        await parse_scorer(scorer)(question(), "42")


@pytest.mark.parametrize(("scorer", "gold"), [("numeric", "many"), ("answer", "An essay.\nOf two lines.")])
async def test_a_gold_answer_of_another_kind_makes_no_score(scorer, gold):
    with pytest.raises(ValueError, match="gold answer"):
        await parse_scorer(scorer)(question(gold), "42")


async def test_a_schema_is_read_from_its_file(tmp_path):
    file = tmp_path / "schema.json"
    file.write_text('{"type": "object", "required": ["total"]}')
    scorer = parse_scorer(f"schema:{file}")
    assert await scorer(question(), '```json\n{"total": 1}\n```') == 1.0
    assert await scorer(question(), '{"sum": 1}') == 0.0
    assert await scorer(question(), "1 in all") == 0.0


def test_a_file_with_a_type_that_there_is_not_is_refused(tmp_path):
    file = tmp_path / "schema.json"
    file.write_text('{"type": "zz"}')
    with pytest.raises(ConfigurationError, match=r"score: .*schema.json: type must be one of array, .*'zz'"):
        parse_scorer(f"schema:{file}")


async def test_similarity_is_the_cosine(monkeypatch):
    scorer = parse_scorer("similarity", embeddings=DeterministicFakeEmbedding(size=8))
    assert await scorer(question("the same"), "the same") == 1.0
    assert 0.0 <= await scorer(question("the same"), "another") < 1.0
    assert await scorer(question("the same"), " ") == 0.0


async def test_a_judge_sees_question_answer_and_reference_and_grades():
    shown = []

    async def ask(messages):
        shown.append(messages)
        return "Both say so.\nGrade: 8"

    scorer = parse_scorer("judge:openai:gpt-4o", judge=ask)
    assert await scorer(question("Yes."), "Certainly. Grade: 10") == 0.8
    (_, instructions), (_, material) = shown[0]
    assert "A reference answer is right" in instructions
    assert "user: What?" in material
    assert "Certainly. Grade: 10" in material
    assert "Yes." in material
    assert await scorer(question(), "Certainly.") == 0.8
    assert "reference-" not in shown[1][1][1]
    assert await scorer(question(), " ") == 0.0
    assert len(shown) == 2


async def test_a_judge_that_gives_no_grade_gives_no_score():
    async def ask(messages):
        return "Hard to say."

    with pytest.raises(ValueError, match="cannot be read"):
        await parse_scorer("judge:m", judge=ask)(question(), "text")


async def test_a_users_function_may_be_async_and_is_held_to_its_range(tmp_path, monkeypatch):
    (tmp_path / "my_scores.py").write_text(
        "def length(prompt, gold, text): return len(text) / 10\n"
        "async def same(prompt, gold, text): return text == gold\n"
        "def none(prompt, gold, text): return None\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", ["/"])
    assert await parse_scorer("my_scores:length")(question(), "four") == 0.4
    assert await parse_scorer("my_scores:same")(question("four"), "four") == 1.0
    for name, text in (("length", "eleven chars"), ("none", "")):
        with pytest.raises(ValueError, match="a number from 0 to 1 is needed"):
            await parse_scorer(f"my_scores:{name}")(question(), text)
    with pytest.raises(ConfigurationError, match="has no function 'nothing'"):
        parse_scorer("my_scores:nothing")
    with pytest.raises(ValueError, match=r"my_scores:same returned str, a number"):
        await FunctionScorer(name="my_scores:same", function=lambda *_: "a secret")(question(), "")
    assert sys.path == ["/"]


async def test_a_file_of_scores_is_loaded_whatever_else_has_its_name(tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("def half(prompt, gold, text): return 0.5\n")
    monkeypatch.chdir(tmp_path)
    assert await parse_scorer("./json.py:half")(question(), "") == 0.5


async def test_an_embedding_without_direction_makes_no_score():
    class Zeros(DeterministicFakeEmbedding):
        def embed_documents(self, texts):
            return [[0.0] * self.size for _ in texts]

    scorer = parse_scorer("similarity", embeddings=Zeros(size=2))
    with pytest.raises(ValueError, match="no direction"):
        await scorer(question("one"), "other")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("right", "score: 'right' is no scorer, write answer, exact"),
        ("", "score: '' is no scorer"),
        ("regex:", "score: 'regex:' lacks"),
        ("regex:[", "score: '[' is no regular expression"),
        ("exact:", "score: 'exact:' is no scorer"),
        ("schema:nowhere.json", "score: nowhere.json is no JSON file"),
        ("judge:", "score: 'judge:' lacks"),
        ("no_such_module:f", "score: no_such_module cannot be imported"),
        ("similarity", "embeddings: are needed"),
    ],
)
def test_bad_input_is_one_sentence(text, said):
    with pytest.raises(ConfigurationError) as error:
        parse_scorer(text)
    assert str(error.value).startswith(said)


def test_embeddings_are_for_similarity_only():
    with pytest.raises(ConfigurationError, match="embeddings: are for"):
        parse_scorer("exact", embeddings="openai:text-embedding-3-small")
