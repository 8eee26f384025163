def test_the_first_line_says_that_the_models_are_simulated(llmops):
    done = llmops("demo", "--limit", "12")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert "simulated" in lines[0]
    assert lines[3].split() == ["12", "requests", "as", "it", "is", "with", "the", "plugins"]
    assert any(line.startswith("The bills differ by $") for line in lines)
    assert any(line.lstrip().startswith("cascade accepted") and "(estimated)" in line for line in lines)
    assert any(line.startswith("new questions") for line in lines)
    assert any(line.startswith("Together they claim $") for line in lines)
    assert any(line.startswith("trace ") for line in lines)


def test_json_is_nothing_but_the_comparison(llmops):
    data = llmops("demo", "--limit", "3", "--json").json
    assert data["simulated"] is True
    assert set(data["savings"]) <= {"cascade accepted", "cascade escalated"}
    assert data["served"]["first"] == {"asked": 3, "exact": 0, "semantic": 0, "right": 0}
    assert data["baseline"]["calls"] >= 3
