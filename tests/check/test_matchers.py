"""What each operator takes and refuses, and how a mismatch reads."""

from __future__ import annotations

import pytest
import yaml

from charly_vm.check.matchers import Mismatch, match
from charly_vm.model.matchers import read_matcher


def fits(written: object, found: str | int | bool) -> bool:
    return match("x", read_matcher(written), found) == []


@pytest.mark.parametrize(
    ("written", "good", "bad"),
    [
        ("ok", "ok", "not ok"),
        ("", "", "x"),
        (0, 0, 1),
        (42, "42", "420"),
        (["a", "b"], "b and a", "a alone"),
        ({"equals": "x"}, "x", "y"),
        ({"not_equals": "x"}, "y", "x"),
        ({"contains": "b"}, "abc", "ac"),
        ({"contains": ["a", "c"]}, "abc", "ab"),
        ({"not_contains": "b"}, "ac", "abc"),
        ({"not_contains": ["x", "b"]}, "ac", "abc"),
        ({"matches": "^v[0-9]+$"}, "v12", "xv12"),
        ({"matches": "^second"}, "first\nsecond", "first"),
        ({"not_matches": "[0-9]"}, "abc", "ab1"),
        ({"lt": 5}, 4, 5),
        ({"le": 5}, 5, 6),
        ({"gt": 5}, "6", "5"),
        ({"ge": 5, "lt": 7}, 6, 7),
    ],
)
def test_an_operator_takes_what_it_should_and_refuses_the_rest(
    written: object, good: str | int, bad: str | int
) -> None:
    assert fits(written, good)
    assert not fits(written, bad)


def test_text_is_neither_more_nor_less_than_a_number() -> None:
    assert not fits({"lt": 5}, "many")
    assert not fits({"gt": 5}, "many")


def test_true_is_not_one() -> None:
    assert not fits(1, True)
    assert fits(True, True)


def test_each_condition_that_fails_is_told_apart() -> None:
    assert match("stdout", read_matcher(["a", "b", "c"]), "xa") == [
        Mismatch("stdout", "something with 'b'", "'xa'"),
        Mismatch("stdout", "something with 'c'", "'xa'"),
    ]


@pytest.mark.parametrize("written", [{"equal": 1}, {"equals": [1]}, [{"a": 1}]])
def test_what_is_no_matcher_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="matcher"):
        read_matcher(written)


@pytest.mark.parametrize(
    ("written", "found", "holds"),
    [
        ("true", "true", True),
        ("true", "True", False),
        ("{not_equals: true}", "true", False),
        ("{contains: true}", "it is true", True),
        ("{not_contains: true}", "it is true", False),
        ("{not_matches: true}", "true", False),
        ("1.10", "1.10", True),
        ("{not_equals: 1.10}", "1.10", False),
        ("42", "42", True),
        ("'042'", "42", False),
    ],
)
def test_what_yaml_reads_as_more_than_text_is_compared_as_text(
    written: str, found: str, holds: bool
) -> None:
    matcher = read_matcher(yaml.safe_load(written))
    assert (match("stdout", matcher, found) == []) == holds
