"""What would run, without making anything: `charly vm show`."""

from __future__ import annotations

import dataclasses
import shlex

from charly_vm.machine.keys import choose_key
from charly_vm.machine.ports import choose_ports
from charly_vm.machine.records import Stage, find_record, paths_of
from charly_vm.machine.seed import PUBLIC_KEY, preview_documents
from charly_vm.machine.survey import survey, wanted_backend
from charly_vm.machine.veto import instance_of
from charly_vm.model.project import Target
from charly_vm.model.resolve import Placement, resolve
from charly_vm.model.resolved import BackendName, ResolvedMachine
from charly_vm.render.domain_xml import render_domain_xml
from charly_vm.render.qemu_argv import render_argv

NO_UUID = "00000000-0000-0000-0000-000000000000"
"""Stands for the one that `create` makes."""


def preview(target: Target) -> tuple[ResolvedMachine, str, dict[str, str]]:
    """The machine as it is or would be, its domain XML or command, and its seed's documents.

    Keys and, for a machine that does not exist, the UUID are placeholders.
    """
    record = find_record(target.domain)
    if record is not None and record.stage is Stage.CREATED:
        machine = record.machine
    else:
        ports = choose_ports(target)
        paths = paths_of(target.domain)
        here = instance_of(target.domain)
        login = choose_key(target.entity.ssh.key_source, paths, domain=target.domain).login
        key = login and dataclasses.replace(login, public=PUBLIC_KEY)
        machine = resolve(
            target,
            survey(target.entity.arch),
            Placement(
                NO_UUID,
                ports.ssh,
                paths,
                ports.forwards,
                key,
                graphics_ports=ports.graphics,
                hostdevs=here.hostdevs,
                filesystems=here.filesystems,
                vetoed=here.is_vetoed,
            ),
            wanted_backend=wanted_backend(),
        )
    if machine.backend is BackendName.LIBVIRT:
        description = render_domain_xml(machine)
    else:
        description = shlex.join(render_argv(machine))
    return machine, description, preview_documents(machine, target)
