"""Who else is shown what a user solved: nobody, until enough others stand for it."""

import contextlib
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.hierarchy.demonstrations.sharing import confirming_users, is_confirmed, owners
from tests.unit.hierarchy.solved import (
    LIKE_IT,
    QUESTION,
    SOLUTION,
    Clock,
    details,
    new_store,
    recalled,
    share,
    solve,
)

NEEDED = 2
ROLES = st.dictionaries(
    st.sampled_from("abcdef"), st.sampled_from(["solved", "confirmed", "imported"]), max_size=6
)


def test_it_takes_as_many_others_as_were_asked_for():
    store = new_store(confirmations=3)
    key = solve(store, "ann")
    for user in ("ben", "cem"):
        assert not store.confirm(key, user=user).shared
        assert recalled(store, "zoe") == []
    assert store.confirm(key, user="dora").shared
    assert recalled(store, "zoe") == [key]


def test_who_solves_the_same_confirms_it():
    store = new_store()
    outcomes = [store.add(QUESTION, SOLUTION, **details(user)).outcome for user in ("ann", "ben", "cem")]
    assert outcomes == ["added", "confirmed", "confirmed"]
    assert len(recalled(store, "zoe")) == 1
    assert len(store.list(user="zoe")[0].confirmed_by) == NEEDED


def test_one_user_counts_once_whatever_it_does():
    store = new_store()
    key = solve(store, "ann")
    for _ in range(5):
        solve(store, "ann")
        store.confirm(key, user="ben")
    for _ in range(5):
        solve(store, "ben")
    assert recalled(store, "zoe") == []


def test_nobody_confirms_their_own():
    store = new_store(confirmations=1)
    key = solve(store, "ann")
    with pytest.raises(ConfigurationError, match="author"):
        store.confirm(key, user="ann")
    assert recalled(store, "zoe") == []


def test_what_nobody_solved_cannot_be_confirmed():
    with pytest.raises(ConfigurationError, match="demonstration_id"):
        new_store().confirm("0" * 64, user="ann")


def test_a_confirmation_is_for_the_solution_that_was_confirmed():
    store = new_store(confirmations=1)
    store.confirm(solve(store, "ann"), user="ben")
    solve(store, "ann", solution='print(tide("Dover"), "and follow me")')
    assert [one.solution for one in store.recall(LIKE_IT, user="zoe")] == [SOLUTION]


def test_importing_confirms_nothing(tmp_path):
    store = new_store(confirmations=1)
    solve(store, "ann")
    store.export(tmp_path / "hers.jsonl", user="ann")
    assert store.import_file(tmp_path / "hers.jsonl", user="ben") == 1
    assert len(recalled(store, "ben")) == 1
    assert recalled(store, "zoe") == []


def test_who_imported_it_is_its_author_until_somebody_solves_it(tmp_path):
    store = new_store(confirmations=1)
    share(store, users=("ann", "ben"))
    store.export(tmp_path / "shared.jsonl")
    elsewhere = new_store(confirmations=1)
    elsewhere.import_file(tmp_path / "shared.jsonl", user="mallory")
    assert recalled(elsewhere, "zoe") == []
    solve(elsewhere, "ann")
    assert recalled(elsewhere, "zoe") == []
    solve(elsewhere, "ben")
    assert len(recalled(elsewhere, "zoe")) == 1


def test_after_a_revocation_earlier_confirmations_are_gone():
    store = new_store(confirmations=1)
    key = share(store, users=("ann", "ben"))
    store.revoke(key)
    assert store.add(QUESTION, SOLUTION, **details("ann")).outcome == "revoked"
    assert recalled(store, "ann") == recalled(store, "zoe") == []
    with pytest.raises(ConfigurationError):
        store.confirm(key, user="cem")


@given(roles=ROLES, needed=st.integers(1, 4))
def test_without_so_many_others_than_the_author_nothing_is_confirmed(roles, needed):
    if not is_confirmed(roles, needed):
        return
    for author in owners(roles)[:1]:
        assert len(confirming_users(roles, author)) >= needed


@given(roles=ROLES, needed=st.integers(1, 4), user=st.sampled_from("abcdef"))
def test_no_user_alone_makes_more_than_one_confirmation(roles, needed, user):
    others = {one: role for one, role in roles.items() if one != user}
    if is_confirmed(roles, needed):
        standing = sum(role != "imported" for role in others.values())
        assert standing >= needed


def test_the_author_of_what_another_imported_is_no_confirmation_of_it(tmp_path):
    path = tmp_path / "hers.jsonl"
    hers = new_store(confirmations=1)
    key = solve(hers, "mallory")
    hers.export(path)
    store = new_store(confirmations=1)
    assert store.import_file(path, user="operator") == 1
    store.confirm(key, user="mallory")
    assert recalled(store, "zoe") == []
    store.confirm(key, user="ben")
    assert recalled(store, "zoe") == [key]


def test_old_roles_count_for_nothing_in_a_store_that_forgets_nothing():
    clock = Clock()
    store = new_store(clock=clock, lifetime_days=1)
    assert not store.store.supports_ttl
    store.confirm(solve(store, "ann"), user="ben")
    clock.pass_days(400)
    solve(store, "cem")
    assert recalled(store, "zoe") == []
    assert store.confirm(store.list()[0].demonstration_id, user="dora").confirmations == 1


def test_of_many_who_confirm_it_the_count_is_kept_and_the_latest_are_named():
    clock = Clock()
    store = new_store(confirmations=1, clock=clock)
    for number in range(60):
        clock.now += 1
        key = solve(store, f"user {number}")
    (shared,) = store.list(user="zoe")
    assert shared.confirmations == 59
    assert len(shared.confirmed_by) == 20
    collection = store.collection(None)
    assert set(shared.confirmed_by) <= {collection.user_hash(f"user {number}") for number in range(39, 60)}
    assert store.confirm(key, user="zoe").confirmations == 60


class Poisoning(RuleBasedStateMachine):
    """An attacker with an author's account and fewer others than are needed tries everything there is."""

    account = st.sampled_from([f"mallory{number}" for number in range(NEEDED)])
    variant = st.sampled_from([SOLUTION, f"{SOLUTION}  ", f"{SOLUTION}\nprint('send me your key')"])

    def __init__(self):
        super().__init__()
        self.store = new_store(confirmations=NEEDED)
        self.ids = set()

    @rule(account=account, solution=variant)
    def solve_own_request(self, account, solution):
        addition = self.store.add(QUESTION, solution, **details(account))
        if addition.demonstration is not None:
            self.ids.add(addition.demonstration.demonstration_id)

    @rule(account=account, number=st.integers(0, 3))
    def confirm_it(self, account, number):
        if self.ids:
            with contextlib.suppress(ConfigurationError):
                self.store.confirm(sorted(self.ids)[number % len(self.ids)], user=account)

    @rule(account=account, helped=st.booleans())
    def rate_it(self, account, helped):
        self.store.record_outcome(sorted(self.ids), helped=helped, user=account)

    @rule(number=st.integers(0, 3))
    def have_it_revoked(self, number):
        for key in sorted(self.ids)[number : number + 1]:
            self.store.revoke(key)

    @rule(account=account, forged=st.booleans())
    def import_own_export(self, account, forged):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "mine.jsonl"
            self.store.export(path, user=account)
            rows = [json.loads(line) for line in path.read_text().splitlines()]
            claims = {"shared": True, "confirmed_by": ["a", "b", "c"], "user": "", "helped": 9, "tried": 9}
            rows = [{**row, **claims} for row in rows] if forged else rows
            path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
            self.store.import_file(path, user=account)

    @rule(account=account)
    def somebody_else_imports_it(self, account):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "theirs.jsonl"
            elsewhere = new_store(confirmations=NEEDED)
            self.ids.add(solve(elsewhere, account))
            elsewhere.export(path)
            self.store.import_file(path, user="operator")

    @invariant()
    def nobody_else_is_shown_it(self):
        assert self.store.recall(LIKE_IT, user="zoe") == ()
        assert self.store.list(user="zoe") == ()


Poisoning.TestCase.settings = settings(max_examples=100, stateful_step_count=20, deadline=None)
TestPoisoning = Poisoning.TestCase


class Standing(RuleBasedStateMachine):
    """Honest users: what is shown to others is exactly what enough of them stand for."""

    users = st.sampled_from(["ann", "ben", "cem", "dora"])

    def __init__(self):
        super().__init__()
        self.store = new_store(confirmations=NEEDED)
        self.key = None
        self.standing = set()

    @rule(user=users)
    def solve_it(self, user):
        self.key = solve(self.store, user)
        self.standing.add(user)

    @rule(user=users)
    def confirm_it(self, user):
        if self.key is None:
            return
        try:
            self.store.confirm(self.key, user=user)
        except ConfigurationError:
            return
        self.standing.add(user)

    @invariant()
    def it_is_shown_to_others_from_then_on(self):
        shown = recalled(self.store, "zoe")
        assert shown == ([self.key] if len(self.standing) > NEEDED else [])


Standing.TestCase.settings = settings(max_examples=30, stateful_step_count=10, deadline=None)
TestStanding = Standing.TestCase
