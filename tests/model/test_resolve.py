"""Every decision that turns what was written into what runs, without a host."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from charly_vm.errors import HostError
from charly_vm.host.facts import Accelerator, Facts, LibvirtFacts, QemuFacts
from charly_vm.model.deploy import Deploy, DeployNode
from charly_vm.model.entity import EntityNode, VmEntity
from charly_vm.model.libvirt import LibvirtDomain
from charly_vm.model.project import Target
from charly_vm.model.resolve import Overrides, Placement, resolve
from charly_vm.model.resolved import BackendName, Carrier, Paths, ResolvedMachine

KVM = Accelerator("kvm", True, "runs guest code")
NO_KVM = Accelerator("kvm", False, "/dev/kvm is not there")
TCG = Accelerator("tcg", True, "emulation")
LIBVIRT = LibvirtFacts("qemu:///session", (11, 3, 0), ("qemu",), passt=True)

FACTS = Facts(
    hostname="host",
    architecture="x86_64",
    uid=1000,
    accelerators=(NO_KVM, TCG),
    qemu=QemuFacts("/usr/bin/qemu-system-x86_64", (10, 0, 2)),
    libvirt=LIBVIRT,
    memory=16 * 2**30,
    cpus=4,
)
ROOT = dataclasses.replace(FACTS, uid=0, libvirt=None, libvirt_reason="root has no session")
PLACEMENT = Placement("0" * 8, 22222, Paths(Path("/data/m"), Path("/run/m")))


def target(deploy: dict[str, object] | None = None, **entity: object) -> Target:
    written = {"source": {"kind": "bootstrap"}, "ram": "1G", **entity}
    shape = VmEntity.model_validate(written)
    node = None
    if deploy is not None:
        parsed = Deploy.model_validate({"from": "shape", **deploy})
        node = DeployNode("check-it", parsed, (), "charly.yml", 1)
    entity_node = EntityNode("shape", shape, LibvirtDomain(), "charly.yml", 1)
    return Target("check-it" if node else "shape", "", entity_node, node)


def resolved(facts: Facts = FACTS, wanted: Target | None = None, **more: Any) -> ResolvedMachine:
    return resolve(wanted or target(), facts, PLACEMENT, **more)


def test_auto_takes_libvirt_where_its_session_answers() -> None:
    machine = resolved()
    assert machine.backend is BackendName.LIBVIRT
    assert machine.backend_reason == "libvirt 11.3.0 answers"


def test_auto_takes_qemu_for_root_and_says_why() -> None:
    machine = resolved(ROOT)
    assert machine.backend is BackendName.QEMU
    assert machine.backend_reason == "root has no libvirt session"


def test_auto_takes_qemu_where_libvirt_does_not_answer() -> None:
    facts = dataclasses.replace(FACTS, libvirt=None, libvirt_reason="no daemon")
    assert resolved(facts).backend is BackendName.QEMU
    assert "no daemon" in resolved(facts).backend_reason


def test_the_users_default_beats_auto_and_the_entity_beats_both() -> None:
    assert resolved(wanted_backend="qemu").backend is BackendName.QEMU
    pinned = target(backend="libvirt")
    assert resolved(wanted=pinned, wanted_backend="qemu").backend is BackendName.LIBVIRT
    assert resolved(wanted=pinned).backend_reason == ""


def test_root_cannot_pin_libvirt_and_learns_the_ways_out() -> None:
    with pytest.raises(HostError, match=r"root has none\n.*ordinary user.*backend: auto"):
        resolved(ROOT, target(backend="libvirt"))


def test_a_pinned_libvirt_without_a_daemon_is_an_error_with_the_command_that_helps() -> None:
    facts = dataclasses.replace(FACTS, libvirt=None, libvirt_reason="no socket")
    with pytest.raises(HostError, match=r"requires libvirt session daemon: no socket\n.*systemctl"):
        resolved(facts, target(backend="libvirt"))


def test_a_pinned_libvirt_without_its_python_module_is_told_of_that() -> None:
    facts = dataclasses.replace(
        FACTS, libvirt=None, libvirt_reason="no module", libvirt_hint="pip install libvirt-python"
    )
    with pytest.raises(HostError, match=r"no module\n.*pip install libvirt-python") as caught:
        resolved(facts, target(backend="libvirt"))
    assert "systemctl" not in str(caught.value)


@pytest.mark.parametrize(
    ("accelerators", "name", "cpu"),
    [((KVM, TCG), "kvm", "host-passthrough"), ((NO_KVM, TCG), "tcg", "maximum")],
)
def test_the_first_accelerator_that_works_is_taken_with_its_cpu_model(
    accelerators: tuple[Accelerator, ...], name: str, cpu: str
) -> None:
    machine = resolved(dataclasses.replace(FACTS, accelerators=accelerators))
    assert (machine.accelerator, machine.libvirt.cpu.mode) == (name, cpu)


def test_everything_that_the_host_lacks_is_said_at_once() -> None:
    facts = dataclasses.replace(ROOT, qemu=None, accelerators=(NO_KVM,), memory=2**30)
    with pytest.raises(HostError) as caught:
        resolved(facts, target(backend="libvirt", ram="2G"))
    text = str(caught.value)
    for part in ("root has none", "qemu-system-x86_64 is not installed", "2G of"):
        assert part in text


def test_passt_carries_the_port_where_libvirt_offers_it() -> None:
    assert resolved().network.carrier is Carrier.PASST
    old = dataclasses.replace(FACTS, libvirt=dataclasses.replace(LIBVIRT, passt=False))
    assert resolved(old).network.carrier is Carrier.SLIRP
    assert resolved(wanted_backend="qemu").network.carrier is Carrier.SLIRP


def test_a_deploy_beats_its_entity_and_a_flag_beats_both() -> None:
    wanted = target({"ram": "2G", "cpus": 3, "disk_size": "20G"}, cpu=1, disk_size="5G")
    machine = resolved(wanted=wanted)
    assert (machine.ram, machine.cpus, machine.disk_size) == (2 * 2**30, 3, 20 * 2**30)
    flags = Overrides(ram=3 * 2**30, cpus=4)
    machine = resolve(wanted, FACTS, PLACEMENT, overrides=flags)
    assert (machine.ram, machine.cpus, machine.disk_size) == (3 * 2**30, 4, 20 * 2**30)


def test_a_disk_without_a_size_keeps_the_images_own() -> None:
    assert resolved().disk_size == 0


def test_the_account_is_the_authors_then_the_images_then_charly() -> None:
    image = {"kind": "cloud_image", "url": "http://127.0.0.1/x", "base_user": "arch"}
    assert resolved().user == "charly"
    assert resolved(wanted=target(source=image)).user == "arch"
    assert resolved(wanted=target(source=image, ssh={"user": "me"})).user == "me"


def test_only_a_disposable_deploy_is_disposable() -> None:
    assert not resolved().disposable
    assert not resolved(wanted=target({})).disposable
    assert resolved(wanted=target({"disposable": True})).disposable


def test_a_machine_keeps_its_address_and_two_machines_have_two() -> None:
    assert resolved().network.mac == resolved().network.mac
    assert resolved().network.mac.startswith("52:54:00:")
    other = dataclasses.replace(PLACEMENT, uuid="1" * 8)
    assert resolve(target(), FACTS, other).network.mac != resolved().network.mac


def test_a_host_name_has_no_character_that_a_host_name_may_not_have() -> None:
    wanted = dataclasses.replace(target(), name="my_vm.v2")
    assert resolved(wanted=wanted).hostname == "charly-my-vm-v2"
