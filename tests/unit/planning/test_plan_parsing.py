"""A plan is read from whatever a model wrote around and instead of JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.planning.parsing.parsing import LONGEST_TEXT, parse_plan
from llmops_plugins.planning.plan.plan import Plan
from llmops_plugins.planning.validation.validation import check_parsed
from tests.timing import least_seconds
from tests.unit.planning.written_plans import LIST, TYPED, WRITTEN_PLANS


def read(text):
    plan, complaints = check_parsed(parse_plan(text), kinds=None)
    assert complaints == []
    return plan


def short(plan):
    return "; ".join(
        f"{task.id} {task.kind}" + (f" < {' '.join(task.dependencies)}" if task.dependencies else "")
        for task in plan.tasks
    )


def arguments(text):
    return [task.arguments for task in read(text).tasks]


def test_each_written_plan_has_a_name_of_its_own():
    assert len({name for name, _, _ in WRITTEN_PLANS}) == len(WRITTEN_PLANS) >= 80


@pytest.mark.parametrize(
    ("text", "expected"), [one[1:] for one in WRITTEN_PLANS], ids=[w[0] for w in WRITTEN_PLANS]
)
def test_a_written_plan_is_read_as_what_it_means(text, expected):
    assert short(read(text)) == expected


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('"the "best" tea"', 'the "best" tea'),
        ("'the shop's tea'", "the shop's tea"),
        ('"a\nb"', "a\nb"),
        ("None", None),
        ("True", True),
        ("-1.5e3", -1500.0),
        ("[1, 2,]", [1, 2]),
        ("(1, 2)", [1, 2]),
        ('"\\u00e9\\ud83d\\ude00"', "é😀"),
        ('"a // b # c"', "a // b # c"),
        ("https://example.com/a?b=c", "https://example.com/a?b=c"),
    ],
)
def test_a_value_is_what_was_meant(written, value):
    text = LIST.replace('"tea"', written).replace('"t2", ', '"t2",, ')  # the second comma makes it no JSON
    assert arguments(text)[0] == {"query": value}


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("$1", {"ref": "1"}),
        ('"$1.name"', {"ref": "1.name"}),
        ('$1["name"]', {"ref": "1.name"}),
        ('"${1}[0].name"', "${1}[0].name"),
        ('"$1 and ${1.x}"', "${1} and ${1.x}"),
        ('"costs $1.50"', "costs $1.50"),
        ('"costs $9"', "costs $9"),
    ],
)
def test_what_a_call_refers_to_becomes_a_typed_reference(argument, value):
    assert arguments(f'1. a("x")\n2. b({argument})')[1] == {"0": value}


def test_a_path_that_only_says_it_is_the_output_is_left_out():
    text = '{"task_nodes": [{"task": "A", "arguments": []}, {"task": "B", "arguments": ["<node-0>.output"]}]}'
    assert arguments(text)[1] == {"0": {"ref": "0"}}


def test_what_leniency_it_took_is_noted():
    assert parse_plan(TYPED).notes == ()
    assert parse_plan(f"Sure: {LIST[:-1]}").notes == ("text around the plan", "not strict JSON", "truncated")


@pytest.mark.parametrize(
    "text", ["", "I cannot do that.", "null", "42", '{"answer": 42}', "[link](http://a.b)", "[1]"]
)
def test_an_answer_without_a_plan_has_none(text):
    assert parse_plan(text).data is None


@pytest.mark.parametrize("text", ["[]", '{"tasks": []}', "```json\n[]\n```"])
def test_an_empty_plan_is_a_plan_without_tasks(text):
    assert parse_plan(text).data == []


def test_strings_of_a_typed_plan_are_its_own():
    text = TYPED.replace("tea", "pay $t2 or <node-0> or $t1")
    assert arguments(text)[0] == {"query": "pay $t2 or <node-0> or $t1"}


@given(st.text(max_size=300) | st.text(alphabet="[]{}()\"'\\:,$<>`#/*-123.taskidnull\n ", max_size=300))
def test_no_text_is_an_error(text):
    check_parsed(parse_plan(text), kinds=None)


@given(
    st.integers(0, len(TYPED)),
    st.integers(0, len(TYPED)),
    st.sampled_from(["", '"', "{", "]", "\\", "$", "'"]),
)
def test_no_damage_to_a_plan_is_an_error(start, end, inserted):
    check_parsed(parse_plan(TYPED[:start] + inserted + TYPED[end:]), kinds=None)


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="$<"), max_size=20)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(WORDS.filter(lambda w: "ref" not in w), inner, max_size=3)
    ),
    max_leaves=8,
)


@st.composite
def plans(draw):
    """A valid plan: tasks depend on earlier ones, by reference and by ``after``."""
    tasks = []
    for position in range(draw(st.integers(1, 5))):
        earlier = st.sampled_from([task["id"] for task in tasks]) if tasks else st.nothing()
        given_values = draw(st.dictionaries(WORDS, VALUES, max_size=3))
        references = draw(st.lists(earlier, max_size=2)) if tasks else []
        given_values.update({f"r{at}": {"ref": one} for at, one in enumerate(references)})
        after = draw(st.lists(earlier, max_size=2, unique=True)) if tasks else []
        kind = draw(st.sampled_from(["search", "Write a Poem", "größe"]))
        tasks.append({"id": f"t{position}", "kind": kind, "arguments": given_values, "after": after})
    return Plan.model_validate({"tasks": tasks})


WRAPPINGS = [
    "{}",
    "```json\n{}\n```",
    "Sure, here's the plan:\n\n```\n{}\n```\nDone.",
    "It's: {} That's all.",
]


@given(plans(), st.sampled_from(WRAPPINGS), st.sampled_from([None, 2]), st.booleans())
def test_a_valid_plan_in_any_wrapping_is_read_as_itself(plan, wrapping, indent, ascii_only):
    text = json.dumps(plan.model_dump(), indent=indent, ensure_ascii=ascii_only)
    assert read(wrapping.replace("{}", text)) == plan


@pytest.mark.parametrize(
    "unit",
    [
        "[",
        "{",
        '{"a":',
        '"',
        "'",
        "\\",
        "/*",
        "//\n",
        "$",
        "${",
        "<node-",
        "1. a(",
        "```\n",
        "[}",
        "( ",
        ", ",
        "</think>",
        "- ",
        "\n",
        '{"task":"a"}',
        "1. a()\n",
        "$a[",
        "<output of ",
    ],
)
def test_reading_takes_time_linear_in_a_text_made_to_be_slow(unit):
    text = "[" + unit * (80_000 // len(unit))
    assert least_seconds(lambda: check_parsed(parse_plan(text), kinds=None), 5) < 5


def test_a_text_without_end_is_cut():
    parsed = parse_plan(f"{TYPED}{' ' * LONGEST_TEXT}x")
    assert len(parsed.data) == 2
    assert "text cut" in parsed.notes


def test_nesting_without_end_is_no_error():
    deep = "[" * 30_000 + "]" * 30_000
    parsed = parse_plan(TYPED.replace('"tea"', deep))
    assert [task["id"] for task in parsed.data] == ["t1", "t2"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (
            '[{"id": 1, "task": "a", "args": {"t": "x"}}, {"id": 2, "task": "b", "args": {"t": "$1 a day"}}]',
            "$1 a day",
        ),
        (
            '[{"id": 1, "task": "a", "args": {"t": "x"}}, {"id": 2, "task": "b", "args": {"t": "$1"}}]',
            {"ref": "1"},
        ),
        ('1. a(t="x")\n2. b(t="$1 a day")', "${1} a day"),
        (
            '[{"id": 1, "task": "a", "args": {"t": "x"}}, {"id": 2, "task": "b", "args": {"t": "$${1}"}}]',
            "$${1}",
        ),
    ],
    ids=["JSON", "JSON, whole", "numbered calls", "literal"],
)
def test_a_number_after_a_dollar_is_a_price_inside_of_a_text_but_for_numbered_calls(text, value):
    assert arguments(text)[1] == {"t": value}


def test_what_looks_like_a_reference_and_is_none_is_written_with_two_dollars():
    task = {"id": "t1", "kind": "shell", "arguments": {"command": "echo ${HOME}"}}
    _, complaints = check_parsed(parse_plan(json.dumps([task])), kinds=None)
    assert [one.sentence for one in complaints] == [
        'Task "t1" refers to task "HOME", which the plan does not have: add that task, leave the reference '
        'out, or write {"literal": {"ref": ...}} or $${ for what is none.'
    ]
    task["arguments"]["command"] = "echo $${HOME}"
    assert arguments(json.dumps([task])) == [{"command": "echo $${HOME}"}]
