"""The ports of this host that lead into a machine: chosen once, and free when it starts.

From the choice until it stands in a record the caller holds `choosing_ports`, so that two
processes never choose the same.
"""

from __future__ import annotations

import zlib
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from charly_vm.errors import HostError
from charly_vm.host.locks import hold
from charly_vm.host.paths import machines_directory
from charly_vm.host.ports import find_free_port, require_free_port
from charly_vm.machine.records import MachineRecord, paths_of, read_records
from charly_vm.model.forwards import AUTO, PortForward
from charly_vm.model.project import Target
from charly_vm.model.resolve.graphics_ports import count_open_ports
from charly_vm.model.resolved import ResolvedMachine

DEFAULT_SSH_PORT = 2222
LOCK_SECONDS = 60.0


def choosing_ports() -> AbstractContextManager[None]:
    """Held from the choice of ports until they stand in a record."""
    return hold(machines_directory() / "ports.lock", timeout=LOCK_SECONDS)


@dataclass(frozen=True, slots=True)
class ChosenPorts:
    """SSH's port on this host, the entity's forwards with a port for each `auto`, and one for each
    screen whose port nobody has written down."""

    ssh: int
    forwards: tuple[PortForward, ...]
    graphics: tuple[int, ...]


def choose_ports(target: Target) -> ChosenPorts:
    """The ports of a machine.

    An author's own port is taken as it is. The same machine gets the same ports as long as nobody
    else has them. Other users, and other data directories, begin to look elsewhere: their choice
    is under another lock.
    """
    records, _ = read_records()
    ssh, network = target.entity.ssh, target.entity.network
    taken = {
        port
        for record in records
        if record.machine.domain != target.domain
        for port in ports_of(record.machine)
    }
    taken |= {(one.host, one.protocol) for one in network.port_forwards}
    start = zlib.crc32(str(paths_of(target.domain).directory).encode())

    def choose(protocol: str) -> int:
        ports = {port for port, other in taken if other == protocol}
        port = find_free_port(ports, start=start, protocol=protocol)
        taken.add((port, protocol))
        return port

    ssh_port = choose("tcp") if ssh.port_auto else ssh.port or DEFAULT_SSH_PORT
    taken.add((ssh_port, "tcp"))
    forwards = tuple(
        replace(one, host=choose(one.protocol)) if one.host == AUTO else one
        for one in network.port_forwards
    )
    screens = count_open_ports(target.libvirt.devices)
    return ChosenPorts(ssh_port, forwards, tuple(choose("tcp") for _ in range(screens)))


def ports_of(machine: ResolvedMachine) -> tuple[tuple[int, str], ...]:
    """Every port of this host that the machine listens on, as far as it is known beforehand, with
    its protocol. From the block's plain data: most machines say nothing there."""
    devices = machine.block.data.get("devices", {})
    screens = [one.get("port") or 0 for one in devices.get("graphics", ())]
    ranges = [
        (one.get("start") or 0, one.get("proto", "tcp"))
        for interface in devices.get("interfaces", ())
        for one in interface.get("port_forwards", ())
    ]
    return (
        *((one.host, one.protocol) for one in machine.forwards),
        *((port, "tcp") for port in screens if port > 0),
        *((port, protocol) for port, protocol in ranges if port > 0),
    )


def require_free_ports(machine: ResolvedMachine) -> None:
    """Raise a `HostError` that names the holder of a port that the machine needs and cannot have.

    To be asked while the machine is off. On another host nobody can be asked before QEMU is.
    """
    if machine.hypervisor and machine.hypervisor.hop:
        return
    for port, protocol in ports_of(machine):
        try:
            require_free_port(port, protocol)
        except HostError as error:
            other = _machine_with(port, protocol, besides=machine.domain)
            if other is not None:
                error.details = f"  {other.machine.domain} has the same port"
            raise


def _machine_with(port: int, protocol: str, *, besides: str) -> MachineRecord | None:
    for record in read_records()[0]:
        if record.machine.domain != besides and (port, protocol) in ports_of(record.machine):
            return record
    return None
