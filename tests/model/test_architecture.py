"""Whose instructions a machine runs, decided without a host."""

from __future__ import annotations

from dataclasses import replace

import pytest

from charly_vm.errors import HostError, SpecError
from charly_vm.host.facts import Accelerator, Emulator, Facts, QemuFacts
from charly_vm.model.entity import EntityNode, VmEntity
from charly_vm.model.libvirt import LibvirtDomain
from charly_vm.model.libvirt.cpu import Cpu, CpuFeature
from charly_vm.model.resolve.architecture import BOARDS, choose_cpu, choose_platform

KVM = Accelerator("kvm", True, "ran guest code")
TCG = Accelerator("tcg", True, "ran guest code")
SLOW_OFF = tuple(CpuFeature(name=name, policy="disable") for name in ("erms", "fsrm"))


def facts(architecture: str = "x86_64", *foreign: str) -> Facts:
    return Facts(
        hostname="host",
        architecture=architecture,
        uid=1000,
        accelerators=(KVM, TCG),
        qemu=QemuFacts(f"/usr/bin/qemu-system-{architecture}", (10, 0, 2)),
        libvirt=None,
        foreign=tuple(
            Emulator(one, QemuFacts(f"/usr/bin/qemu-system-{one}", (7, 2)), (TCG,))
            for one in foreign
        ),
    )


def node(**entity: object) -> EntityNode:
    vm = VmEntity.model_validate({"source": {"kind": "bootstrap"}, **entity})
    return EntityNode("shape", vm, LibvirtDomain(), "charly.yml", 7)


def test_without_a_word_it_is_the_hosts() -> None:
    platform = choose_platform(node(), facts())
    assert (platform.architecture, platform.machine) == ("x86_64", "q35")
    assert platform.emulator == "/usr/bin/qemu-system-x86_64"
    assert platform.accelerator == KVM


def test_an_arm_hosts_own_machines_run_under_kvm() -> None:
    platform = choose_platform(node(), facts("aarch64"))
    assert (platform.machine, platform.accelerator) == ("virt", KVM)


@pytest.mark.parametrize("architecture", ["aarch64", "riscv64"])
def test_another_architecture_is_emulated_by_its_own_emulator(architecture: str) -> None:
    platform = choose_platform(node(arch=architecture), facts("x86_64", architecture))
    assert platform.machine == "virt"
    assert platform.emulator == f"/usr/bin/qemu-system-{architecture}"
    assert platform.accelerator == TCG
    assert platform.version == (7, 2)


@pytest.mark.parametrize(
    ("architecture", "package"),
    [
        ("x86_64", "qemu-system-x86 (apt)"),
        ("aarch64", "qemu-system-arm (apt)"),
        ("riscv64", "qemu-system-misc (apt)"),
    ],
)
def test_a_missing_emulator_is_named_with_its_packages(architecture: str, package: str) -> None:
    bare = replace(facts(), qemu=None)
    with pytest.raises(HostError, match=f"qemu-system-{architecture} is not installed") as caught:
        choose_platform(node(arch=architecture), bare)
    assert package in caught.value.hint


def test_an_emulator_that_runs_nothing_is_an_error_with_its_reasons() -> None:
    broken = Accelerator("tcg", False, "did not run")
    emulator = Emulator("aarch64", QemuFacts("/q", (7, 2)), (broken,))
    with pytest.raises(HostError, match=r"no accelerator runs code of aarch64 .*tcg: did not run"):
        choose_platform(node(arch="aarch64"), replace(facts(), foreign=(emulator,)))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("arm64", "did you mean 'aarch64'"),
        ("amd64", "did you mean 'x86_64'"),
        ("aarch46", "did you mean 'aarch64'"),
        ("m68k", "known are x86_64, aarch64, riscv64"),
    ],
)
def test_an_unknown_architecture_is_the_authors_mistake(written: str, said: str) -> None:
    with pytest.raises(SpecError, match=f"charly.yml:7:1: shape: arch: '{written}'") as caught:
        choose_platform(node(arch=written), facts())
    assert said in str(caught.value)


def test_a_host_that_is_not_supported_is_an_error() -> None:
    with pytest.raises(HostError, match="machines for ppc64le are not supported"):
        choose_platform(node(), facts("ppc64le"))


@pytest.mark.parametrize(
    ("architecture", "written", "machine"),
    [
        (architecture, written, machine)
        for architecture, boards in BOARDS.items()
        for written, machine in boards.items()
    ],
)
def test_each_board_of_an_architecture_can_be_asked_for(
    architecture: str, written: str, machine: str
) -> None:
    platform = choose_platform(node(arch=architecture, machine=written), facts("", *BOARDS))
    assert platform.machine == machine


@pytest.mark.parametrize(
    ("architecture", "board"), [("x86_64", "virt"), ("aarch64", "q35"), ("riscv64", "pc")]
)
def test_a_board_of_another_architecture_is_the_authors_mistake(
    architecture: str, board: str
) -> None:
    with pytest.raises(SpecError, match=f"machine: {architecture} has no '{board}'"):
        choose_platform(node(arch=architecture, machine=board), facts("", *BOARDS))


@pytest.mark.parametrize(
    ("architecture", "accelerator", "cpu"),
    [
        ("x86_64", "kvm", Cpu(mode="host-passthrough")),
        ("x86_64", "tcg", Cpu(mode="maximum", features=SLOW_OFF)),
        ("aarch64", "kvm", Cpu(mode="host-passthrough")),
        ("aarch64", "tcg", Cpu(mode="custom", model="neoverse-n1")),
        ("riscv64", "tcg", Cpu(mode="custom", model="rv64")),
    ],
)
def test_the_usual_cpu(architecture: str, accelerator: str, cpu: Cpu) -> None:
    assert choose_cpu(Cpu(), architecture, accelerator) == cpu


def test_features_that_are_asked_for_stay() -> None:
    svm = CpuFeature(name="svm", policy="disable")
    chosen = choose_cpu(Cpu(features=(svm,)), "x86_64", "tcg")
    assert (chosen.mode, chosen.features) == ("maximum", (svm, *SLOW_OFF))


@pytest.mark.parametrize("name", ["erms", "fsrm"])
def test_of_two_features_that_belong_together_one_is_never_turned_off(name: str) -> None:
    asked = CpuFeature(name=name)
    assert choose_cpu(Cpu(features=(asked,)), "x86_64", "tcg").features == (asked,)


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
def test_a_cpu_that_is_asked_for_stays(architecture: str) -> None:
    assert choose_cpu(Cpu(mode="maximum"), architecture, "tcg") == Cpu(mode="maximum")
    named = choose_cpu(Cpu(model="cortex-a72"), "aarch64", "tcg")
    assert (named.mode, named.model) == ("custom", "cortex-a72")
