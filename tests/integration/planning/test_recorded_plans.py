"""Recorded plans of weak models: none is too odd to be read, and what is complained of is wrong with them.

The validator here knows nothing of the package: it reads the raw rows in the plainest way.
"""

import gzip
import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

from llmops_plugins.backtest.plans import backtest_plans, read_kinds, read_plans, read_recorded_plan

FOLDER = next(
    (
        folder / "shared" / "data" / "planning"
        for folder in Path(__file__).parents
        if (folder / "shared" / "data" / "planning" / "taskbench_predictions.jsonl.gz").is_file()
    ),
    None,
)
pytestmark = pytest.mark.skipif(
    FOLDER is None, reason="needs shared/data/planning, recorded plans of TaskBench"
)

NODE = re.compile(r"<node[-_ ](\d+)>|task_?nodes>?\[(\d+)\]|\$\{(\d+)[}.]", re.IGNORECASE)
NAMED = re.compile(r"<(?:output|result)s?[ _-](?:of|from)[ _-]([^<>\n]+)>|\$\{([^{}.\n]+)[^{}\n]*\}", re.I)
PLACEHOLDER = re.compile(
    r'"\s*<[^<>]*(?:output|result|generated|previous|node|step|task|resource)[^<>]*>\s*"', re.I
)

MEASURED = {
    ("huggingface", "CodeLlama-13b"): 0.860,
    ("huggingface", "mistral-7b"): 0.503,
    ("multimedia", "CodeLlama-13b"): 1.0,
    ("multimedia", "mistral-7b"): 0.866,
}
"""Shares of the plans that are valid without repair, by source and model, kinds unchecked."""


def rows():
    with gzip.open(FOLDER / "taskbench_predictions.jsonl.gz", "rt") as file:
        return [json.loads(line) for line in file]


def named_edges(row):
    """Pairs of positions that some reading of references and links may connect."""
    kinds = [node["task"] for node in row["task_nodes"]]
    edges = set()
    for at, node in enumerate(row["task_nodes"]):
        text = json.dumps(node.get("arguments"))
        edges |= {(int("".join(numbers)), at) for numbers in NODE.findall(text)}
        edges |= {(source, at) for words in NAMED.findall(text) for source in ends("".join(words), kinds)}
    for link in row["task_links"]:
        sources, targets = ends(link["source"], kinds), ends(link["target"], kinds)
        edges |= {(source, target) for source in sources for target in targets}
    return edges


def letters(words):
    return re.sub(r"[\W_]", "", words).lower()


def ends(name, kinds):
    """Positions of the tasks that may be meant by a kind, a position from 0, or a step from 1."""
    number = re.fullmatch(r"(?:node|task|(step))?[ _-]?(\d+)", name.strip(), re.IGNORECASE)
    if number:
        position = int(number[2]) - bool(number[1])
        return {position} if 0 <= position < len(kinds) else set()
    meant = {letters(name), *(letters(name).removesuffix(noun) for noun in ("task", "node", "step"))}
    return {at for at, kind in enumerate(kinds) if letters(kind) in meant}


def is_on_a_circle(start, edges):
    seen, front = set(), {target for source, target in edges if source == start}
    while front:
        seen |= front
        front = {target for source, target in edges if source in front} - seen
    return start in seen


def is_real(row, complaint, known):
    """Tell whether the fault that a complaint names is in the row."""
    edges, kinds = named_edges(row), [node["task"] for node in row["task_nodes"]]
    if complaint.code == "self_dependency":
        at = int(complaint.task_id)
        return (at, at) in edges
    if complaint.code == "cycle":
        path = [int(one) for one in re.findall(r'"(\d+)"', complaint.sentence)]
        return path[0] == path[-1] and all((b, a) in edges for a, b in pairwise(path))
    if complaint.code == "unknown_reference" and complaint.task_id is None:
        return any(
            not ends(end, kinds) for link in row["task_links"] for end in (link["source"], link["target"])
        )
    if complaint.code == "unknown_reference":
        missing = re.findall(r'"([^"]*)"', complaint.sentence)[1]
        if not missing.isdigit():
            written = NAMED.findall(json.dumps(row["task_nodes"][int(complaint.task_id)]))
            return not ends(missing, kinds) and missing in {"".join(one).replace(" ", "_") for one in written}
        return int(missing) >= len(kinds) and (int(missing), int(complaint.task_id)) in edges
    if complaint.code == "placeholder":
        arguments = row["task_nodes"][int(complaint.task_id)]["arguments"]
        return PLACEHOLDER.search(json.dumps(arguments, ensure_ascii=False)) is not None
    return complaint.code == "unknown_kind" and kinds[int(complaint.task_id)] not in known


def tasks_with_plain_ids(row):
    return all("id" not in node for node in row["task_nodes"])


@pytest.mark.parametrize("checked", [False, True], ids=["kinds unchecked", "kinds checked"])
def test_every_complaint_names_a_real_fault(checked):
    kinds = read_kinds(FOLDER / "huggingface_tools.json")
    refused = 0
    for row, recorded in zip(rows(), read_plans(FOLDER / "taskbench_predictions.jsonl.gz"), strict=True):
        check_kinds = checked and row["dataset"] == "huggingface"
        _, plan, complaints = read_recorded_plan(recorded, kinds if check_kinds else None)
        assert (plan is None) == bool(complaints)
        assert tasks_with_plain_ids(row) or not complaints
        refused += plan is None
        for complaint in complaints:
            assert is_real(row, complaint, kinds), (row, complaint)
    assert refused


def test_a_plan_without_complaint_has_the_tasks_and_no_circle():
    for row, recorded in zip(rows(), read_plans(FOLDER / "taskbench_predictions.jsonl.gz"), strict=True):
        _, plan, _ = read_recorded_plan(recorded)
        if plan is not None:
            assert [task.kind for task in plan.tasks] == [node["task"].strip() for node in row["task_nodes"]]
            edges = {(other, task.id) for task in plan.tasks for other in task.dependencies}
            assert not any(is_on_a_circle(task.id, edges) for task in plan.tasks)


def test_most_plans_are_valid_without_repair_and_none_crashes():
    result = backtest_plans(FOLDER / "taskbench_predictions.jsonl.gz")
    assert sum(row.plans for row in result.rows) == 1432
    assert sum(row.crashes for row in result.rows) == 0
    valid = {(row.source, row.model): row.valid_share for row in result.rows}
    assert valid == pytest.approx(MEASURED, abs=0.01)
