"""What goes before a demonstration is written, and what stays because code needs it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.hierarchy.demonstrations import scrubbing
from llmops_plugins.hierarchy.demonstrations.scrubbing import is_code, scrubbed_question, scrubbed_solution
from tests.timing import least_seconds

SECRET = "q8w7e6r5t4z3"


@pytest.mark.parametrize(
    "text",
    [
        f'api_key = "{SECRET}"',
        f"API_KEY={SECRET} python solve.py",
        f'{{"apikey": "{SECRET}"}}',
        f"headers['X-Api-Key'] = '{SECRET}'",
        f'("appid", "{SECRET}")',
        f'os.environ["WEATHER_API_KEY"] = "{SECRET}"',
        f"https://api.example.org/v1?q=Dover&key={SECRET}",
        f"https://api.example.org/v1?access_token={SECRET}&q=Dover",
        f"https://ann:{SECRET}@example.org/tides",
        f"token: '{SECRET}'",
        f'key = "{SECRET}"',
        f"password={SECRET}",
        f'client_secret="{SECRET}"',
        f"Authorization: Basic {SECRET}",
        f"Authorization: Bearer {SECRET}",
        f'body = "{{\\"api_key\\": \\"{SECRET}\\"}}"',
        f"My api key is {SECRET}, find the tide",
        f"sk-{SECRET}{SECRET}",
    ],
)
def test_a_secret_goes(text):
    for scrub in (scrubbed_question, scrubbed_solution):
        assert SECRET not in scrub(text)
        assert "[secret]" in scrub(text)


@pytest.mark.parametrize(
    "code",
    [
        "boats.sort(key=lambda boat: boat.length)",
        "tides.get(key='height_2m_max')",
        "for key, value in tides.items(): print(key, value)",
        'api_key = secret("TIDES")',
        'get(f"https://api.example.org/v1?key={KEY}&q=1")',
        'headers = {"X-Api-Key": "<secret:tides>"}',
        "def tide(api_key: str, town: str) -> float: ...",
        "tokens = text.split()",
        "points = [50.12, 1.31, 2024, 10 - 20 - 30]",
        "since = 1700000000000",
        "loss = x@weights.mean(0)",
        "url = 'http://localhost:8080/tides?lat=51.1279&lon=1.3134'",
        "print('2024-01-31', 4111111111111111, 4111_1111_1111_1111)",
        "tide(49 - 170 - 1234 - 567)",
        "if high:\n\tprint(f'{high:>10.2f} m')\nelse:\n\tprint('''low\n''')",
    ],
)
def test_code_stays_as_it_is(code):
    assert scrubbed_solution(code) == code


def test_an_address_goes_from_both():
    for scrub in (scrubbed_question, scrubbed_solution):
        assert scrub("notify('ann@example.org')") == "notify('[email]')"


def test_a_questions_telephone_number_goes():
    assert scrubbed_question("Call +44 1304 555 019 about the tide") == "Call [phone] about the tide"


@pytest.mark.parametrize(
    ("prose", "expected"),
    [
        ("Call +44 1304 555 019 or 030 1234 5678.", "Call [phone] or [phone]."),
        ("Her card is 4111 1111 1111 1111.", "Her card is [card]."),
        ("IBAN DE89370400440532013000", "IBAN [iban]"),
        ("4111-1111-1111-1111", "[card]"),
        ("4111111111111111", "[card]"),
        ("Card: 4111111111111111", "Card: [card]"),
        ("# 4111111111111111", "# [card]"),
        ('{"card": 4111111111111111}', '{"card": [card]}'),
        ("Ann, 4111111111111111", "Ann, [card]"),
    ],
)
def test_a_solution_that_does_nothing_is_prose(prose, expected):
    assert not is_code(prose)
    assert scrubbed_solution(prose) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("call('+44 1304 555 019')", "call('[phone]')"),
        ("pay(4111111111111111)  # 4111 1111 1111 1111", "pay(4111111111111111)  # [card]"),
        ("x = f'{one} DE89370400440532013000 {f(2)}'; y = 1", "x = f'{one} [iban] {f(2)}'; y = 1"),
        (
            'x = """ä\n+44 1304 555 019\n"""\nprint(x, 1, "4111111111111111")',
            'x = """ä\n[phone]\n"""\nprint(x, 1, "[card]")',
        ),
        (r"print('Ring\n+44 1304 555 019')", r"print('Ring\n[phone]')"),
        (r"print(b'4111111111111111', r'\d', '\'')", r"print(b'[card]', r'\d', '\'')"),
        ("print('a\x0cb', '4111111111111111')", "print('a\x0cb', '[card]')"),
    ],
)
def test_of_code_texts_and_comments_are_read_as_prose_is(code, expected):
    assert is_code(code)
    assert scrubbed_solution(code) == expected
    assert scrubbed_solution(expected) == expected


PIECES = ["'", '"', '"""', "f'", "{", "}", "\\", "\n", "\r", "#", "print(", ")", "x = ", "1", "é", " "]


@given(pieces=st.lists(st.sampled_from(PIECES), max_size=30))
def test_where_nothing_is_to_hide_all_stays_whatever_the_quotes(pieces):
    text = "".join(pieces)
    assert scrubbed_solution(text) == text


@given(text=st.text(max_size=300))
def test_scrubbing_twice_is_scrubbing_once(text):
    assert scrubbed_solution(scrubbed_solution(text)) == scrubbed_solution(text)


@pytest.mark.parametrize(
    "part", ["a-", "key", "api_", "'", "://", "x.", "@a.", 'token="a', "://a:", "password is ", "Basic A"]
)
def test_no_text_takes_long(part):
    text = part * (20_000 // len(part))
    assert least_seconds(lambda: (scrubbed_question(text), scrubbed_solution(text)), 5) < 5


# A pattern that ignores case takes a long s for an "s", a Kelvin sign for a "k", and two more for an "i".
NAMES = ["api_key", "ap\u0130key", "API KEY", "\u212aey", "to\u212aen", "\u017fecret", "pa\u017f\u017fword"]
NAMES += [
    "app\u0131d",
    "cred\u0131ential",
    "auth_token",
    "ba\u017f\u0131c ",
    "Basic ",
    "?s\u0131g",
    "?\u212aey",
]
SIGNS = ["=", ": ", " is ", "'", '"', "://", "@", "&", " ", f"{SECRET}", "a1b2c3d4e5", "[secret]"]


@given(pieces=st.lists(st.sampled_from([*NAMES, *SIGNS]), max_size=12))
def test_what_a_text_must_hold_for_a_pattern_keeps_none_from_matching(pieces):
    text = expected = "".join(pieces)
    for _, pattern in scrubbing._ASSIGNED:
        expected = pattern.sub(r"\1[secret]", expected)
    assert scrubbing._hide_assigned(text) == expected
