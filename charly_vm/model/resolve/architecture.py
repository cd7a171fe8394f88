"""Whose instructions a machine runs: its architecture, board, emulator, accelerator and CPU."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from charly_vm.errors import HostError, Problem, SpecError
from charly_vm.host.facts import Accelerator, Emulator, Facts
from charly_vm.model.entity import EntityNode
from charly_vm.model.libvirt.cpu import Cpu, CpuFeature

BOARDS = {
    "x86_64": {"q35": "q35", "pc": "pc", "i440fx": "pc"},
    "aarch64": {"virt": "virt"},
    "riscv64": {"virt": "virt"},
}
"""QEMU's machine type by what `machine:` says, the architecture's usual one first."""

EMULATOR_PACKAGES = {
    "x86_64": "qemu-system-x86 (apt), qemu-kvm (dnf) or qemu-desktop (pacman)",
    "aarch64": "qemu-system-arm (apt) or qemu-system-aarch64 (dnf, pacman)",
    "riscv64": "qemu-system-riscv (dnf, pacman, apt from Debian 13 on) or qemu-system-misc (apt)",
}

OTHER_NAMES = {"amd64": "x86_64", "x86-64": "x86_64", "arm64": "aarch64", "riscv": "riscv64"}
"""What is written for the names of `uname -m`."""

EMULATED_MODELS = {
    # QEMU's `max` signs pointers with the algorithm of the architecture, which costs an emulated
    # guest as much time as all the rest of its boot; this one has none to sign.
    "aarch64": "neoverse-n1",
    # QEMU 7.2 has no `max` for RISC-V.
    "riscv64": "rv64",
}
"""Under TCG, where the author asks for nothing; elsewhere it is the maximum."""

EMULATED_SLOWLY = {
    # That moving and storing single bytes in a row is quick (erms), also of a few (fsrm): kernels
    # and libraries then do so with whole pages, of which TCG emulates each byte by itself. Debian
    # boots with 0.93 of the processor's time without them (benchmarks/emulated_cpu.py). Never the
    # first alone: with fsrm and no erms memmove of Linux 6.1 runs beyond its end, and the boot
    # hangs. QEMU 10's max has both, 7.2's no fsrm.
    "x86_64": ("erms", "fsrm"),
}
"""Features of the maximum that make an emulated guest slower: all off under TCG, where the author
has chosen no CPU and names none of them."""


@dataclass(frozen=True, slots=True)
class Platform:
    """What is below everything else of a machine."""

    architecture: str
    machine: str
    """QEMU's machine type."""
    emulator: str
    """Path of the qemu-system binary."""
    version: tuple[int, ...]
    accelerator: Accelerator


def choose_platform(node: EntityNode, facts: Facts) -> Platform:
    """The platform of an entity on this host.

    Raises `SpecError` for what does not go together, and `HostError` where this host lacks the
    emulator or an accelerator that works.
    """
    architecture = choose_architecture(node, facts)
    machine = _choose_machine(node, architecture)
    emulator = _require_emulator(architecture, facts)
    accelerator = emulator.accelerator
    if accelerator is None:
        reasons = "; ".join(f"{one.name}: {one.reason}" for one in emulator.accelerators)
        raise HostError(
            f"no accelerator runs code of {architecture} here ({reasons or 'none was found'})"
        )
    qemu = emulator.qemu
    return Platform(architecture, machine, qemu.binary, qemu.version, accelerator)


def choose_architecture(node: EntityNode, facts: Facts) -> str:
    """What the entity says, or the host's. Raises `SpecError` for one that is not known."""
    wanted = node.vm.arch
    if wanted is None:
        if facts.architecture not in BOARDS:
            raise HostError(
                f"machines for {facts.architecture} are not supported; "
                f"supported are {', '.join(BOARDS)}",
                hint="`arch:` chooses one of these, which is emulated here",
            )
        return facts.architecture
    if wanted in BOARDS:
        return wanted
    meant = OTHER_NAMES.get(wanted.lower()) or next(
        iter(difflib.get_close_matches(wanted, BOARDS, n=1)), None
    )
    known = f"did you mean {meant!r}?" if meant else f"known are {', '.join(BOARDS)}"
    raise spec_error(node, f"arch: {wanted!r} is not known; {known}")


def choose_cpu(written: Cpu, architecture: str, accelerator: str) -> Cpu:
    """The author's CPU with a mode, and with the model where that is for us to say."""
    if written.mode is not None:
        return written
    if written.model is not None:
        return written.model_copy(update={"mode": "custom"})
    if accelerator == "kvm":
        return written.model_copy(update={"mode": "host-passthrough"})
    if model := EMULATED_MODELS.get(architecture):
        return written.model_copy(update={"mode": "custom", "model": model})
    slow = EMULATED_SLOWLY.get(architecture, ())
    features = written.features
    if not any(feature.name in slow for feature in features):
        features += tuple(CpuFeature(policy="disable", name=name) for name in slow)
    return written.model_copy(update={"mode": "maximum", "features": features})


def spec_error(node: EntityNode, text: str) -> SpecError:
    """What an entity says about its machine cannot be."""
    return SpecError([Problem(node.file, node.line, 1, f"{node.name}: {text}")])


def _choose_machine(node: EntityNode, architecture: str) -> str:
    boards = BOARDS[architecture]
    wanted = node.vm.machine
    if wanted is None:
        return next(iter(boards.values()))
    if wanted not in boards:
        raise spec_error(
            node, f"machine: {architecture} has no {wanted!r}; it has {', '.join(boards)}"
        )
    return boards[wanted]


def _require_emulator(architecture: str, facts: Facts) -> Emulator:
    found = facts.emulator(architecture)
    if found is None:
        raise HostError(
            f"qemu-system-{architecture} is not installed",
            hint=f"install {EMULATOR_PACKAGES[architecture]}",
        )
    return found
