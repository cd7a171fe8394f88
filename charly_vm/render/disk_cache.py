"""How a machine's disk is cached on the host."""

from __future__ import annotations

from charly_vm.model.resolved import ResolvedMachine


def choose_disk_cache(machine: ResolvedMachine) -> str:
    """QEMU's name of the cache mode; libvirt uses the same words.

    `unsafe` ignores the guest's flushes: a boot writes for seconds less, and what a power cut of
    the host can damage is a disk that its owner has declared disposable. Everything else keeps
    `writeback`, which loses nothing that the guest has flushed.
    """
    return "unsafe" if machine.disposable else "writeback"
