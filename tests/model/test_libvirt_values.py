"""Switches, sets of numbers and amounts of memory of the libvirt block."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from charly_vm.model.libvirt.numbers import CpuSet, Memory, members
from charly_vm.model.libvirt.switches import OnOff, Switch, YesNo

ON = [True, "on", "On", "ON", "yes", "Yes", "YES"]
OFF = [False, "off", "Off", "OFF", "no", "No", "NO"]


def read(kind: Any, written: object) -> Any:
    return TypeAdapter(kind).validate_python(written)


@pytest.mark.parametrize("written", ON)
def test_a_switch_that_is_on_is_spelt_as_libvirt_spells_it(written: object) -> None:
    assert (read(OnOff, written), read(YesNo, written), read(Switch, written)) == (
        *("on", "yes"),
        True,
    )


@pytest.mark.parametrize("written", OFF)
def test_a_switch_that_is_off_is_spelt_as_libvirt_spells_it(written: object) -> None:
    assert (read(OnOff, written), read(YesNo, written), read(Switch, written)) == (
        *("off", "no"),
        False,
    )


@pytest.mark.parametrize("written", [1, 0, None, "true", "onn", "", [], {"state": "on"}])
def test_what_is_no_switch_is_refused(written: object) -> None:
    with pytest.raises(ValidationError, match="is on or off, not"):
        read(OnOff, written)


@given(st.sets(st.integers(0, 65535), min_size=1, max_size=20))
def test_a_set_of_numbers_holds_what_is_listed_in_it(numbers: set[int]) -> None:
    written = ",".join(map(str, numbers))
    assert members(read(CpuSet, written)) == numbers


@pytest.mark.parametrize(
    ("written", "numbers"),
    [(3, {3}), ("0-3,^2", {0, 1, 3}), ("0-1,4", {0, 1, 4}), ("^1,0-1", {0, 1}), ("5-5", {5})],
)
def test_a_range_and_an_exception_are_read_from_left_to_right(
    written: object, numbers: set[int]
) -> None:
    assert members(read(CpuSet, written)) == numbers


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", "not a set of numbers"),
        ("a", "not a set of numbers"),
        ("1,", "not a set of numbers"),
        (-1, "not a set of numbers"),
        (True, "not a set of numbers"),
        ("3-1", "runs backwards"),
        ("0-99999999", "goes beyond 65535"),
        ("1,^1", "leaves nothing"),
    ],
)
def test_a_set_that_says_nothing_is_refused(written: object, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        read(CpuSet, written)


@pytest.mark.parametrize(
    ("written", "size"),
    [(2048, 2 * 1024**2), ("2M", 2 * 1024**2), ("4096b", 4096), ("1 GiB", 1024**3)],
)
def test_memory_has_a_unit_or_counts_in_kib_as_libvirts_does(written: object, size: int) -> None:
    assert read(Memory, written) == size


@pytest.mark.parametrize("written", [0, -1, "0b", "2", "x", True, 1.5])
def test_what_is_no_amount_of_memory_is_refused(written: object) -> None:
    with pytest.raises(ValidationError):
        read(Memory, written)
