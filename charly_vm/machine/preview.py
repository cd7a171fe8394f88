"""What would run, without making anything: `charly vm show`."""

from __future__ import annotations

import shlex

from charly_vm.machine.create import adopts
from charly_vm.machine.ports import choose_ports
from charly_vm.machine.records import Stage, find_record, paths_of
from charly_vm.machine.survey import survey, wanted_backend
from charly_vm.model.project import Target
from charly_vm.model.resolve import Placement, resolve
from charly_vm.model.resolved import BackendName, ResolvedMachine
from charly_vm.render.cloud_init import render_seed
from charly_vm.render.domain_xml import render_domain_xml
from charly_vm.render.qemu_argv import render_argv

NO_UUID = "00000000-0000-0000-0000-000000000000"
"""Stands for the one that `create` makes."""


def preview(target: Target) -> tuple[ResolvedMachine, str, dict[str, str]]:
    """The machine as it is or would be, its domain XML or command, and its seed's documents.

    Keys and, for a machine that does not exist, the UUID and an automatic port are placeholders.
    """
    record = find_record(target.domain)
    if record is not None and record.stage is Stage.CREATED:
        machine = record.machine
    else:
        ssh_port, forwards = choose_ports(target)
        machine = resolve(
            target,
            survey(),
            Placement(NO_UUID, ssh_port, paths_of(target.domain), forwards),
            wanted_backend=wanted_backend(),
        )
    if machine.backend is BackendName.LIBVIRT:
        description = render_domain_xml(machine)
    else:
        description = shlex.join(render_argv(machine))
    documents = render_seed(
        domain_uuid=machine.uuid,
        hostname=machine.hostname,
        user=machine.user,
        adopt=adopts(target),
        authorized_keys=["(the machine's own public key)"],
        host_key_private="(the machine's own host key)",
        host_key_public="(its public half)",
    )
    return machine, description, documents
