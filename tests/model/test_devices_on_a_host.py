"""What becomes of an author's devices on hosts with other libvirts."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from charly_vm.errors import HostError, SpecError
from charly_vm.host.facts import Accelerator, Facts, LibvirtFacts, QemuFacts
from charly_vm.host.subordinate_ids import HostUser, SubordinateIds
from charly_vm.model.entity import EntityNode, VmEntity
from charly_vm.model.libvirt import LibvirtDomain
from charly_vm.model.project import Target
from charly_vm.model.resolve import Placement, resolve
from charly_vm.model.resolve.sharing import runs_virtiofsd_as_us
from charly_vm.model.resolved import Paths, ResolvedMachine

SESSION = LibvirtFacts("qemu:///session", (11, 3, 0), ("qemu",), passt=True)
FACTS = Facts(
    hostname="host",
    architecture="x86_64",
    uid=1000,
    accelerators=(Accelerator("tcg", True, "emulation"),),
    qemu=QemuFacts("/usr/bin/qemu-system-x86_64", (10, 0, 2)),
    libvirt=SESSION,
    memory=16 * 2**30,
    cpus=4,
    virtiofsd="/usr/libexec/virtiofsd",
    user=HostUser(1000, 1000, SubordinateIds(100000, 65536), SubordinateIds(100000, 65536)),
)
VIRTIOFS = {"filesystems": {"driver": "virtiofs", "source": "/srv", "target": "srv"}}


def _with_libvirt(**changes: Any) -> Facts:
    return dataclasses.replace(FACTS, libvirt=dataclasses.replace(SESSION, **changes))


def _resolved(devices: dict[str, Any], facts: Facts = FACTS) -> ResolvedMachine:
    entity = VmEntity.model_validate({"source": {"kind": "bootstrap"}, "ram": "1G"})
    block = LibvirtDomain.model_validate({"devices": devices})
    target = Target("shape", "", EntityNode("shape", entity, block, "charly.yml", 3), None)
    return resolve(target, facts, Placement("0", 22222, Paths(Path("/data/m"), Path("/run/m"))))


def test_a_session_that_starts_virtiofsd_gets_a_map_of_ids_and_shared_memory() -> None:
    block = _resolved(VIRTIOFS).libvirt
    assert block.devices.filesystems[0].idmap is not None
    assert block.memory_backing is not None
    assert (block.memory_backing.source, block.memory_backing.access) == ("memfd", "shared")


def test_only_the_users_own_virtiofsd_has_no_more_rights_than_the_user() -> None:
    assert runs_virtiofsd_as_us(FACTS)
    assert not runs_virtiofsd_as_us(_with_libvirt(version=(9, 0, 0)))
    assert not runs_virtiofsd_as_us(_with_libvirt(uri="qemu:///system"))
    assert not runs_virtiofsd_as_us(dataclasses.replace(FACTS, libvirt=None))


def test_what_an_old_libvirt_does_not_know_is_said_before_it_is_asked() -> None:
    old = _with_libvirt(version=(9, 0, 0))
    with pytest.raises(HostError) as caught:
        _resolved({"video": {"blob": "on"}, "panic": "pvpanic"}, old)
    assert str(caught.value).splitlines() == [
        "shape: devices.video.blob is too new for libvirt 9.0.0; 11.3 knows it",
        "shape: devices.panic.model: pvpanic is too new for libvirt 9.0.0; 11.3 knows it",
        "  hint: leave it away, or use a newer libvirt (Debian 13 has 11.3)",
    ]
    assert _resolved({"video": {"blob": "on"}}).libvirt.devices.video[0].blob == "on"


def test_what_no_host_can_do_is_the_authors_mistake() -> None:
    with pytest.raises(SpecError, match=r"^charly\.yml:3:1: shape: devices\.usb: is none"):
        _resolved({"usb": "none", "hub": "usb"})
