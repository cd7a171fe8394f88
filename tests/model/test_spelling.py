"""How near two words are; and the pattern that tells a JSON Schema the same."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charly_vm.model.spelling import distance, find_meant, find_nearest, misspelling_pattern

WORDS = ("vm", "candy", "resource", "group", "env", "cloud_init")
FOREIGN = ("init", "can")
near_words = st.builds(
    lambda word, at, letters, cut: word[:at] + letters + word[at + cut :],
    st.sampled_from(WORDS),
    st.integers(0, 8),
    st.text("abcmvy_", max_size=2),
    st.integers(0, 2),
)


@pytest.mark.parametrize(
    ("left", "right", "edits"),
    [
        ("", "", 0),
        ("vm", "vm", 0),
        ("vm", "", 2),
        ("check", "chek", 1),
        ("check", "chekc", 1),
        ("check", "hceck", 1),
        ("check", "czeck", 1),
        ("resource", "resurces", 2),
        ("k8s", "vm", 3),
    ],
)
def test_edits(left: str, right: str, edits: int) -> None:
    assert distance(left, right) == distance(right, left) == edits


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_a_distance_is_symmetrical_and_none_only_between_equals(left: str, right: str) -> None:
    assert distance(left, right) == distance(right, left)
    assert (distance(left, right) == 0) == (left == right)
    assert distance(left, right) <= max(len(left), len(right))


def test_a_known_word_is_no_misspelling_and_neither_is_a_far_one() -> None:
    assert find_meant("group", WORDS) is None
    assert find_meant("pipeline", WORDS) is None
    assert find_meant("gruop", WORDS) == "group"
    assert find_meant("em", WORDS) is None
    assert find_meant("em", WORDS, reach=2) == "vm"


def test_a_suggestion_reaches_further() -> None:
    assert find_nearest("disposabl", ["disposable", "description"]) == "disposable"
    assert find_nearest("zzz", ["disposable"]) is None


USUAL = re.compile(misspelling_pattern(WORDS, FOREIGN))
FAR = re.compile(misspelling_pattern(WORDS, reach=2))


@given(st.one_of(st.text("abcmvy_", max_size=6), near_words))
def test_the_pattern_and_the_search_agree(word: str) -> None:
    meant = word not in FOREIGN and find_meant(word, WORDS) is not None
    assert bool(USUAL.search(word)) == meant


@given(st.one_of(st.text("abcmvy_", max_size=6), near_words))
def test_they_agree_on_a_reach_of_two_as_well(word: str) -> None:
    assert bool(FAR.search(word)) == (find_meant(word, WORDS, reach=2) is not None)
