"""The libvirt backend against libvirt's own test driver, which runs nothing.

What a real hypervisor does is in `tests/live/test_backend_contract.py`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from machines_off import domain_of, make_machine

from charly_vm.backend.libvirt import LibvirtBackend
from charly_vm.backend.libvirt_session import with_connection
from charly_vm.errors import HostError, StateError
from charly_vm.model.protocols import DomainState, StopOutcome
from charly_vm.model.resolved import BackendName, Hypervisor, ResolvedMachine

pytest.importorskip("libvirt")

BACKEND = LibvirtBackend()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ResolvedMachine]:
    """Defined and off, whatever hypervisor the environment names by now."""
    there = Hypervisor("test:///default", hop="", pool="default-pool", directory="/default-pool")
    monkeypatch.setenv("CHARLY_LIBVIRT_URI", f"qemu+unix:///session?socket={tmp_path}/none")
    machine = make_machine(tmp_path, backend=BackendName.LIBVIRT, hypervisor=there)
    BACKEND.define(machine)
    yield machine
    BACKEND.undefine(domain_of(machine))


def test_a_machine_is_defined_started_powered_off_and_forgotten(
    machine: ResolvedMachine,
) -> None:
    domain = domain_of(machine)
    assert BACKEND.state(domain) is DomainState.SHUT_OFF
    BACKEND.start(domain)
    assert BACKEND.state(domain) is DomainState.RUNNING
    assert BACKEND.power_off(domain) is StopOutcome.FORCED
    assert BACKEND.power_off(domain) is StopOutcome.ALREADY_OFF
    BACKEND.undefine(domain)
    assert BACKEND.state(domain) is DomainState.MISSING
    with pytest.raises(StateError, match="not defined"):
        BACKEND.start(domain)


def test_defining_again_replaces_the_definition(machine: ResolvedMachine) -> None:
    BACKEND.define(replace(machine, cpus=3))
    assert ">3</vcpu>" in BACKEND.description(domain_of(machine))


def test_somebody_elses_domain_of_the_same_name_is_refused_and_not_touched(
    machine: ResolvedMachine,
) -> None:
    twin = replace(machine, uuid=str(uuid.uuid4()))
    for attempt in (
        lambda: BACKEND.define(twin),
        lambda: BACKEND.start(domain_of(twin)),
        lambda: BACKEND.screenshot(domain_of(twin)),
    ):
        with pytest.raises(StateError, match=rf"{machine.domain} already.*{machine.uuid}"):
            attempt()
    assert BACKEND.state(domain_of(twin)) is DomainState.MISSING
    assert BACKEND.power_off(domain_of(twin)) is StopOutcome.ALREADY_OFF
    BACKEND.undefine(domain_of(twin))
    assert BACKEND.state(domain_of(machine)) is DomainState.SHUT_OFF


def test_a_suspended_domain_is_paused(machine: ResolvedMachine) -> None:
    BACKEND.start(domain_of(machine))
    with_connection(
        lambda connection: connection.lookupByName(machine.domain).suspend(), "test:///default"
    )
    assert BACKEND.state(domain_of(machine)) is DomainState.PAUSED


def test_a_screenshot_is_a_png(machine: ResolvedMachine) -> None:
    BACKEND.start(domain_of(machine))
    assert BACKEND.screenshot(domain_of(machine)).startswith(b"\x89PNG")


def test_a_machine_whose_hypervisor_cannot_be_reached_says_where_it_is(
    machine: ResolvedMachine, tmp_path: Path
) -> None:
    gone = Hypervisor(f"qemu+unix:///session?socket={tmp_path}/gone", "", "p", "/p")
    with pytest.raises(
        HostError, match=r"is on another hypervisor, .*/gone, which cannot"
    ) as found:
        BACKEND.state(domain_of(replace(machine, hypervisor=gone)))
    assert "No such file or directory" in found.value.message
    assert f"remove {machine.paths.directory}" in found.value.hint
