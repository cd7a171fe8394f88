"""What of a machine the qemu backend cannot do, so that nothing is dropped in silence."""

from __future__ import annotations

from charly_vm.model.qemu_limits.board import find_board_limits
from charly_vm.model.qemu_limits.characters import find_character_limits
from charly_vm.model.qemu_limits.devices import find_device_limits
from charly_vm.model.qemu_limits.fields import find_refused_fields
from charly_vm.model.qemu_limits.screens import find_screen_limits
from charly_vm.model.qemu_limits.storage import find_storage_limits
from charly_vm.model.resolved import ResolvedMachine

__all__ = ["find_unsupported"]


def find_unsupported(machine: ResolvedMachine) -> list[str]:
    """One sentence for each field, which begins with the field as its author wrote it."""
    return [
        *find_refused_fields(machine.libvirt),
        *find_board_limits(machine),
        *find_storage_limits(machine),
        *find_screen_limits(machine),
        *find_character_limits(machine),
        *find_device_limits(machine),
    ]
