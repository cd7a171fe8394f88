from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from charly_vm.render.seed_merge import merge

WORDS = st.text("abcdef", min_size=1, max_size=3)
VALUES = st.recursive(
    st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
CONFIGS = st.dictionaries(WORDS, VALUES, max_size=4)


def test_mappings_are_merged_lists_extended_and_the_rest_replaced() -> None:
    below = {"a": {"x": 1, "y": 2}, "b": [1], "c": "old", "d": [1], "e": {"x": 1}}
    above = {"a": {"y": 3}, "b": [2], "c": "new", "d": "word", "e": [1], "f": 1}
    assert merge(below, above) == {
        "a": {"x": 1, "y": 3},
        "b": [1, 2],
        "c": "new",
        "d": "word",
        "e": [1],
        "f": 1,
    }


def test_null_takes_a_key_away_at_any_depth() -> None:
    assert merge({"a": {"x": 1, "y": 2}, "b": 1}, {"a": {"x": None}, "b": None, "c": None}) == {
        "a": {"y": 2}
    }


def test_accounts_of_one_name_become_one_and_keep_their_place() -> None:
    below: dict[str, Any] = {"users": ["default", {"name": "a", "groups": ["x"]}, {"name": "b"}]}
    above = {"users": [{"name": "c"}, "default", {"name": "a", "groups": ["y"], "uid": 7}]}
    assert merge(below, above)["users"] == [
        "default",
        {"name": "a", "groups": ["x", "y"], "uid": 7},
        {"name": "b"},
        {"name": "c"},
    ]


def test_accounts_of_any_shape_are_passed_on() -> None:
    odd = [["list"], {"snapuser": "me@localhost"}, 5]
    assert merge({"users": ["default"]}, {"users": odd})["users"] == ["default", *odd]


@given(CONFIGS, CONFIGS)
def test_nothing_is_changed_in_place_and_every_key_of_both_is_there(
    below: dict[str, Any], above: dict[str, Any]
) -> None:
    before = repr((below, above))
    assert set(merge(below, above)) == {*below, *above}
    assert repr((below, above)) == before


@given(CONFIGS)
def test_nothing_merged_with_something_is_that(config: dict[str, Any]) -> None:
    assert merge({}, config) == config
    assert merge(config, {}) == config
