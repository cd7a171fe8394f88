"""The ports of this host that lead into a machine: chosen once, and free when it starts.

From the choice until it stands in a record the caller holds `choosing_ports`, so that two
processes never choose the same.
"""

from __future__ import annotations

import zlib
from contextlib import AbstractContextManager
from dataclasses import replace

from charly_vm.errors import HostError
from charly_vm.host.locks import hold
from charly_vm.host.paths import machines_directory
from charly_vm.host.ports import find_free_port, require_free_port
from charly_vm.machine.records import MachineRecord, paths_of, read_records
from charly_vm.model.forwards import AUTO, PortForward
from charly_vm.model.project import Target
from charly_vm.model.resolved import ResolvedMachine

DEFAULT_SSH_PORT = 2222
LOCK_SECONDS = 60.0


def choosing_ports() -> AbstractContextManager[None]:
    """Held from the choice of ports until they stand in a record."""
    return hold(machines_directory() / "ports.lock", timeout=LOCK_SECONDS)


def choose_ports(target: Target) -> tuple[int, tuple[PortForward, ...]]:
    """SSH's port on this host, and the entity's forwards with a port for each `auto`.

    An author's own port is taken as it is. The same machine gets the same ports as long as nobody
    else has them. Other users, and other data directories, begin to look elsewhere: their choice
    is under another lock.
    """
    records, _ = read_records()
    ssh, network = target.entity.ssh, target.entity.network
    taken = {
        (one.host, one.protocol)
        for record in records
        if record.machine.domain != target.domain
        for one in record.machine.forwards
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
    return ssh_port, forwards


def require_free_ports(machine: ResolvedMachine) -> None:
    """Raise a `HostError` that names the holder of a port that the machine needs and cannot have.

    To be asked while the machine is off.
    """
    for forward in machine.forwards:
        try:
            require_free_port(forward.host, forward.protocol)
        except HostError as error:
            if (other := _machine_with(forward, besides=machine.domain)) is not None:
                error.details = f"  {other.machine.domain} has the same port"
            raise


def _machine_with(forward: PortForward, *, besides: str) -> MachineRecord | None:
    for record in read_records()[0]:
        theirs = {(one.host, one.protocol) for one in record.machine.forwards}
        if record.machine.domain != besides and (forward.host, forward.protocol) in theirs:
            return record
    return None
