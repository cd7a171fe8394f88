"""What the helper is asked for is a closed set: all else is a `BadOrder`, and nothing but that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charly_vm.gpu.steps import (
    DRIVERS,
    FORMAT,
    MODULES,
    NVIDIA_MODULES,
    OTHER_DRIVERS,
    SERVICES,
    BadOrder,
    Before,
    Kind,
    Order,
    Step,
    as_data,
    invert,
    read_order,
    read_override,
    read_step,
    render_order,
)

GPU, AUDIO = "0000:01:00.0", "0000:01:00.1"
ORDER: Mapping[str, Any] = {
    "format": FORMAT,
    "group": 1,
    "addresses": [GPU, AUDIO],
    "target": "vfio",
    "steps": [{"kind": "bind", "address": GPU, "driver": "vfio-pci"}],
    "expected": {GPU: "vfio-pci"},
    "clears_poison": False,
    "drivers": {GPU: "", AUDIO: "snd_hda_intel"},
}
DRIVERS_BEFORE = {GPU: "nvidia", AUDIO: ""}

every_step = st.one_of(
    st.builds(
        Step,
        st.sampled_from([Kind.OVERRIDE, Kind.BIND]),
        st.sampled_from([GPU, AUDIO]),
        st.sampled_from([*DRIVERS, *OTHER_DRIVERS]),
        optional=st.booleans(),
    ),
    st.builds(
        Step,
        st.just(Kind.UNBIND),
        st.sampled_from([GPU, AUDIO]),
        st.sampled_from([one for one in (*DRIVERS, *OTHER_DRIVERS) if one != "nvidia"]),
    ),
    st.builds(Step, st.just(Kind.OVERRIDE), st.sampled_from([GPU, AUDIO])),
    st.builds(Step, st.just(Kind.LOAD), name=st.sampled_from(MODULES), optional=st.booleans()),
    st.builds(Step, st.just(Kind.UNLOAD), name=st.sampled_from(NVIDIA_MODULES)),
    st.builds(
        Step,
        st.sampled_from([Kind.STOP_SERVICE, Kind.START_SERVICE]),
        name=st.sampled_from(SERVICES),
        optional=st.booleans(),
    ),
    st.just(Step(Kind.REFRESH_CDI, optional=True)),
)
every_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from([GPU, "vfio", "nvidia", "vfio-pci", *(kind.value for kind in Kind)]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=6)
            | st.sampled_from([*ORDER, "kind", "address", "driver", "name", "optional"]),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


def order_with(**changes: Any) -> str:
    return json.dumps({**ORDER, **changes})


def order_of(*steps: Mapping[str, Any]) -> str:
    return order_with(steps=list(steps))


def test_an_order_is_read_as_it_was_written() -> None:
    steps = (Step(Kind.LOAD, name="nvidia"),)
    order = Order(
        7,
        (GPU, AUDIO),
        "nvidia",
        steps,
        {GPU: "nvidia"},
        clears_poison=True,
        drivers=DRIVERS_BEFORE,
    )
    assert read_order(render_order(order)) == order
    assert read_order(json.dumps(ORDER)).steps == (Step(Kind.BIND, GPU, "vfio-pci"),)


@given(st.lists(every_step, max_size=8), st.booleans())
def test_all_of_the_closed_set_is_read_as_it_was_written(
    steps: list[Step], clears_poison: bool
) -> None:
    order = Order(
        0,
        (GPU, AUDIO),
        "vfio",
        tuple(steps),
        {AUDIO: "vfio-pci"},
        clears_poison=clears_poison,
        drivers=DRIVERS_BEFORE,
    )
    assert read_order(render_order(order)) == order
    for step in steps:
        assert read_step(as_data(step)) == step


@given(every_json)
def test_whatever_else_is_written_is_no_order(data: Any) -> None:
    with pytest.raises(BadOrder):
        read_order(json.dumps(data))


@given(st.sampled_from(sorted(ORDER)), every_json)
def test_whatever_stands_in_one_of_its_fields_it_is_read_or_refused(name: str, data: Any) -> None:
    try:
        order = read_order(order_with(**{name: data}))
    except BadOrder:
        return
    assert read_order(render_order(order)) == order
    assert order.group >= 0
    assert set(order.expected.values()) <= set(DRIVERS)


@given(
    st.fixed_dictionaries(
        {"kind": st.sampled_from([kind.value for kind in Kind]) | every_json},
        optional={
            "address": st.sampled_from([GPU, "0000:02:00.0"]) | every_json,
            "driver": st.sampled_from([*DRIVERS, "", "e1000e"]) | every_json,
            "name": st.sampled_from([*MODULES, *SERVICES, "", "sshd.service"]) | every_json,
            "optional": every_json,
            "path": every_json,
        },
    )
)
def test_whatever_a_step_says_it_is_of_the_set_or_refused(data: dict[str, Any]) -> None:
    try:
        [step] = read_order(order_of(data)).steps
    except BadOrder:
        return
    assert step.address in ("", GPU, AUDIO)
    assert step.driver in ("", *DRIVERS, *OTHER_DRIVERS)
    assert step.name in ("", *MODULES, *SERVICES)
    assert (step.kind, step.driver) != (Kind.UNBIND, "nvidia")


@pytest.mark.parametrize(
    "text",
    ["", "{", "null", "[]", '"x"', "1", "[" * 100_000, '{"format": ' + "9" * 10_000 + "}", "\0"],
)
def test_what_is_no_json_or_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(BadOrder):
        read_order(text)


@pytest.mark.parametrize("name", sorted(ORDER))
def test_each_of_its_fields_has_to_be_there(name: str) -> None:
    with pytest.raises(BadOrder, match=name):
        read_order(json.dumps({key: value for key, value in ORDER.items() if key != name}))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"format": 2}, "format 2 is not 1"),
        ({"format": "1"}, "format '1' is not 1"),
        ({"group": -1}, "-1 is no group"),
        ({"group": True}, "True is no group"),
        ({"group": "1"}, "'1' is no group"),
        ({"addresses": GPU}, "is no list"),
        ({"addresses": [GPU, f"{GPU}\n"]}, "is no PCI address"),
        ({"addresses": ["../../etc/passwd"]}, "is no PCI address"),
        ({"addresses": ["0000:01:00.0/../x"]}, "is no PCI address"),
        ({"addresses": ["0000:01:00.8"]}, "is no PCI address"),
        ({"addresses": ["0000:0A:00.0"]}, "is no PCI address"),
        ({"target": "nouveau"}, "'nouveau' is none of vfio, nvidia"),
        ({"target": ["vfio"]}, "is none of vfio, nvidia"),
        ({"steps": {}}, "is no list"),
        ({"expected": {GPU: "e1000e"}}, "'e1000e' is none of"),
        ({"expected": {"x": "nvidia"}}, "'x' is no PCI address"),
        ({"expected": [GPU]}, "cannot be read"),
        ({"drivers": {"x": "nvidia"}}, "'x' is no PCI address"),
        ({"drivers": {GPU: "nvidia"}}, "does not say for which drivers"),
        ({"drivers": {}}, "does not say for which drivers"),
    ],
)
def test_a_field_that_is_not_meant_is_told(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(BadOrder, match=told):
        read_order(order_with(**changes))


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ({"kind": "run", "name": "sh"}, "'run' is not a valid Kind"),
        ({"kind": "unbind", "address": GPU, "driver": "nvidia"}, "nvidia is left by unloading"),
        ({"kind": "unbind", "address": GPU, "driver": "e1000e"}, "'e1000e' is none of"),
        ({"kind": "unbind", "address": GPU, "driver": "../nvidia"}, "is none of"),
        ({"kind": "unbind", "address": GPU}, "'' is none of"),
        ({"kind": "unbind", "driver": "vfio-pci"}, "'' is no PCI address"),
        ({"kind": "unbind", "address": "0000:02:00.0", "driver": "vfio-pci"}, "not of the group"),
        ({"kind": "bind", "address": GPU, "driver": ""}, "'' is none of"),
        ({"kind": "override", "address": GPU, "driver": "\n"}, "is none of"),
        ({"kind": "bind", "address": GPU, "driver": "vfio-pci", "name": "x"}, "bind has no name"),
        ({"kind": "load", "name": "e1000e"}, "'e1000e' is none of"),
        ({"kind": "load", "name": "nvidia", "address": GPU}, "load has no address"),
        ({"kind": "load"}, "'' is none of"),
        ({"kind": "unload", "name": "vfio-pci"}, "'vfio-pci' is none of"),
        ({"kind": "unload", "name": "snd_hda_intel"}, "is none of"),
        ({"kind": "stop-service", "name": "sshd.service"}, "is none of nvidia-persistenced"),
        ({"kind": "start-service", "name": "x", "driver": "nvidia"}, "is none of"),
        ({"kind": "refresh-cdi", "name": "/etc/shadow"}, "refresh-cdi has no name"),
        ({"kind": "refresh-cdi", "address": GPU}, "refresh-cdi has no address"),
        ("bind", "cannot be read"),
        (["bind"], "cannot be read"),
        (None, "cannot be read"),
    ],
)
def test_a_step_outside_of_the_set_is_refused(step: Any, told: str) -> None:
    with pytest.raises(BadOrder, match=told):
        read_order(order_of(step))


def test_only_a_plain_true_clears_poison_or_makes_a_step_optional() -> None:
    step = {"kind": "load", "name": "nvidia"}
    odd: Any
    for odd in (1, "true", [True], {}):
        order = read_order(order_with(steps=[{**step, "optional": odd}], clears_poison=odd))
        assert not order.clears_poison
        assert not order.steps[0].optional
    order = read_order(order_with(steps=[{**step, "optional": True}], clears_poison=True))
    assert order.clears_poison
    assert order.steps[0].optional


LOADED, ACTIVE = Before(loaded=True), Before(active=True)
NOTHING = Before()
SERVICE = SERVICES[0]


@pytest.mark.parametrize(
    ("step", "before", "back"),
    [
        (
            Step(Kind.STOP_SERVICE, name=SERVICE),
            ACTIVE,
            [Step(Kind.START_SERVICE, name=SERVICE)],
        ),
        (Step(Kind.STOP_SERVICE, name=SERVICE), NOTHING, []),
        (Step(Kind.START_SERVICE, name=SERVICE), NOTHING, []),
        (Step(Kind.UNLOAD, name="nvidia"), LOADED, [Step(Kind.LOAD, name="nvidia")]),
        (Step(Kind.UNLOAD, name="nvidia"), NOTHING, []),
        (Step(Kind.LOAD, name="nvidia_uvm"), NOTHING, [Step(Kind.UNLOAD, name="nvidia_uvm")]),
        (Step(Kind.LOAD, name="nvidia_uvm"), LOADED, []),
        # They hold nobody, and may serve others by now.
        (Step(Kind.LOAD, name="vfio-pci"), NOTHING, []),
        (Step(Kind.LOAD, name="snd_hda_intel"), NOTHING, []),
        (Step(Kind.OVERRIDE, GPU, "vfio-pci"), NOTHING, [Step(Kind.OVERRIDE, GPU)]),
        (
            Step(Kind.OVERRIDE, GPU),
            Before(override="vfio-pci"),
            [Step(Kind.OVERRIDE, GPU, "vfio-pci")],
        ),
        (
            Step(Kind.UNBIND, AUDIO, "snd_hda_intel"),
            Before(driver="snd_hda_intel"),
            [
                Step(Kind.OVERRIDE, AUDIO, "snd_hda_intel"),
                Step(Kind.BIND, AUDIO, "snd_hda_intel"),
                Step(Kind.OVERRIDE, AUDIO),
            ],
        ),
        (Step(Kind.BIND, GPU, "vfio-pci"), NOTHING, [Step(Kind.UNBIND, GPU, "vfio-pci")]),
        (
            Step(Kind.BIND, GPU, "nvidia"),
            NOTHING,
            [Step(Kind.UNLOAD, name=name) for name in NVIDIA_MODULES],
        ),
        # Another card needs it, and this one must not be taken when it is loaded again.
        (
            Step(Kind.BIND, GPU, "nvidia"),
            Before(modules=("nvidia_uvm", "nvidia")),
            [
                *(Step(Kind.UNLOAD, name=name) for name in NVIDIA_MODULES),
                Step(Kind.OVERRIDE, GPU, "vfio-pci"),
                Step(Kind.LOAD, name="nvidia"),
                Step(Kind.LOAD, name="nvidia_uvm"),
            ],
        ),
        (Step(Kind.REFRESH_CDI), NOTHING, []),
    ],
)
def test_a_step_is_taken_back_by_its_inverse(step: Step, before: Before, back: list[Step]) -> None:
    assert invert(step, before) == back


@given(
    every_step,
    st.builds(
        Before,
        st.booleans(),
        st.booleans(),
        st.sampled_from(["", *DRIVERS]),
        st.sampled_from(["", *DRIVERS]),
        st.sampled_from([(), ("nvidia",), NVIDIA_MODULES]),
    ),
)
def test_what_takes_a_step_back_is_of_the_closed_set_too(step: Step, before: Before) -> None:
    for back in invert(step, before):
        assert read_step(as_data(back)) == back
        # A module is of no one function.
        assert back.address in ("", step.address)


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (Step(Kind.STOP_SERVICE, name="x.service"), "stop x.service, which keeps the card open"),
        (Step(Kind.START_SERVICE, name="x.service"), "start x.service again"),
        (Step(Kind.UNLOAD, name="nvidia"), "unload the module nvidia"),
        (Step(Kind.LOAD, name="vfio-pci"), "load the module vfio-pci"),
        (Step(Kind.UNBIND, AUDIO, "snd_hda_intel"), f"take {AUDIO} from snd_hda_intel"),
        (Step(Kind.OVERRIDE, GPU, "vfio-pci"), f"let only vfio-pci have {GPU}"),
        (Step(Kind.OVERRIDE, GPU), f"let any driver have {GPU} again"),
        (Step(Kind.BIND, GPU, "vfio-pci"), f"bind {GPU} to vfio-pci"),
        (Step(Kind.REFRESH_CDI), "describe the card to containers (CDI)"),
    ],
)
def test_a_step_is_told_in_words(step: Step, told: str) -> None:
    assert str(step) == told


@pytest.mark.parametrize(
    ("text", "driver"), [("(null)\n", ""), ("\n", ""), ("", ""), ("vfio-pci\n", "vfio-pci")]
)
def test_an_override_is_read_as_the_kernel_writes_it(text: str, driver: str) -> None:
    assert read_override(text) == driver


@pytest.mark.parametrize(
    ("step", "driver"),
    [
        (Step(Kind.BIND, GPU, "vfio-pci"), "vfio-pci"),
        (Step(Kind.BIND, GPU, "nvidia"), "nvidia"),
        (Step(Kind.UNBIND, AUDIO, "snd_hda_intel"), "vfio-pci"),
        (Step(Kind.UNBIND, AUDIO, "snd_hda_intel"), ""),
    ],
)
def test_a_step_that_has_changed_nothing_is_not_taken_back(step: Step, driver: str) -> None:
    assert invert(step, Before(driver=driver)) == []
