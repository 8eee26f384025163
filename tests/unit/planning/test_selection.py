"""Who cannot do a task is left out, and the others are ranked by what a success costs."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.planning.experts.selection import NoExpertError, SelectionRules, select
from llmops_plugins.planning.experts.standing import WINDOW, Standing
from tests.timing import least_seconds
from tests.unit.planning.expert_stubs import TEXT, card, translate


def names(selection):
    return [one.name for one in selection.ranked]


def fares(**standings):
    """Return standings from (successes, trials) or (successes, trials, cost)."""
    return {
        (name, "translate"): Standing(successes=counts[0], trials=counts[1], cost_usd=(*counts, None)[2])
        for name, counts in standings.items()
    }


def test_an_expert_of_another_kind_is_left_out():
    assert names(select(translate(), [card("no", kinds=["draw"]), card("yes")])) == ["yes"]


def test_an_expert_whose_schema_the_arguments_do_not_fit_is_left_out():
    number = card("number", arguments={"type": "object", "properties": {"text": {"type": "integer"}}})
    assert names(select(translate("hi"), [number, card("text")])) == ["text"]
    reference = translate(arguments={"text": {"ref": "t0"}})
    assert sorted(names(select(reference, [number, card("text")]))) == ["number", "text"]


def test_an_expert_with_less_room_than_the_arguments_take_is_left_out():
    experts = [card("small", max_input_tokens=100), card("large", max_input_tokens=10_000)]
    assert names(select(translate("x" * 3_000), experts)) == ["large"]
    assert sorted(names(select(translate("x"), experts))) == ["large", "small"]


def test_an_unhealthy_expert_is_left_out():
    health = {"sick": "is down"}.get
    assert names(select(translate(), [card("sick"), card("well")], health=health)) == ["well"]


def test_an_expert_to_be_avoided_is_asked_where_nobody_else_is_left():
    cheap, dear = card("cheap", cost_usd=0.01), card("dear", cost_usd=1.0)
    selection = select(translate(), [cheap, dear], avoid={"cheap"}, prefer=cheap)
    assert (selection.expert.name, selection.fallback.name, names(selection)) == ("dear", "cheap", ["dear"])
    assert not selection.in_doubt
    alone = select(translate(), [cheap], avoid={"cheap"})
    assert alone.expert.name == "cheap"
    assert alone.reason.endswith("untried, though it could not be reached of late.")


def test_an_expert_with_side_effects_is_left_out_where_none_are_allowed():
    experts = [card("writes", side_effects=True), card("reads")]
    assert len(select(translate(), experts).ranked) == 2
    assert names(select(translate(), experts, rules=SelectionRules(side_effects=False))) == ["reads"]


def test_where_nobody_is_left_the_error_says_why_of_each():
    experts = [card("sick"), card("small", max_input_tokens=1), card("draws", kinds=["draw"])]
    with pytest.raises(NoExpertError) as none:
        select(translate(), experts, health={"sick": "is down"}.get)
    assert str(none.value) == (
        'no expert for task "t1" of kind "translate": sick is down; '
        "small can be given 1 tokens, and the arguments are some 6"
    )
    with pytest.raises(NoExpertError, match="nobody does that kind"):
        select(translate(kind="fly"), experts)


def test_a_success_that_costs_less_comes_first():
    experts = [card("dear", cost_usd=0.1), card("cheap", cost_usd=0.01), card("free", cost_usd=0)]
    assert names(select(translate(), experts)) == ["free", "cheap", "dear"]
    poor = fares(cheap=(11, 20), dear=(20, 20))
    experts = [card("dear", cost_usd=0.012), card("cheap", cost_usd=0.01)]
    assert names(select(translate(), experts, standings=poor)) == ["dear", "cheap"]


def test_the_recorded_cost_goes_before_the_one_on_the_card():
    experts = [card("a", cost_usd=0.01), card("b", cost_usd=0.02)]
    assert names(select(translate(), experts, standings=fares(a=(5, 5, 0.5), b=(5, 5)))) == ["b", "a"]


def test_an_unknown_price_is_never_taken_for_nothing():
    experts = [card("unknown"), card("dear", cost_usd=100.0)]
    assert names(select(translate(), experts)) == ["dear", "unknown"]


def test_who_fails_too_often_is_only_asked_where_nobody_else_can():
    experts = [card("cheap", cost_usd=0.001), card("dear", cost_usd=1.0)]
    failing = fares(cheap=(2, 20), dear=(19, 20))
    assert names(select(translate(), experts, standings=failing)) == ["dear", "cheap"]
    assert select(translate(), experts[:1], standings=failing).expert.name == "cheap"


def test_the_fallback_is_who_is_likeliest_to_succeed():
    experts = [card(name, cost_usd=usd) for name, usd in (("a", 0.1), ("b", 0.2), ("c", 0.3))]
    selection = select(translate(), experts, standings=fares(a=(20, 20), b=(14, 20), c=(20, 20)))
    assert (selection.expert.name, selection.fallback.name) == ("a", "c")
    assert select(translate(), experts[:1]).fallback is None


def test_what_may_have_happened_already_has_no_fallback_and_is_none():
    reads, writes = card("reads", cost_usd=0.1), card("writes", cost_usd=0.2, side_effects=True)
    assert select(translate(), [reads, writes]).fallback is None
    assert select(translate(), [writes]).assignment.side_effects
    both = [card("first", side_effects=True, cost_usd=0.1), card("second", side_effects=True, cost_usd=0.2)]
    assert select(translate(), both).assignment.fallback is None


def test_the_assignment_carries_the_experts_own_timeout():
    assignment = select(translate(), [card("it", timeout=7.0)]).assignment
    assert (assignment.expert, assignment.timeout_s) == ("it", 7.0)


@pytest.mark.parametrize(
    ("standings", "prices", "in_doubt"),
    [
        ({}, (0.1, 0.1), True),
        ({}, (0.1, 9.0), True),  # the best is untried
        ({"a": (5, 5)}, (0.1, 0.11), True),
        ({"a": (5, 5)}, (0.1, 9.0), False),
        ({"a": (5, 5)}, (0.1, None), True),
        ({"a": (WINDOW, WINDOW)}, (0.1, 0.1), False),  # known well enough
        ({"a": (19, 19), "b": (9, 18)}, (0.1, 0.1), False),  # too unreliable to be asked
    ],
)
def test_a_model_is_only_asked_where_it_may_know_better(standings, prices, in_doubt):
    experts = [card("a", cost_usd=prices[0]), card("b", cost_usd=prices[1])]
    assert select(translate(), experts, standings=fares(**standings)).in_doubt is in_doubt


def test_of_one_there_is_no_doubt():
    assert not select(translate(), [card("only")]).in_doubt


@pytest.mark.parametrize(
    "settings", [{"minimum_success": 1}, {"similar_price": 0.5}, {"short_list": 1}, {"short_list": 50}]
)
def test_rules_that_make_no_sense_are_refused(settings):
    with pytest.raises(ConfigurationError, match=next(iter(settings))):
        SelectionRules(**settings)


ALL = SelectionRules(short_list=20)
counts = st.integers(0, WINDOW).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials)))
amounts = st.none() | st.floats(0, 10)
crowds = st.lists(st.tuples(counts, amounts, amounts), min_size=2, max_size=8)


def crowd(rows):
    experts = [card(f"e{n}", cost_usd=usd, latency_seconds=s) for n, (_, usd, s) in enumerate(rows)]
    return experts, fares(**{f"e{n}": count for n, (count, _, _) in enumerate(rows)})


@given(crowds, st.randoms())
def test_the_order_in_which_experts_are_given_does_not_matter(rows, random):
    experts, standings = crowd(rows)
    before = select(translate(), experts, standings=standings, rules=ALL)
    random.shuffle(experts)
    after = select(translate(), experts, standings=standings, rules=ALL)
    assert names(after) == names(before)
    assert (after.fallback, after.in_doubt) == (before.fallback, before.in_doubt)


@given(crowds, st.integers(1, 5))
def test_more_successes_never_lower_the_rank(rows, more):
    experts, standings = crowd(rows)
    before = names(select(translate(), experts, standings=standings, rules=ALL)).index("e0")
    (successes, trials), *_ = rows[0]
    improved = {**standings, **fares(e0=(successes + more, trials + more))}
    assert names(select(translate(), experts, standings=improved, rules=ALL)).index("e0") <= before


@given(crowds)
def test_of_two_that_succeed_alike_the_cheaper_comes_first(rows):
    experts, standings = crowd(rows)
    ranked = select(translate(), experts, standings=standings, rules=ALL).ranked
    for first, second in itertools.pairwise(ranked):
        alike = standings[first.name, "translate"] == standings[second.name, "translate"]
        if alike and second.cost_usd is not None:
            assert first.cost_usd is not None
            assert first.cost_usd <= second.cost_usd


def test_choosing_among_200_takes_milliseconds():
    experts = [card(f"e{n}", arguments={**TEXT, "title": str(n)}, cost_usd=n / 100) for n in range(200)]
    standings = fares(**{f"e{n}": (n % 17, 20 - n % 3) for n in range(200)})
    translation = translate("a text " * 30)
    seconds = least_seconds(lambda: select(translation, experts, standings=standings), 0.05)
    assert seconds < 0.05  # the benchmark holds 10 ms
