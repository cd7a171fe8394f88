"""Who gets what: single decisions, and what has to hold over very many of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from charly_vm.arbiter.policy import (
    Blocker,
    Claim,
    Decision,
    Holder,
    HolderState,
    Why,
    decide,
    find_blockers,
)
from charly_vm.arbiter.wish import Wish, make_wish

GPU = make_wish(["gpu"])
SHARED = make_wish(shared=["gpu"])
CAPACITY = {"ram": 8, "seats": 3}


def ram(amount: int) -> Wish:
    return make_wish(amounts={"ram": amount})


def has(name: str, wish: Wish, *, place: float = 0, owner: str = "") -> Claim:
    return Claim(name, place, wish, granted=True, owner=owner)


def wants(name: str, wish: Wish, place: float, *, owner: str = "") -> Claim:
    return Claim(name, place, wish, owner=owner)


def judge(*claims: Claim, holders: Sequence[Holder] = ()) -> Decision:
    return decide(claims, holders, CAPACITY)


def granted(*claims: Claim, holders: Sequence[Holder] = ()) -> list[str]:
    return list(judge(*claims, holders=holders).grants)


def test_what_is_free_is_granted() -> None:
    assert granted(wants("a", GPU, 1)) == ["a"]


def test_one_at_a_time_has_it_exclusively() -> None:
    assert granted(wants("late", GPU, 2), wants("early", GPU, 1)) == ["early"]
    assert granted(has("x", GPU), wants("a", GPU, 1)) == []


def test_any_number_share_it_and_nobody_beside_one_who_wants_it_alone() -> None:
    assert granted(has("x", SHARED), wants("a", SHARED, 1), wants("b", SHARED, 2)) == ["a", "b"]
    assert granted(has("x", SHARED), wants("a", GPU, 1)) == []
    assert granted(has("x", GPU), wants("a", SHARED, 1)) == []


def test_later_ones_who_would_share_do_not_overtake_one_who_wants_it_alone() -> None:
    decision = judge(has("x", SHARED), wants("alone", GPU, 1), wants("late", SHARED, 2))
    assert not decision.grants
    assert decision.line == ("alone", "late")


def test_whoever_wants_something_else_goes_ahead() -> None:
    other = make_wish(["dongle"])
    assert granted(has("x", GPU), wants("a", GPU, 1), wants("b", other, 2)) == ["b"]


def test_all_tokens_or_none_and_those_behind_wait_for_each_of_them() -> None:
    both = make_wish(["gpu", "dongle"])
    decision = judge(has("x", GPU), wants("both", both, 1), wants("b", make_wish(["dongle"]), 2))
    assert not decision.grants


def test_amounts_add_up_to_what_there_is() -> None:
    claims = [has("x", ram(5)), wants("a", ram(3), 1), wants("b", ram(1), 2)]
    assert granted(*claims) == ["a"]


def test_a_large_one_is_not_starved_by_small_ones() -> None:
    assert granted(has("x", ram(5)), wants("large", ram(6), 1), wants("small", ram(1), 2)) == []


def test_more_than_there_is_means_all_of_it() -> None:
    assert granted(wants("a", ram(99), 1)) == ["a"]
    assert granted(has("x", ram(1)), wants("a", ram(99), 1)) == []


def test_an_amount_of_a_token_keeps_it_from_whoever_wants_it_alone() -> None:
    seat = make_wish(amounts={"seats": 1})
    assert granted(has("x", seat), wants("a", make_wish(["seats"]), 1)) == []
    assert granted(has("x", seat), wants("a", seat, 1)) == ["a"]


def test_claims_of_one_owner_do_not_exclude_each_other() -> None:
    assert granted(has("bed", GPU, owner="me"), wants("test", GPU, 1, owner="me")) == ["test"]


def test_who_has_something_is_not_kept_waiting_by_those_who_wait_for_it() -> None:
    both = make_wish(["gpu", "dongle"])
    claims = [
        has("bed", GPU, owner="me"),
        wants("both", both, 1),
        wants("more", make_wish(["dongle"]), 2, owner="me"),
    ]
    assert granted(*claims) == ["more"]


def test_of_two_who_wait_for_each_other_the_last_to_ask_is_refused() -> None:
    decision = judge(
        has("a", GPU, owner="a"),
        has("b", make_wish(["dongle"]), owner="b"),
        wants("a2", make_wish(["dongle"]), 1, owner="a"),
        wants("b2", GPU, 2, owner="b"),
    )
    assert decision.refused == ("b2",)
    assert not decision.grants


def test_a_wait_for_somebody_who_goes_on_is_no_deadlock() -> None:
    decision = judge(
        has("a", GPU, owner="a"),
        has("b", make_wish(["dongle"]), owner="b"),
        wants("a2", make_wish(["dongle"]), 1, owner="a"),
    )
    assert not decision.refused


def test_two_who_hold_half_of_an_amount_and_want_more_are_a_deadlock() -> None:
    decision = judge(
        has("a", ram(4), owner="a"),
        has("b", ram(4), owner="b"),
        wants("a2", ram(2), 1, owner="a"),
        wants("b2", ram(2), 2, owner="b"),
    )
    assert decision.refused == ("b2",)


STATION = Holder("station", GPU)


def test_a_holder_gives_way() -> None:
    assert judge(wants("a", GPU, 1), holders=[STATION]).grants == {"a": ("station",)}
    assert judge(wants("a", SHARED, 1), holders=[STATION]).grants == {"a": ("station",)}


def test_a_holder_of_something_else_is_left_alone() -> None:
    assert judge(wants("a", make_wish(["dongle"]), 1), holders=[STATION]).grants == {"a": ()}


def test_one_who_shares_gives_way_only_to_who_wants_it_alone() -> None:
    service = Holder("service", SHARED)
    assert judge(wants("a", SHARED, 1), holders=[service]).grants == {"a": ()}
    assert judge(wants("a", GPU, 1), holders=[service]).grants == {"a": ("service",)}


def test_a_protected_holder_keeps_what_it_has() -> None:
    station = replace(STATION, protected="at work")
    assert not judge(wants("a", GPU, 1), holders=[station]).grants


def test_nobody_has_what_a_holder_is_still_giving_up() -> None:
    going = replace(STATION, state=HolderState.CHANGING)
    assert not judge(has("a", SHARED), wants("b", SHARED, 1), holders=[going]).grants


def test_no_holder_is_stopped_for_a_claim_that_waits() -> None:
    decision = judge(has("x", SHARED), wants("a", GPU, 1), holders=[Holder("service", SHARED)])
    assert not decision.grants


def test_as_few_holders_as_possible_give_way_for_an_amount() -> None:
    small, other, large = (Holder(name, ram(size)) for name, size in (("s", 2), ("t", 2), ("l", 4)))
    assert judge(wants("a", ram(4), 1), holders=[small, other, large]).grants == {"a": ("l",)}
    assert judge(wants("a", ram(6), 1), holders=[small, other, large]).grants["a"] == ("l", "s")


def test_what_is_free_beside_the_holders_is_counted() -> None:
    assert judge(wants("a", ram(4), 1), holders=[Holder("s", ram(4))]).grants == {"a": ()}


def test_with_many_holders_of_an_amount_the_largest_go() -> None:
    many = [Holder(f"h{number:02}", make_wish(amounts={"m": 1})) for number in range(20)]
    decision = decide([wants("a", make_wish(amounts={"m": 5}), 1)], many, {"m": 20})
    assert len(decision.grants["a"]) == 5


def test_a_stopped_holder_comes_back_when_its_token_is_free() -> None:
    down = replace(STATION, state=HolderState.STOPPED)
    assert judge(holders=[down]).restores == ("station",)
    assert judge(has("a", GPU), holders=[down]).restores == ()


def test_a_stopped_holder_stands_in_the_line_like_everybody() -> None:
    down = replace(STATION, state=HolderState.STOPPED, place=5)
    before, after = wants("before", GPU, 4), wants("after", GPU, 6)
    assert judge(before, holders=[down]).grants == {"before": ()}
    decision = judge(after, holders=[down])
    assert decision.restores == ("station",)
    assert not decision.grants


def test_two_who_need_each_others_holders_have_their_turns() -> None:
    """A wants what B's machine has while it runs, and B what A's has: both machines are down."""
    first = wants("a", make_wish(["gpu", "disk-b"]), 1)
    second = wants("b", make_wish(["gpu", "disk-a"]), 2)
    holders = [
        Holder("b-machine", make_wish(["disk-b"])),
        Holder("a-machine", make_wish(["disk-a"])),
    ]
    decision = judge(first, second, holders=holders)
    assert decision.grants == {"a": ("b-machine",)}
    down = [replace(holders[0], state=HolderState.STOPPED), holders[1]]
    # As soon as the first has gone, the second has its turn before any holder is back.
    assert judge(second, holders=down).grants == {"b": ("a-machine",)}


def test_who_is_in_the_way_is_told() -> None:
    claims = [has("x", SHARED), wants("ahead", GPU, 1), wants("me", SHARED, 2)]
    assert find_blockers("me", claims, (), CAPACITY) == (Blocker("gpu", Why.AHEAD, "ahead"),)
    assert find_blockers("ahead", claims, (), CAPACITY) == (Blocker("gpu", Why.HAS, "x"),)
    held = [replace(STATION, protected="at work")]
    assert find_blockers("me", [wants("me", GPU, 1)], held, {}) == (
        Blocker("gpu", Why.RUNS, "station"),
    )


TOKENS = ("gpu", "dongle", "seats", "ram")
PARTS = st.tuples(st.sampled_from(TOKENS), st.sampled_from(("exclusive", "shared", "amount")))
WISHES = st.lists(PARTS, min_size=1, max_size=3).map(
    lambda parts: make_wish(
        [token for token, way in parts if way == "exclusive"],
        [token for token, way in parts if way == "shared"],
        {token: 2 for token, way in parts if way == "amount"},
    )
)


def clash(one: Wish, other: Wish) -> bool:
    """An opinion of its own on who cannot have something beside whom; amounts are counted."""
    for token in set(one.tokens) & set(other.tokens):
        if token in one.exclusive or token in other.exclusive:
            return True
    return False


class Host(RuleBasedStateMachine):
    """Claimants come and go, holders are stopped and come back, in every order that is found."""

    def __init__(self) -> None:
        super().__init__()
        self.claims: dict[str, Claim] = {}
        self.holders: dict[str, Holder] = {
            "station": Holder("station", make_wish(["gpu"])),
            "service": Holder("service", make_wish(shared=["gpu"], amounts={"ram": 2})),
            "licensed": Holder("licensed", make_wish(amounts={"seats": 2})),
        }
        self.stopped_for: dict[str, set[str]] = {name: set() for name in self.holders}
        self.by_hand: set[str] = set()
        """Holders that somebody has started although their token was taken."""
        self.clock = 0

    def tick(self) -> int:
        self.clock += 1
        return self.clock

    def settle(self) -> None:
        """Carry decisions out until nothing more happens, which is soon."""
        for _ in range(20):
            decision = self.decide()
            for name in decision.refused:
                del self.claims[name]
            for name, stops in decision.grants.items():
                self.grant(name, stops)
            for name in decision.restores:
                holder = self.holders[name]
                assert holder.state is HolderState.STOPPED
                self.holders[name] = replace(holder, state=HolderState.RUNNING)
            if not (decision.refused or decision.grants or decision.restores):
                return
        raise AssertionError("it never comes to rest")

    def decide(self) -> Decision:
        return decide(list(self.claims.values()), list(self.holders.values()), CAPACITY)

    def grant(self, name: str, stops: Iterable[str]) -> None:
        claim = self.claims[name]
        for other in self.claims.values():
            ahead = not other.granted and other.place < claim.place
            nested = any(one.granted and one.owner == claim.owner for one in self.claims.values())
            if ahead and not nested and other.owner != claim.owner:
                # Those granted in the same decision are ahead, and get theirs.
                assert not clash(claim.wish, other.wish) or other.id in self.decide().grants
        for holder in stops:
            assert self.holders[holder].state is HolderState.RUNNING
            assert not self.holders[holder].protected
            self.holders[holder] = replace(
                self.holders[holder], state=HolderState.STOPPED, place=self.tick()
            )
            self.by_hand.discard(holder)
        self.claims[name] = replace(claim, granted=True)

    @rule(wish=WISHES, owner=st.sampled_from(("", "", "bed-a", "bed-b")))
    def come(self, wish: Wish, owner: str) -> None:
        place = self.tick()
        name = f"c{place}"
        self.claims[name] = Claim(name, place, wish, owner=owner or name)

    @rule()
    def look(self) -> None:
        self.settle()

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def go(self, data: st.DataObject) -> None:
        """One ends, dies, or leaves the line."""
        del self.claims[data.draw(st.sampled_from(sorted(self.claims)))]

    @rule(
        name=st.sampled_from(("station", "service", "licensed")),
        reason=st.sampled_from(("", "at work")),
    )
    def protect(self, name: str, reason: str) -> None:
        self.holders[name] = replace(self.holders[name], protected=reason)

    @rule(name=st.sampled_from(("station", "service", "licensed")))
    def start_by_hand(self, name: str) -> None:
        if self.holders[name].state is HolderState.STOPPED:
            self.holders[name] = replace(self.holders[name], state=HolderState.RUNNING)
            self.by_hand.add(name)

    @invariant()
    def nothing_is_promised_twice(self) -> None:
        granted = [claim for claim in self.claims.values() if claim.granted]
        for number, one in enumerate(granted):
            for other in granted[number + 1 :]:
                assert one.owner == other.owner or not clash(one.wish, other.wish)
        for token, whole in CAPACITY.items():
            assert sum(claim.wish.amounts.get(token, 0) for claim in granted) <= whole

    @invariant()
    def nobody_runs_on_what_is_promised(self) -> None:
        for name, holder in self.holders.items():
            if holder.state is HolderState.RUNNING and name not in self.by_hand:
                for claim in self.claims.values():
                    assert not claim.granted or not clash(claim.wish, holder.wish)

    def teardown(self) -> None:
        """When all have gone, everything is free and every holder runs."""
        for name in list(self.holders):
            self.holders[name] = replace(self.holders[name], protected="")
        for _ in range(len(self.claims) + 1):
            self.settle()
            running = [name for name, claim in self.claims.items() if claim.granted]
            if not running:
                break
            del self.claims[running[0]]
        self.settle()
        assert not self.claims
        assert all(one.state is HolderState.RUNNING for one in self.holders.values())


Host.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestHost = Host.TestCase
