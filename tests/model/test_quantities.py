"""Sizes and durations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charly_vm.model.quantities import (
    format_size,
    parse_duration,
    parse_size,
)


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("8G", 8 * 2**30),
        ("80 GiB", 80 * 2**30),
        ("80GB", 80 * 2**30),
        ("512M", 512 * 2**20),
        ("1.5G", 3 * 2**29),
        ("1t", 2**40),
        ("64KiB", 65536),
    ],
)
def test_units_are_powers_of_1024(written: str, size: int) -> None:
    assert parse_size(written) == size


@pytest.mark.parametrize(
    "written", ["8", 8, "", "G", "-1G", "8X", "8 G B", "0G", None, True, "1e3G"]
)
def test_a_size_without_a_clear_meaning_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match=r"size"):
        parse_size(written)


@given(st.integers(1, 999), st.sampled_from("KMGT"))
def test_a_size_that_is_shown_can_be_read_again(number: int, unit: str) -> None:
    assert parse_size(format_size(parse_size(f"{number}{unit}"))) == parse_size(f"{number}{unit}")


@pytest.mark.parametrize(
    ("written", "seconds"), [("90s", 90), ("1m30s", 90), ("2h", 7200), ("0.5s", 0.5), ("10m", 600)]
)
def test_durations(written: str, seconds: float) -> None:
    assert parse_duration(written) == seconds


@pytest.mark.parametrize("written", ["", "90", 90, "1d", "s", "1m 30s x"])
def test_a_duration_without_a_clear_meaning_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(written)
