"""What a sandbox is refused for, what it tells the model, and what may stand in its place."""

import pickle
import subprocess
import sys
from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.hierarchy.executor import check_executor
from llmops_plugins.hierarchy.sandbox.executor import SandboxExecutor
from llmops_plugins.hierarchy.sandbox.host_functions import HostFunction
from llmops_plugins.hierarchy.sandbox.limits import SandboxLimits
from llmops_plugins.hierarchy.sandbox.snippet import refusal


def weather(city: str, *, key: str = "none") -> dict[str, float]:
    """Weather now.

    Not shown.
    """
    return {"temperature": 3.0}


def another() -> object:
    def weather(city: str) -> float:
        return 3.0

    return weather


GRANTED = HostFunction(function=weather, secrets=("KEY",))


@pytest.mark.parametrize("name", SandboxLimits.__dataclass_fields__)
@pytest.mark.parametrize(
    "value",
    [None, 0, -1, True, "5", float("nan"), float("inf"), 10**400, pytest.param(10**5000, id="endless")],
)
def test_a_limit_that_is_missing_or_not_positive_is_refused(name, value):
    with pytest.raises(ConfigurationError, match=f"limits.{name}: must be a"):
        SandboxLimits(**{name: value})


def test_a_run_takes_a_day_at_most():
    with pytest.raises(
        ConfigurationError, match=r"limits.seconds: must be .* above 0 and at most 86400, got 86401"
    ):
        SandboxLimits(seconds=86_401)


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("limits", {"limits": None}),
        ("limits", {"limits": {"seconds": 1}}),
        ("workers", {"workers": 0}),
        ("functions", {"functions": weather}),
        ("functions", {"functions": None}),
        ("secrets", {"secrets": ["KEY"]}),
        ("functions", {"functions": [weather, another()]}),
        ("functions.<lambda>", {"functions": [lambda city: 1]}),
        ("functions.weather.secrets", {"functions": [GRANTED]}),
        ("functions.weather.secrets", {"functions": [GRANTED], "secrets": {"OTHER": "long enough"}}),
        ("secrets", {"secrets": {"no name": "long enough"}}),
        ("secrets", {"secrets": {"": "long enough"}}),
        ("secrets.KEY", {"secrets": {"KEY": ""}}),
        ("secrets.KEY", {"secrets": {"KEY": "a-b-c-d-e"}}),
        ("secrets.KEY", {"secrets": {"KEY": SecretStr("short")}}),
        ("secrets.KEY", {"secrets": {"KEY": 12345678}}),
        ("imports", {"imports": ["os"]}),
        ("imports", {"imports": ["numpy"]}),
        ("imports", {"imports": "json"}),
    ],
)
def test_a_wrong_setting_is_refused_when_built(field, arguments):
    with pytest.raises(ConfigurationError) as refused:
        SandboxExecutor(**{"limits": SandboxLimits(), **arguments})
    assert refused.value.field == field
    assert "short" not in str(refused.value)


def test_limits_cannot_be_left_out():
    with pytest.raises(ConfigurationError, match="limits: are missing, give SandboxLimits"):
        SandboxExecutor([weather])


def test_without_its_package_the_extra_is_named():
    script = (
        "import sys\nsys.modules['pydantic_monty'] = None\n"
        "from llmops_plugins.hierarchy.sandbox.executor import SandboxExecutor\n"
        "from llmops_plugins.hierarchy.sandbox.limits import SandboxLimits\n"
        "try: SandboxExecutor(limits=SandboxLimits())\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == (
        "MissingExtraError executor: pydantic-monty is not installed, "
        'install it with pip install "llmops-plugins[sandbox]"\n'
    )


def test_the_model_is_told_what_there_is():
    pytest.importorskip("pydantic_monty", reason="pydantic-monty is not installed (extra sandbox)")
    sandbox = SandboxExecutor(
        [GRANTED], limits=SandboxLimits(), imports=["json"], secrets={"KEY": SecretStr("kq93-zz81")}
    )
    lines = sandbox.description.splitlines()
    assert "It may import json, nothing else." in lines
    assert "def weather(city: str, *, key: str = 'none') -> dict[str, float]" in lines
    assert "    Weather now." in lines
    assert "    Takes {{KEY}}." in lines
    assert "Not shown" not in sandbox.description
    assert "10 seconds, 64 MB, 10000 printed characters and 50 calls" in lines[-1]


def test_a_secret_in_a_signature_is_not_told():
    pytest.importorskip("pydantic_monty", reason="pydantic-monty is not installed (extra sandbox)")

    def call(key: str = "kq93-zz81-aa") -> str:
        """Call with kq93-zz81-aa."""
        return key

    sandbox = SandboxExecutor([call], limits=SandboxLimits(), secrets={"KEY": "kq93-zz81-aa"})
    assert "kq93" not in sandbox.description
    with pytest.raises(TypeError):
        pickle.dumps(sandbox)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import json", None),
        ("import json.decoder\nfrom json import loads", None),
        ("import math", "ImportError: 'math' cannot be imported (line 1), only json can be"),
        ("x = 1\nimport json, os.path", "ImportError: 'os' cannot be imported (line 2), only json can be"),
        ("from . import json", "ImportError: '.' cannot be imported (line 1), only json can be"),
        (
            "def f():\n    from os import system",
            "ImportError: 'os' cannot be imported (line 2), only json can be",
        ),
        ("[exec][0]('1')", "exec is not available (line 1): write the code itself"),
        ("x = (", "SyntaxError: '(' was never closed (line 1)"),
        ("x" * 101, "the code has 101 characters, at most 100 are run: write less"),
    ],
)
def test_code_is_looked_at_before_it_runs(code, said):
    assert refusal(code, imports=("json",), characters=100) == said


async def _arun(code):
    return None


@pytest.mark.parametrize(
    ("executor", "problem"),
    [
        (
            None,
            "must be an executor with run, arun, description and limits, as SandboxExecutor; got NoneType",
        ),
        (SandboxExecutor, "must be an executor with run, arun, description and limits"),
        (SimpleNamespace(limits=1, description="", run=print), "must be an executor with run, arun"),
        (SimpleNamespace(limits=None, description="", run=print, arun=_arun), "has no limits"),
        (SimpleNamespace(description="", run=print, arun=_arun), "has no limits"),
        (SimpleNamespace(limits=1, run=print, arun=_arun), "has no description"),
    ],
)
def test_what_cannot_run_code_within_limits_is_no_executor(executor, problem):
    with pytest.raises(ConfigurationError, match=f"executor: {problem}"):
        check_executor("executor", executor)


def test_anything_that_keeps_to_the_protocol_is_an_executor():
    other = SimpleNamespace(limits={"seconds": 5}, description="A container.", run=print, arun=_arun)
    assert check_executor("executor", other) is other
