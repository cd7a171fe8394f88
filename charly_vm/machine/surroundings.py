"""What the steps of a machine may ask of its host: names, ports, and where other members are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from charly_vm.check.guest_view import GuestView
from charly_vm.check.surroundings import LOOPBACK, Endpoint, Surroundings
from charly_vm.errors import GuestError, SpecError
from charly_vm.host.own_command import find_charly
from charly_vm.host.waiting import Deadline
from charly_vm.machine.machine import Machine, require_machine
from charly_vm.model.project import Project
from charly_vm.model.protocols import ProbeAnswer


def view_guest(
    machine: Machine, project: Project, *, artifacts: Path | None = None, held: bool = True
) -> GuestView:
    """The guest as steps see it, of a machine that the caller holds or not. What they capture lives
    as long as the view."""
    resolved = machine.record.machine
    devices = resolved.libvirt.devices

    def locate(member: str, port: int) -> Endpoint:
        return _endpoint(_find_member(member, project) if member else machine, port)

    def ask(
        probe: str, method: str, written: Mapping[str, Any], *, directory: Path, deadline: Deadline
    ) -> ProbeAnswer:
        from charly_vm.machine.probes import ask_probe

        return ask_probe(
            machine, probe, method, written, directory=directory, deadline=deadline, held=held
        )

    deploy = project.deploys.get(machine.record.name)
    steps = deploy.steps if deploy else ()
    surroundings = Surroundings(
        captures=frozenset(step.modifiers.capture for step in steps if step.modifiers.capture),
        deploy=machine.record.name,
        instance=machine.record.instance,
        hostdevs=len(devices.hostdevs),
        charly=find_charly(),
        locate=locate,
        ask=ask,
        artifacts=artifacts,
    )
    return GuestView(machine.guest, surroundings)


def _find_member(name: str, project: Project) -> Machine:
    try:
        target = project.target(name)
    except SpecError as error:
        raise GuestError(f"${{HOST:{name}}} means no machine: {error.message}") from error
    return require_machine(target.domain)


def _endpoint(machine: Machine, port: int) -> Endpoint:
    resolved = machine.record.machine
    if address := machine.find_address():
        return Endpoint(address, port)
    if not port:
        return Endpoint(LOOPBACK)
    for forward in resolved.forwards:
        if (forward.guest, forward.protocol) == (port, "tcp"):
            return Endpoint(LOOPBACK, forward.host)
    raise GuestError(
        f"port {port} of {machine.name} is not forwarded to this host",
        hint=f'add it: `network: {{port_forwards: ["auto:{port}"]}}`',
    )
