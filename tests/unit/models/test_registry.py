from datetime import date, datetime

import pytest
from langchain_core.language_models import FakeListChatModel

from llmops_plugins.errors import ConfigurationError, MissingExtraError, UnknownModelError
from llmops_plugins.models.registry import (
    ModelRegistry,
    ModelSpec,
    Price,
    SelfHosted,
    canonical_provider,
)

FLAT = Price(input=1, output=2)


def load(tmp_path, text):
    path = tmp_path / "models.yaml"
    path.write_text(text, encoding="utf-8")
    return ModelRegistry.from_yaml(path)


def test_yaml_shorthand_is_one_undated_price(tmp_path):
    registry = load(tmp_path, "models: {cheap: {input: 0.1, output: 0.4, cache_read: 0.01}}")
    assert registry.get("cheap").prices == (Price(input=0.1, output=0.4, cache_read=0.01),)


def test_yaml_full_form(tmp_path):
    text = """
models:
  strong:
    model: "openai:gpt-4o"
    settings: {base_url: "http://localhost:8000/v1", temperature: 0}
    context_window: 128000
    capabilities: [tools, vision]
    prices:
      - {input: 2.5, output: 10}
      - {effective_from: 2026-01-01, input: 2, output: 8}
    self_hosted: {gpu_usd_per_hour: 2, input_tokens_per_second: 9000, output_tokens_per_second: 1500}
"""
    assert load(tmp_path, text).get("strong") == ModelSpec(
        name="strong",
        model="openai:gpt-4o",
        settings={"base_url": "http://localhost:8000/v1", "temperature": 0},
        context_window=128_000,
        capabilities=frozenset({"tools", "vision"}),
        prices=(
            Price(input=2.5, output=10),
            Price(input=2, output=8, effective_from=date(2026, 1, 1)),
        ),
        self_hosted=SelfHosted(
            gpu_usd_per_hour=2, input_tokens_per_second=9000, output_tokens_per_second=1500
        ),
    )


def test_shorthand_and_dated_prices_go_together(tmp_path):
    registry = load(
        tmp_path,
        "models: {m: {input: 1, output: 2, prices: [{effective_from: 2026-01-01, input: 3, output: 4}]}}",
    )
    assert {price.effective_from for price in registry.get("m").prices} == {None, date(2026, 1, 1)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "models: {cheap: {input: -1, output: 1}}",
            "models.cheap.input: must be zero or more USD per million tokens, got -1",
        ),
        ("models: {cheap: {input: .nan, output: 1}}", "models.cheap.input: must be zero or more"),
        ("models: {cheap: {input: 1, output: .inf}}", "models.cheap.output: must be zero or more"),
        ("models: {cheap: {input: yes, output: 1}}", "models.cheap.input: must be zero or more"),
        ("models: {cheap: {input: '1', output: 1}}", "models.cheap.input: must be zero or more"),
        ("models: {cheap: {input: 1}}", "models.cheap.output: is missing"),
        ("models: {cheap: {inptu: 1, output: 1}}", "models.cheap.inptu: .*did you mean 'input'"),
        ("models: {cheap: [1, 2]}", "models.cheap: must be a mapping"),
        ("modles: {}", "modles: is not a field; did you mean 'models'"),
        ("models:", "models: must be a mapping"),
        ("", "must be a mapping"),
        ("models: {'': {input: 1, output: 1}}", "models: a name must be non-empty"),
        ("models: {4: {input: 1, output: 1}}", "models: a name must be non-empty text"),
        ("models: {a: {prices: {input: 1}}}", "models.a.prices: must be a list"),
        ("models: {a: {prices: [{input: 1, output: -2}]}}", r"models.a.prices\[0\].output: must be zero"),
        (
            "models: {a: {prices: [{input: 1, output: 2, effective_form: 2026-01-01}]}}",
            r"models.a.prices\[0\].effective_form: .*'effective_from'",
        ),
        (
            "models: {a: {prices: [{input: 1, output: 2, effective_from: '2026-01-01'}]}}",
            r"models.a.prices\[0\].effective_from: must be a date",
        ),
        (
            "models: {a: {input: 1, output: 2, prices: [{input: 3, output: 4}]}}",
            "models.a.prices: two prices have no effective_from",
        ),
        (
            "models: {a: {self_hosted: {gpu_usd_per_hour: 1, input_tokens_per_second: 0,"
            " output_tokens_per_second: 1}}}",
            "models.a.self_hosted.input_tokens_per_second: must be measured tokens .* above zero, got 0",
        ),
        ("models: {a: {model: 3}}", "models.a.model: must be a string"),
        ("models: {a: {model: 'openai:x', settings: [1]}}", "models.a.settings: must be a mapping"),
        (
            "models: {a: {model: 'openai:x', settings: {api_key: sk-1}}}",
            "models.a.settings.api_key: .*environment variable",
        ),
        ("models: {a: {settings: {temperature: 0}}}", "models.a.settings: needs `model`"),
        ("models: {a: {context_window: 0}}", "models.a.context_window: must be a whole number"),
        ("models: {a: {capabilities: tools}}", "models.a.capabilities: must be a list"),
        ("models: {a: {capabilities: [{}]}}", "models.a.capabilities: must be a collection of words"),
        ("models: {a: {input: 1, output: 2}, a: {input: 3, output: 4}}", "models.a: appears twice"),
        ("models: {a: {input: 1, input: 3, output: 4}}", "models.a.input: appears twice"),
        ("models: {a: {}}\nmodels: {b: {}}", r"models: appears twice \(line 2\)"),
        ("models: {a: {prices: [{input: 1, input: 2}]}}", r"models.a.prices\[0\].input: appears twice"),
        ("models: {a: ", "is not valid YAML"),
        ("models: {a: {prices: [{effective_from: 2026-13-45}]}}", "is not valid YAML"),
        ("models: &m {a: *m}", "models.a"),
    ],
)
def test_bad_yaml_is_refused_with_the_path_of_the_field(tmp_path, text, message):
    with pytest.raises(ConfigurationError, match=message):
        load(tmp_path, text)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"absent.yaml: cannot be read .*give an existing file"):
        ModelRegistry.from_yaml(tmp_path / "absent.yaml")


def test_a_file_that_is_not_text_is_refused(tmp_path):
    path = tmp_path / "models.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="is not valid YAML"):
        ModelRegistry.from_yaml(path)


def test_yaml_cannot_construct_python_objects(tmp_path):
    with pytest.raises(ConfigurationError, match="is not valid YAML"):
        load(tmp_path, "models: !!python/object/apply:os.getcwd []")


@pytest.mark.parametrize(
    "settings",
    [
        {"openai_api_key": "hush"},
        {"azure_ad_token": "hush"},
        {"aws_secret_access_key": "hush"},
        {"default_headers": {"Authorization": "hush"}},
        {"default_headers": {"x-api-key": "hush"}},
    ],
)
def test_secrets_are_refused_and_not_repeated(settings):
    with pytest.raises(ConfigurationError, match="environment variable") as refusal:
        ModelSpec(name="m", model="openai:x", settings=settings)
    assert "hush" not in str(refusal.value)


def test_settings_that_only_look_like_secrets_pass():
    ModelSpec(name="m", model="openai:x", settings={"max_tokens": 5, "prompt_cache_key": "team"})


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "1", True, None])
def test_a_price_must_be_a_finite_number(value):
    with pytest.raises(ConfigurationError, match=r"input: must be zero or more USD"):
        Price(input=value, output=1)


def test_a_datetime_is_not_a_first_day():
    with pytest.raises(ConfigurationError, match="effective_from: must be a date"):
        Price(input=1, output=1, effective_from=datetime(2026, 1, 1))


def test_two_prices_of_one_day_are_refused():
    day = date(2026, 1, 1)
    with pytest.raises(ConfigurationError, match=r"models.m.prices: two prices have 2026-01-01"):
        ModelSpec(
            name="m",
            prices=(
                Price(input=1, output=1, effective_from=day),
                Price(input=2, output=1, effective_from=day),
            ),
        )


def test_capabilities_given_as_text_are_refused():
    with pytest.raises(ConfigurationError, match=r"models.m.capabilities"):
        ModelSpec(name="m", capabilities="tools")


def test_registry_is_a_collection_by_name():
    registry = ModelRegistry([ModelSpec(name="b"), ModelSpec(name="a")])
    assert [spec.name for spec in registry] == ["b", "a"]
    assert len(registry) == 2
    assert "a" in registry
    assert "c" not in registry


def test_two_models_of_one_name_are_refused():
    with pytest.raises(ConfigurationError, match=r"models.a: is defined twice"):
        ModelRegistry([ModelSpec(name="a"), ModelSpec(name="a")])


def test_an_unknown_name_gets_its_close_matches():
    with pytest.raises(UnknownModelError, match="'chaep' is not in the registry; did you mean 'cheap'"):
        ModelRegistry([ModelSpec(name="cheap"), ModelSpec(name="strong")]).get("chaep")


@pytest.mark.parametrize(
    ("provider", "model", "found"),
    [
        ("openai", "gpt-4o-mini", "cheap"),
        (None, "gpt-4o-mini", "cheap"),
        ("scripted", "priced-by-name", "priced-by-name"),
        ("azure", "gpt-4o", "on-azure"),
        ("openai", "gpt-4o", "direct"),
        ("groq", "gpt-4o", None),
        ("vllm", "Qwen/Qwen3-8B", "local"),
        ("openai", "Qwen/Qwen3-8B", "local"),
        ("ollama", "llama3:8b", "tagged"),
        ("amazon_bedrock", "anthropic.claude-v1:0", "bare"),
        ("openai", "gpt-4o-mini-2024-07-18", None),
        ("openai", "absent", None),
    ],
)
def test_find_matches_the_name_or_the_model_part_at_the_right_provider(provider, model, found):
    registry = ModelRegistry(
        [
            ModelSpec(name="cheap", model="openai:gpt-4o-mini"),
            ModelSpec(name="priced-by-name", prices=(FLAT,)),
            ModelSpec(name="on-azure", model="azure_openai:gpt-4o"),
            ModelSpec(name="direct", model="openai:gpt-4o"),
            ModelSpec(name="local", model="openai:Qwen/Qwen3-8B", settings={"base_url": "http://gpu/v1"}),
            ModelSpec(name="tagged", model="ollama:llama3:8b"),
            ModelSpec(name="bare", model="anthropic.claude-v1:0"),
        ]
    )
    spec = registry.find(provider, model)
    assert (spec.name if spec else None) == found


def test_find_prefers_the_provider_that_agrees_over_a_bare_name():
    registry = ModelRegistry([ModelSpec(name="gpt-4o"), ModelSpec(name="mine", model="openai:gpt-4o")])
    assert registry.find("openai", "gpt-4o").name == "mine"
    assert registry.find("azure", "gpt-4o").name == "gpt-4o"


def test_one_seller_has_one_name():
    assert canonical_provider("azure_openai") == canonical_provider("azure")
    assert canonical_provider("bedrock_converse") == canonical_provider("amazon_bedrock") == "aws"
    assert canonical_provider("anthropic-mantle") == "aws"
    assert canonical_provider("NVIDIA") == "nvidia"


def test_build_calls_a_factory_each_time():
    spec = ModelSpec(name="m", model=lambda: FakeListChatModel(responses=["hi"]))
    assert spec.build().invoke("?").content == "hi"
    assert spec.build() is not spec.build()


def test_build_passes_settings_to_init_chat_model(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "unused")
    built = ModelSpec(
        name="m", model="openai:gpt-4o-mini", settings={"base_url": "http://gpu/v1", "temperature": 0.5}
    ).build()
    assert (built.model_name, built.openai_api_base, built.temperature) == (
        "gpt-4o-mini",
        "http://gpu/v1",
        0.5,
    )


def test_changing_the_callers_settings_does_not_change_the_spec():
    settings = {"temperature": 0}
    spec = ModelSpec(name="m", model="openai:x", settings=settings)
    settings["api_key"] = "hush"
    assert spec.settings == {"temperature": 0}


def test_a_spec_that_only_prices_cannot_be_built():
    with pytest.raises(ConfigurationError, match=r"models.m.model: is missing"):
        ModelSpec(name="m", prices=(FLAT,)).build()


def test_a_chat_model_object_is_no_factory():
    with pytest.raises(ConfigurationError, match=r"models.m.model: must be a string"):
        ModelSpec(name="m", model=FakeListChatModel(responses=["hi"]))


def test_build_names_what_init_chat_model_refuses():
    nobodys = "models.m.model: 'nobodys-model' cannot be built: it names no provider, write for example"
    with pytest.raises(ConfigurationError, match=f"{nobodys} 'openai:nobodys-model'$"):
        ModelSpec(name="m", model="nobodys-model").build()
    with pytest.raises(
        MissingExtraError, match=r"models.m.model: 'upstage:solar' cannot be built: .*langchain.upstage"
    ):
        ModelSpec(name="m", model="upstage:solar").build()
    with pytest.raises(ConfigurationError, match=r"models.m.model: must give a BaseChatModel, got str"):
        ModelSpec(name="m", model=lambda: "text").build()
