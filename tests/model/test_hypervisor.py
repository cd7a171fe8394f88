"""Where machines are made, and whose host's facts count for them then."""

from __future__ import annotations

from dataclasses import replace

import pytest

from charly_vm.errors import HostError
from charly_vm.host.bridges import NO_BRIDGES
from charly_vm.host.facts import (
    Accelerator,
    Emulator,
    Facts,
    HypervisorFacts,
    LibvirtFacts,
    QemuFacts,
)
from charly_vm.model.network import Network
from charly_vm.model.resolve.backend import choose_backend
from charly_vm.model.resolve.hypervisor import choose_hypervisor
from charly_vm.model.resolve.network import resolve_network
from charly_vm.model.resolved import BackendName, Hypervisor

URI = "qemu+ssh://me@lab/system"
LIBVIRT = (BackendName.LIBVIRT, "")
KVM = (Accelerator("kvm", True, "libvirt offers it there"),)
TCG = (Accelerator("tcg", True, "libvirt offers it there"),)
LAB = HypervisorFacts(
    hop="ssh://me@lab",
    hostname="lab",
    architecture="aarch64",
    memory=64 * 1024**3,
    cpus=80,
    emulators=(
        Emulator("aarch64", QemuFacts("/usr/libexec/qemu-kvm", (9, 0, 0)), KVM),
        Emulator("x86_64", QemuFacts("/usr/bin/qemu-system-x86_64", (9, 0, 0)), TCG),
    ),
    pool="default",
    pool_directory="/var/lib/libvirt/images",
)
FACTS = Facts(
    "desk",
    "x86_64",
    1000,
    TCG,
    QemuFacts("/usr/bin/qemu-system-x86_64", (7, 2, 0)),
    LibvirtFacts(URI, (9, 0, 0), ("kvm",), passt=False, hypervisor=LAB),
    memory=8 * 1024**3,
    bridges=NO_BRIDGES,
)


def test_a_machine_of_libvirts_is_where_libvirt_is() -> None:
    assert choose_hypervisor(LIBVIRT, FACTS) == Hypervisor(
        URI, hop="ssh://me@lab", pool="default", directory="/var/lib/libvirt/images"
    )


def test_a_machine_of_qemus_or_of_the_users_own_session_is_here() -> None:
    assert choose_hypervisor((BackendName.QEMU, ""), FACTS) is None
    session = LibvirtFacts("qemu:///session", (9, 0, 0), ("kvm",), passt=False)
    own = replace(FACTS, libvirt=session)
    assert choose_hypervisor(LIBVIRT, own) is None
    assert own.behind_libvirt() is own


def test_a_hypervisor_without_a_place_for_disks_says_what_makes_one() -> None:
    obstacle = "there is no storage pool 'default'"
    poor = replace(LAB, pool_directory="", pool_obstacle=obstacle, pool_hint="virsh -c …")
    assert FACTS.libvirt is not None
    facts = replace(FACTS, libvirt=replace(FACTS.libvirt, hypervisor=poor))
    with pytest.raises(HostError, match=rf"machines at {URI[:4]}.* have no place: {obstacle}"):
        choose_hypervisor(LIBVIRT, facts)


def test_the_facts_that_count_there_are_those_of_its_own_host() -> None:
    there = FACTS.behind_libvirt()
    assert (there.hostname, there.architecture, there.cpus) == ("lab", "aarch64", 80)
    assert there.memory == LAB.memory
    native = there.emulator("aarch64")
    assert native is not None
    assert native.qemu.binary == "/usr/libexec/qemu-kvm"
    assert native.accelerator == KVM[0]
    foreign = there.emulator("x86_64")
    assert foreign is not None
    assert foreign.accelerator == TCG[0]
    assert there.libvirt_chooses_firmware
    assert not FACTS.libvirt_chooses_firmware


def test_a_host_without_an_emulator_of_its_own_architecture_has_only_the_others() -> None:
    assert FACTS.libvirt is not None
    bare = replace(FACTS.libvirt, hypervisor=replace(LAB, emulators=LAB.emulators[1:]))
    there = replace(FACTS, libvirt=bare).behind_libvirt()
    assert there.emulator("aarch64") is None
    assert there.emulator("x86_64") == LAB.emulators[1]


def test_a_bridge_of_another_host_is_taken_as_it_is_written() -> None:
    bridged = Network.model_validate({"mode": "bridge", "bridge": "br7"})
    with pytest.raises(HostError, match="no bridge 'br7'"):
        resolve_network(bridged, BackendName.LIBVIRT, FACTS, uuid="x", forwards=())
    there = FACTS.behind_libvirt()
    network = resolve_network(bridged, BackendName.LIBVIRT, there, uuid="x", forwards=())
    assert network.source == "br7"


@pytest.mark.parametrize("wanted", ["auto", "libvirt"])
def test_a_chosen_hypervisor_that_is_not_there_is_no_reason_to_use_this_host(wanted: str) -> None:
    reason = f"cannot connect to libvirt at {URI}: no route"
    facts = replace(FACTS, libvirt=None, libvirt_reason=reason, hypervisor_uri=URI)
    with pytest.raises(HostError, match="no route") as found:
        choose_backend(wanted, facts)
    assert "CHARLY_LIBVIRT_URI" in found.value.hint
    assert choose_backend("qemu", facts) == (BackendName.QEMU, "")
