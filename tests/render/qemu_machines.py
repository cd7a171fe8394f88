"""Machines that show what the qemu backend makes of the libvirt block: every field that QEMU knows.

Each has a golden command line of its name in `golden/qemu-<name>.argv`.
"""

from __future__ import annotations

from qemu_board_machines import BOARDS, MEMORY
from qemu_device_machines import CHARACTERS, HOSTDEVS, OTHERS, USB
from qemu_screen_machines import SCREENS, SOUND
from qemu_storage_machines import DISKS, NETWORKS

from charly_vm.model.resolved import ResolvedMachine

QEMU_MACHINES: dict[str, ResolvedMachine] = {
    **BOARDS,
    **MEMORY,
    **SCREENS,
    **SOUND,
    **CHARACTERS,
    **USB,
    **DISKS,
    **NETWORKS,
    **HOSTDEVS,
    **OTHERS,
}
