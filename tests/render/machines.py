"""The machines that the renderers' golden files show, one per decision that a renderer makes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sample_machine import PASST as PASST_NETWORK
from sample_machine import sample_machine

from charly_vm.model.resolved import BackendName, Paths

PLAIN = sample_machine()


MACHINES = {
    "plain": PLAIN,
    "kept": replace(PLAIN, domain="charly-kept", disposable=False),
    "kvm": sample_machine(
        accelerator="kvm", libvirt={"cpu": {"mode": "host-passthrough"}}, cpus=8, ram=16 * 1024**3
    ),
    "named-cpu": sample_machine(libvirt={"cpu": {"mode": "custom", "model": "Nehalem"}}),
    "awkward-paths": replace(
        PLAIN,
        paths=Paths(
            directory=Path("/home/user/data, & <more>/vm/charly-check-debian-vm"),
            runtime=Path("/tmp/a,b/charly-check-debian-vm"),
        ),
    ),
}
"""By the name of their golden file."""

PASST = replace(PLAIN, backend=BackendName.LIBVIRT, backend_reason="", network=PASST_NETWORK)
