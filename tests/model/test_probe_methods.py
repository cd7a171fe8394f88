from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from charly_vm.model.probes import PROBES, WrongArguments, read_arguments

METHODS = [(probe, name) for probe, methods in PROBES.items() for name in methods]


def read(probe: str, method: str, **written: Any) -> dict[str, Any]:
    return read_arguments(probe, PROBES[probe], method, written).model_dump(exclude_unset=True)


@pytest.mark.parametrize(("probe", "method"), METHODS)
def test_every_method_says_what_it_does(probe: str, method: str) -> None:
    model = PROBES[probe][method]
    assert inspect.getdoc(model)
    assert not model.main or model.main in model.model_fields
    assert not model.secret or model.secret in model.model_fields


@pytest.mark.parametrize(
    ("written", "seconds"), [("90s", 90.0), ("1m30s", 90.0), ("5", 5.0), ("0.5", 0.5), (3, 3.0)]
)
def test_seconds_are_a_number_or_a_duration(written: object, seconds: float) -> None:
    assert read("libvirt", "events", seconds=written) == {"seconds": seconds}


def test_one_chord_is_a_list_of_one() -> None:
    assert read("libvirt", "send-key", keys="ctrl-c") == {"keys": ("ctrl-c",)}
    assert read("libvirt", "send-key", keys=["a", "b"]) == {"keys": ("a", "b")}


def test_a_number_of_the_command_line_is_text() -> None:
    assert read("spice", "click", x="10", y="20") == {"x": 10, "y": 20}


@pytest.mark.parametrize("written", [{"x": 1, "y": 2}, {"dx": -1, "dy": 0}])
def test_the_pointer_goes_to_a_place_or_by_a_distance(written: dict[str, int]) -> None:
    assert read("spice", "mouse", **written) == written


@pytest.mark.parametrize(
    "written", [{}, {"x": 1}, {"dx": 1}, {"x": 1, "dy": 1}, {"x": 1, "y": 1, "dx": 1, "dy": 1}]
)
def test_it_goes_nowhere_in_between(written: dict[str, int]) -> None:
    with pytest.raises(WrongArguments, match="write x and y for a place, or dx and dy"):
        read("spice", "mouse", **written)


@pytest.mark.parametrize(
    ("probe", "method", "written", "said"),
    [
        ("libvirt", "guest/pin", {}, "libvirt has no method guest/pin; did you mean guest/ping?"),
        ("spice", "kube", {}, "spice has no method kube; it has click, compare, cursor"),
        ("spice", "click", {"x": 1}, "spice click: y: Field required"),
        ("libvirt", "screenshot", {"format": "png"}, "unknown key 'format'; known are screen"),
        ("spice", "type", {"txt": "x"}, "unknown key 'txt'; did you mean 'text'?"),
        ("libvirt", "events", {"seconds": "soon"}, "'soon' is not a duration"),
    ],
)
def test_what_cannot_be_asked_is_named(
    probe: str, method: str, written: dict[str, Any], said: str
) -> None:
    with pytest.raises(WrongArguments, match=re.escape(said)):
        read(probe, method, **written)
