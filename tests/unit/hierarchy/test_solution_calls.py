import pytest

from llmops_plugins.hierarchy.demonstrations.solution_calls import solution_calls

TRAINS = "rail.example.org/v2/departures"


@pytest.mark.parametrize(
    "code",
    [
        'get("https://rail.example.org/v2/departures?from=Bern")',
        'get("https://Rail.example.org/v2/departures/", params={"from": "Bern"})',
        'get(f"https://rail.example.org/v2/departures?from={place}&key={key}")',
        'get("https://rail.example.org/v2/departures?from={}".format(place))',
        'get("https://rail.example.org/v2/departures?from=%s" % place)',
        'BASE = "https://rail.example.org/v2"\nget(BASE + "/departures?from=" + place)',
        'BASE = "https://rail.example.org/v2"\nget(f"{BASE}/departures")',
        'get(f"https://rail.example.org/v2/departures/{number}")',
    ],
)
def test_an_endpoint_is_its_host_and_path_however_the_address_is_written(code):
    assert solution_calls(f"from requests import get\nplace = key = number = 'x'\n{code}") == {TRAINS}


@pytest.mark.parametrize(
    "code",
    [
        'get("https://shelf.example.org/query?function=LOANS&reader=7")',
        'get("https://shelf.example.org/query", params={"function": "LOANS", "reader": 7})',
        'URL = "https://shelf.example.org/query"\nget(URL + "?function=LOANS&reader=" + reader)',
    ],
)
def test_a_parameter_that_selects_what_an_endpoint_does_is_part_of_it(code):
    calls = solution_calls(f"from requests import get\nreader = '7'\n{code}")
    assert calls == {"shelf.example.org/query?function=LOANS"}


def test_an_address_that_others_begin_with_is_no_endpoint_but_one_asked_itself_is():
    code = 'URL = "https://a.example/books"\nget(URL)\nurl = f"{URL}/search"\nget(url)'
    assert solution_calls(f"from requests import get\n{code}") == {"a.example/books/search"}
    apart = 'get("https://a.example/books")\nget("https://a.example/books/search")'
    assert solution_calls(f"from requests import get\n{apart}") == {
        "a.example/books",
        "a.example/books/search",
    }


def test_a_name_that_is_given_two_addresses_stands_for_both():
    code = (
        'url = "https://a.example/one?x="\nget(url + "1")\nurl = "https://a.example/two?x="\nget(url + "2")'
    )
    assert solution_calls(f"from requests import get\n{code}") == {"a.example/one", "a.example/two"}


def test_a_function_that_code_neither_defines_nor_imports_is_its_hosts():
    code = (
        "def show(loan):\n    print(len(loan))\n\nfor loan in loans_of(7):\n    show(catalogue.title(loan))"
    )
    assert solution_calls(code) == {"loans_of", "catalogue.title"}


def test_functions_of_other_packages_count_where_nothing_else_is_called():
    assert solution_calls("import trains as t, json\njson.dumps(t.Station('Bern').next())") == {
        "trains.Station"
    }
    assert solution_calls("import trains\ntrains.next()\nloans_of(7)") == {"loans_of"}
    assert solution_calls("import requests, math\nrequests.get(math.floor(2))") == frozenset()


def test_code_in_a_fenced_block_is_read_without_the_prose_around_it():
    assert solution_calls("Ask the catalogue:\n```python\nprint(loans_of(7))\n```\nDone.") == {"loans_of"}


@pytest.mark.parametrize(
    "text", ["", "Trains leave at noon.", "It depends: on (the) day", "Bern", "\0", "((((("]
)
def test_prose_calls_nothing(text):
    assert solution_calls(text) == frozenset()


def test_what_is_not_python_is_searched_for_addresses():
    curl = 'curl "https://rail.example.org/v2/departures?from=$PLACE" | jq .'
    assert solution_calls(curl) == {TRAINS}


def test_code_that_is_nested_too_deep_or_too_long_is_no_error():
    assert solution_calls("(" * 5000 + ")" * 5000) == frozenset()
    assert solution_calls("-" * 100_000 + "1") == frozenset()
    assert solution_calls("f(" * 300) == frozenset()
