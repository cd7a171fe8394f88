"""The methods that the model declares are those of the probes, with the same arguments."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

import pytest

from charly_vm.machine.spice_probe import SpiceProbe
from charly_vm.model.probes import PROBES, Method
from charly_vm.model.probes.screen import Compare, WaitForText
from charly_vm.model.probes.spice import OverSpice
from charly_vm.probe.libvirt import LibvirtProbe
from charly_vm.probe.libvirt.guest import GuestAgent
from charly_vm.probe.libvirt.snapshots import Snapshots

PARTS: Mapping[tuple[str, str], type] = {
    ("libvirt", ""): LibvirtProbe,
    ("libvirt", "guest"): GuestAgent,
    ("libvirt", "snapshot"): Snapshots,
    ("spice", ""): SpiceProbe,
}
FOR_PYTHON_ALONE = {"watching", "frozen", "open", "read_text"}
DECLARED = [
    (probe, name, model) for probe, methods in PROBES.items() for name, model in methods.items()
]


def find(probe: str, name: str) -> inspect.Signature:
    part, _, last = name.rpartition("/")
    return inspect.signature(getattr(PARTS[probe, part], last.replace("-", "_")))


@pytest.mark.parametrize(
    ("probe", "name", "model"), DECLARED, ids=lambda one: one if isinstance(one, str) else ""
)
def test_a_declared_method_takes_what_it_says(probe: str, name: str, model: type[Method]) -> None:
    takes = {key: one for key, one in find(probe, name).parameters.items() if key != "self"}
    said = dict(model.model_fields)
    for other in (OverSpice, Compare, WaitForText):
        # These are for opening the session, and for what is made of the screenshot.
        if issubclass(model, other):
            said = {key: one for key, one in said.items() if key not in other.model_fields}
            takes = {key: one for key, one in takes.items() if key not in other.model_fields}
    assert set(said) == set(takes)
    for key, one in takes.items():
        assert said[key].is_required() == (one.default is one.empty), key
        if not said[key].is_required() and said[key].default_factory is None:
            assert said[key].default == one.default, key


@pytest.mark.parametrize(("probe", "part"), PARTS)
def test_every_public_method_is_declared(probe: str, part: str) -> None:
    prefix = f"{part}/" if part else ""
    methods = {
        f"{prefix}{name.replace('_', '-')}"
        for name, _ in inspect.getmembers(PARTS[probe, part], inspect.isfunction)
        if not name.startswith("_") and name not in FOR_PYTHON_ALONE
    }
    declared = {name for name in PROBES[probe] if name.rpartition("/")[0] == part}
    assert methods == declared
