"""Names as people type them, and the domains that follow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charly_vm.errors import SpecError
from charly_vm.model.names import NODE_NAME, domain_named, domain_of, plain_name


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("x", "x"),
        ("vm:x", "x"),
        ("charly-x", "x"),
        ("vm:charly-x", "charly-x"),
        ("charly-charly-x", "charly-x"),
        ("vm", "vm"),
        ("vm:vm", "vm"),
    ],
)
def test_a_name_may_be_typed_as_its_domain_or_with_its_kind(typed: str, name: str) -> None:
    assert plain_name(typed) == name
    assert domain_of(typed, "") == f"charly-{name}"


def test_an_instance_has_a_domain_of_its_own() -> None:
    assert domain_of("x", "dev") == "charly-x-dev"


@given(st.from_regex(NODE_NAME, fullmatch=True))
def test_every_name_is_reached_by_its_domain_and_with_its_kind(name: str) -> None:
    domain = domain_named(name, "")
    assert plain_name(domain) == name
    assert plain_name(f"vm:{name}") == name


@given(st.text(max_size=80))
def test_what_is_no_name_is_refused_and_never_becomes_a_path(text: str) -> None:
    try:
        domain = domain_named(text, "")
    except SpecError:
        assert not NODE_NAME.fullmatch(text)
    else:
        assert "/" not in domain
        assert not any(letter.isspace() for letter in domain)
        assert len(domain) < 80
