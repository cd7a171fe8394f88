"""Sizes and durations."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charly_vm.host.amounts import format_size
from charly_vm.model.quantities import parse_duration, parse_flag, parse_size


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


def complaint(parse: Callable[[object], float], written: object) -> str:
    try:
        parse(written)
    except ValueError as error:
        return str(error)
    return ""


@given(st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.none()))
def test_whatever_is_written_is_taken_or_a_clear_error(written: object) -> None:
    for parse, what in ((parse_size, "size"), (parse_duration, "duration"), (parse_flag, "true")):
        told = complaint(parse, written)
        assert told == "" or what in told


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
def test_hours_minutes_and_seconds_add_up(hours: int, minutes: int, seconds: int) -> None:
    assert parse_duration(f"{hours}h{minutes}m{seconds}s") == hours * 3600 + minutes * 60 + seconds


@pytest.mark.parametrize("written", ["8\N{KELVIN SIGN}", "\N{ARABIC-INDIC DIGIT THREE}G", "8G\n8G"])
def test_only_plain_digits_and_letters_make_a_size(written: str) -> None:
    with pytest.raises(ValueError, match="size"):
        parse_size(written)


@pytest.mark.parametrize(
    ("written", "meant"),
    [(True, True), ("yes", True), ("On", True), ("no", False), ("OFF", False), ("false", False)],
)
def test_flags(written: object, meant: bool) -> None:
    assert parse_flag(written) is meant


@pytest.mark.parametrize("written", [1, 0, "1", "y", "", None, "maybe"])
def test_a_flag_without_a_clear_meaning_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="true or false"):
        parse_flag(written)
