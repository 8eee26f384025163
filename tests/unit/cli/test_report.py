import re

import pytest


def test_a_ledger_without_calls_prints_zeros_and_unknown_shares(llmops, write_ledger):
    done = llmops("report", "--db", write_ledger())
    assert done.code == 0
    assert re.search(r"^cost +\$0$", done.out, re.MULTILINE)
    assert "unknown of the cost" in done.out
    assert "trace" not in done.out


def test_the_report_names_every_group_total_decision_and_one_trace(llmops, write_ledger):
    url = write_ledger({}, {"kind": "judge", "hidden": True, "cost_usd": 0.75}, {"capability": "cascade"})
    lines = llmops("report", "--db", url).out.splitlines()
    assert lines[0].split() == [
        "node",
        "kind",
        "calls",
        "failed",
        "input",
        "re-sent",
        "output",
        "cost",
        "hidden",
    ]
    assert lines[1].split() == ["agent", "judge", "1", "10", "5", "$0.7500", "$0.7500"]
    assert "hidden cost           $0.7500 (75.0% of the cost)" in lines
    assert "cascade accepted      1, saved $1.0000 (estimated)" in lines
    assert "trace aaaa-1  $1.0000" in lines
    assert any("cascade accepted: both agree" in line for line in lines)


def test_an_unknown_price_is_called_unknown_everywhere(llmops, write_ledger):
    decision = {"capability": "cascade", "saved_usd": None}
    url = write_ledger({"cost_usd": None, "model": "new"}, decision)
    out = llmops("report", "--db", url).out
    assert re.findall(r"\$\S+", out) == ["$0", "$0", "$0"]  # nothing hidden, and no measured saving
    assert re.search(r"^cost +unknown$", out, re.MULTILINE)
    assert re.search(r"^saved, estimated +unknown$", out, re.MULTILINE)
    assert re.search(r"^calls without a price +1$", out, re.MULTILINE)
    assert "1 calls have no known price" in out


def test_a_partial_cost_is_marked(llmops, write_ledger):
    out = llmops("report", "--db", write_ledger({}, {"cost_usd": None})).out
    assert re.search(r"^cost +\$0\.2500\*$", out, re.MULTILINE)
    assert "trace aaaa-1  $0.2500*" in out


def test_json_is_nothing_but_the_report(llmops, write_ledger):
    url = write_ledger({}, {"capability": "cascade"})
    data = llmops("report", "--db", url, "--json").json
    assert data["rows"][0]["key"] == {"node": "agent", "kind": "answer"}
    assert data["totals"]["cost_usd"] == 0.25
    assert "trace" not in data
    traced = llmops("report", "--db", url, "--json", "--trace", "aaaa").json
    assert traced["trace"]["calls"][0]["model"] == "large"


CALIBRATED = {"bound": 0.1, "accepted": 0.5, "confidence": 0.9}
RECHECKED = {
    "capability": "cascade",
    "outcome": "rechecked",
    "mode": "shadow",
    "spent_usd": 0.25,
    "saved_usd": -0.25,
    "saved_basis": "measured",
    "details": {"differs": False, **CALIBRATED},
}
DIFFERED = {**RECHECKED, "details": {"differs": True, **CALIBRATED}}
BREACHED = {**DIFFERED, "outcome": "bound_breached", "spent_usd": 0.0, "saved_usd": 0.0}


@pytest.mark.parametrize(
    ("rows", "figures"),
    [
        (
            [RECHECKED],
            "1 asked again, 0 differed, at most 95.0% do, calibrated 10.0% (too few to tell), "
            "risk at most 47.5%, cost $0.2500",
        ),
        (
            [RECHECKED] * 99 + [DIFFERED],
            "100 asked again, 1 differed, at most 8.8% do, calibrated 10.0% (holds), "
            "risk at most 4.4%, cost $25.0000",
        ),
        (
            [RECHECKED, {**RECHECKED, "spent_usd": None}],
            "2 asked again, 0 differed, at most 81.7% do, calibrated 10.0% (too few to tell), "
            "risk at most 40.9%, cost $0.2500*",
        ),
    ],
)
def test_drift_has_one_line_where_answers_were_asked_again(llmops, write_ledger, rows, figures):
    done = llmops("report", "--db", write_ledger({}, *rows))
    assert f"cascade drift         {figures}" in done.out.splitlines()
    assert "bound" not in done.out


def test_a_breach_is_dated_and_a_warning_says_what_to_do(llmops, write_ledger):
    url = write_ledger({}, DIFFERED, DIFFERED, BREACHED)
    lines = llmops("report", "--db", url).out.splitlines()
    (line,) = (one for one in lines if one.startswith("cascade drift"))
    assert re.search(r"\(does not hold\), .*, breached 1x, last \d{4}-\d\d-\d\dT[\d:]{8}\+00:00$", line)
    (warning,) = (one for one in lines if one.startswith("The bound of the cascade was breached once"))
    assert "than the 10.0% calibrated" in warning
    assert warning.endswith("Calibrate anew on recent traffic.")
    (row,) = llmops("report", "--db", url, "--json").json["drift"]
    assert (row["checked"], row["differing"], row["breaches"], row["holds"]) == (2, 2, 1, False)


@pytest.mark.parametrize(
    "details",
    [{}, {"differs": True}, {**CALIBRATED, "confidence": 1.0}, None],
)
def test_decisions_of_the_same_name_that_state_no_calibration_are_only_counted(llmops, write_ledger, details):
    out = llmops("report", "--db", write_ledger({}, {**RECHECKED, "details": details})).out
    assert "cascade rechecked     1 in shadow, saved -$0.2500 (measured)" in out
    assert "drift" not in out


def test_a_selection_holds_for_the_trace_as_well(llmops, write_ledger):
    url = write_ledger({"thread_id": "ann", "trace_id": "of-ann"}, {"thread_id": "bob", "trace_id": "of-bob"})
    assert "trace of-ann" in llmops("report", "--db", url, "--thread", "ann").out
    assert "trace of-bob" in llmops("report", "--db", url).out
    assert llmops("report", "--db", url, "--thread", "nobody", "--json").json["totals"]["calls"] == 0
    assert llmops("report", "--db", url, "--since", "1d", "--json").json["totals"]["calls"] == 2
    assert llmops("report", "--db", url, "--since", "2999-01-01", "--json").json["totals"]["calls"] == 0


HOSTILE = "[red]x[/red] [/] :smile: \x1b[31mred\x1b[0m\nsecond line"


def test_names_are_printed_as_they_are_and_cannot_control_the_terminal(llmops, write_ledger):
    url = write_ledger(
        {"node": HOSTILE, "graph_path": HOSTILE, "model": HOSTILE, "kind": "[b]", "tool": HOSTILE},
        {"capability": HOSTILE, "outcome": HOSTILE, "reason": HOSTILE},
        {"cost_usd": None, "model": HOSTILE},
    )
    done = llmops("report", "--db", url, "--by", "node,model,kind,[i]key")
    assert done.code == 0
    assert "[red]x[/red] [/] :smile:" in done.out
    assert "[i]key" in done.out
    assert "\x1b" not in done.out
    assert "[/red] [/] :smile:  [31mred [0m second line" in done.out


def test_a_name_no_encoding_takes_is_still_printed(llmops, write_ledger, monkeypatch):
    done = llmops("report", "--db", write_ledger({"node": "müller ✓ 漢字"}), "--json")
    assert done.json["rows"][0]["key"]["node"] == "müller ✓ 漢字"


@pytest.mark.parametrize("columns", ["40", "80", "100"])
def test_narrow_terminals_fold_names_but_cut_nothing(llmops, write_ledger, monkeypatch, columns):
    name = "a_node_with_a_name_that_is_rather_longer_than_most"
    url = write_ledger({"node": name, "cost_usd": 1234567.891, "input_tokens": 123456789})
    monkeypatch.setenv("COLUMNS", columns)
    out = llmops("report", "--db", url).out
    assert "…" not in out
    assert "$1,234,567.89" in out
    assert "123,456,789" in out
    beginnings = [line[:12] for line in out.splitlines()[1:8]]
    assert any(name.startswith(beginning.strip()) for beginning in beginnings)


def test_a_file_gets_lines_that_are_not_folded(llmops, write_ledger):
    name = "a_node_with_a_name_that_is_rather_longer_than_most"
    out = llmops(
        "report", "--db", write_ledger({"node": name, "graph_path": name}), "--by", "node,model,kind,trace"
    ).out
    assert name in out.splitlines()[1]
