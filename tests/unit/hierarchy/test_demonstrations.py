"""A store of demonstrations: what is kept, who is shown it, and what is refused."""

import asyncio

import pytest
from langgraph.store.memory import InMemoryStore

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.hierarchy.demonstrations.demonstration import Evidence
from llmops_plugins.hierarchy.demonstrations.store import DemonstrationStore
from tests.unit.hierarchy.solved import (
    LIKE_IT,
    QUESTION,
    SOLUTION,
    Clock,
    WordEmbeddings,
    details,
    everything_in,
    memory,
    new_store,
    recalled,
    share,
    solve,
)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"tenant": ""}, "tenant"),
        ({"tenant": " "}, "tenant"),
        ({"tenant": None}, "tenant"),
        ({"confirmations": 0}, "confirmations"),
        ({"confirmations": True}, "confirmations"),
        ({"confirmations": 101}, "confirmations"),
        ({"lifetime_days": 0}, "lifetime_days"),
        ({"lifetime_days": float("inf")}, "lifetime_days"),
        ({"max_entries": 0}, "max_entries"),
        ({"embeddings": WordEmbeddings()}, "embeddings"),
        ({"store": InMemoryStore()}, "store"),
        ({"store": 7}, "store"),
    ],
)
def test_a_wrong_setting_is_refused_when_built(settings, field):
    with pytest.raises(ConfigurationError) as caught:
        DemonstrationStore(**{"store": memory(), "tenant": "acme", **settings})
    assert caught.value.field == field


def test_a_tenant_has_to_be_named():
    with pytest.raises(TypeError, match="tenant"):
        DemonstrationStore(memory())


async def asynchronous_tenant(request):
    return "acme"


def test_an_asynchronous_function_names_no_tenant():
    with pytest.raises(ConfigurationError, match="def, not async def"):
        DemonstrationStore(memory(), tenant=asynchronous_tenant)


def test_what_a_user_solved_is_shown_to_that_user_only():
    store = new_store()
    key = solve(store, "ann")
    assert recalled(store, "ann") == [key]
    assert recalled(store, "ben") == []


def test_provenance_is_kept():
    store = new_store(clock=Clock())
    key = solve(store, model_version="2026-01", cost_usd=0.5)
    provenance = store.get(key).provenance
    assert (provenance.assistant, provenance.model, provenance.model_version) == (
        "large",
        "large-1",
        "2026-01",
    )
    assert provenance.evidence.statement == "It ran and printed something."
    assert provenance.cost_usd == 0.5
    assert provenance.solved_at.timestamp() == Clock().now


def test_provenance_is_scrubbed_and_cut():
    inner, key = memory(), "sk-" + "a1b2" * 5
    store = new_store(inner)
    said = Evidence(kind="human", source="ann@example.org", statement=f"her {key} worked. " + "x" * 9_000)
    solve(store, assistant="a" * 900, model=key, model_version="ben@example.org", evidence=said)
    kept = store.list()[0].provenance
    assert (kept.model, kept.model_version, kept.evidence.source) == ("[secret]", "[email]", "[email]")
    assert kept.evidence.statement.startswith("her [secret] worked.")
    assert (len(kept.assistant), len(kept.evidence.statement)) == (200, 500)
    assert "@example.org" not in everything_in(inner)


@pytest.mark.parametrize("source", ["large", "large-1", "openai:Large-1", " LARGE "])
def test_an_authors_own_word_is_no_evidence(source):
    evidence = Evidence(kind="judge", source=source)
    with pytest.raises(ConfigurationError, match=r"evidence\.source"):
        new_store().add(QUESTION, SOLUTION, **details(evidence=evidence))


@pytest.mark.parametrize("evidence", ["it works", None, True, {"kind": "human", "source": "ann"}])
def test_without_evidence_nothing_is_kept(evidence):
    with pytest.raises(ConfigurationError, match="evidence"):
        new_store().add(QUESTION, SOLUTION, **details(evidence=evidence))


@pytest.mark.parametrize(("kind", "source"), [("hunch", "ann"), ("human", ""), ("human", None)])
def test_evidence_says_what_it_is_and_who_says_so(kind, source):
    with pytest.raises(ConfigurationError, match="evidence"):
        Evidence(kind=kind, source=source)


def test_another_tenants_demonstrations_are_not_shown_though_all_share_them():
    store = memory()
    acme, other = new_store(store, confirmations=1), new_store(store, tenant="other", confirmations=1)
    key = share(acme)
    assert recalled(acme, "dora") == [key]
    assert recalled(other, "dora") == recalled(other, "ann") == []
    assert other.get(key) is None
    assert other.list() == ()
    assert other.revoke(key) == 0
    assert recalled(acme, "dora") == [key]


def test_the_tenant_may_depend_on_the_request():
    store = new_store(tenant=lambda request: request["org"])
    store.add(QUESTION, SOLUTION, **details(request={"org": "acme"}))
    asked = {"user": "ann"}
    assert store.recall(LIKE_IT, request={"org": "acme"}, **asked)
    assert store.recall(LIKE_IT, request={"org": "other"}, **asked) == ()


@pytest.mark.parametrize("tenant", [None, "", 7])
def test_a_request_without_tenant_is_refused(tenant):
    store = new_store(tenant=lambda request: tenant)
    with pytest.raises(ConfigurationError, match="tenant"):
        store.recall(QUESTION, user="ann")


def test_neither_users_nor_tenants_names_become_namespaces():
    inner = memory()
    store = new_store(inner, tenant="acme.example/ß")
    solve(store, "ann@example.org")
    labels = {label for namespace in inner._data for label in namespace}
    assert all(label.replace("_", "").isalnum() and label.isascii() for label in labels)
    assert "ann@example.org" not in everything_in(inner)


@pytest.mark.parametrize(("question", "outcome"), [("  \n", "empty"), ("tide " * 1_000, "too_long")])
def test_a_question_that_is_no_example_is_not_kept(question, outcome):
    inner = memory()
    addition = new_store(inner).add(question, SOLUTION, **details())
    assert (addition.outcome, addition.demonstration) == (outcome, None)
    assert everything_in(inner) == "[]" or SOLUTION not in everything_in(inner)


def test_a_solution_too_long_for_a_prompt_is_not_kept():
    assert new_store().add(QUESTION, "x = 1\n" * 5_000, **details()).outcome == "too_long"


def test_secrets_and_addresses_are_not_written_anywhere():
    inner = memory()
    store = new_store(inner)
    store.add(
        "Use api_key: q8w7e6r5t4 and write to ann@example.org about the tide",
        'tide("Dover", api_key="q8w7e6r5t4")',
        **details(),
    )
    for secret in ("q8w7e6r5t4", "ann@example.org"):
        assert secret not in everything_in(inner)


def test_solving_the_same_again_renews_it():
    clock = Clock()
    store = new_store(clock=clock, lifetime_days=10)
    key = solve(store)
    clock.pass_days(8)
    assert store.add(QUESTION, SOLUTION, **details()).outcome == "renewed"
    clock.pass_days(8)
    assert recalled(store, "ann") == [key]


def test_what_is_older_than_its_lifetime_is_not_shown():
    clock = Clock()
    store = new_store(clock=clock, lifetime_days=10)
    key = share(store)
    clock.pass_days(10)
    assert recalled(store, "ann") == recalled(store, "dora") == []
    assert store.get(key) is None
    assert store.list() == ()


def test_blanks_at_the_ends_of_lines_make_no_difference():
    store = new_store(confirmations=1)
    key = solve(store, "ann", solution="x = 1\nprint(x)")
    assert solve(store, "ben", f"{QUESTION}\n", "x = 1  \r\nprint(x)\n\n") == key
    assert recalled(store, "dora") == [key]


def test_what_is_listed_is_the_users_and_the_shared_or_for_operators_all():
    store = new_store()
    shared = share(store)
    own = solve(store, "dora", "Which tides are spring tides?")
    hers = {one.demonstration_id for one in store.list(user="dora")}
    assert hers == {shared, own}
    assert [one.demonstration_id for one in store.list(user="eve")] == [shared]
    assert len(store.list()) == 2
    assert store.get(own, user="eve") is None
    assert store.get(own) is not None
    assert store.get("0" * 64) is None


@pytest.mark.parametrize("wrong", ["", "abc", None, 7, "Z" * 64])
def test_what_is_no_id_is_refused(wrong):
    store = new_store()
    for act in (store.revoke, store.get, lambda one: store.confirm(one, user="ann")):
        with pytest.raises(ConfigurationError, match="demonstration_id"):
            act(wrong)


def test_every_method_has_a_twin_that_does_the_same(tmp_path):
    async def by_twins(store):
        key = (await store.aadd(QUESTION, SOLUTION, **details())).demonstration.demonstration_id
        await store.aconfirm(key, user="ben")
        await store.aconfirm(key, user="cem")
        shown = await store.arecall(LIKE_IT, user="dora")
        voted = await store.arecord_outcome([key], helped=True, user="dora")
        exported = await store.aexport(tmp_path / "twins.jsonl")
        listed = await store.alist(user="dora")
        found = await store.aget(key, user="dora")
        gone = await store.arevoke(key)
        imported = await store.aimport_file(tmp_path / "twins.jsonl", user="eve")
        return len(shown), voted, exported, len(listed), found.tried, gone, imported

    def by_methods(store):
        key = solve(store)
        store.confirm(key, user="ben")
        store.confirm(key, user="cem")
        shown = store.recall(LIKE_IT, user="dora")
        voted = store.record_outcome([key], helped=True, user="dora")
        exported = store.export(tmp_path / "methods.jsonl")
        listed = store.list(user="dora")
        found = store.get(key, user="dora")
        gone = store.revoke(key)
        imported = store.import_file(tmp_path / "methods.jsonl", user="eve")
        return len(shown), voted, exported, len(listed), found.tried, gone, imported

    assert asyncio.run(by_twins(new_store())) == by_methods(new_store()) == (1, 1, 1, 1, 1, 2, 0)


@pytest.mark.parametrize("path", ["", "  "])
def test_a_file_without_a_name_would_keep_nothing_and_is_refused(path):
    with pytest.raises(ConfigurationError, match="store: is empty"):
        DemonstrationStore(path, tenant="acme", embeddings=WordEmbeddings())
