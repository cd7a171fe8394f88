"""The whole command line, composed of the concepts that have a module each.

The devices are those of the libvirt domain, so that a guest finds the same hardware on both
backends; `model.qemu_limits` refuses what has no place here. The options are those of QEMU 7.2;
qemu-system-x86_64(1) describes them.
"""

from __future__ import annotations

from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.qemu.channels import render_channels
from charly_vm.render.qemu.character import listening_socket
from charly_vm.render.qemu.clock import render_clock
from charly_vm.render.qemu.cpu import render_cpu, render_smp
from charly_vm.render.qemu.disks import render_disks, render_own_disks
from charly_vm.render.qemu.filesystems import render_filesystems
from charly_vm.render.qemu.firmware import render_firmware
from charly_vm.render.qemu.graphics import render_graphics
from charly_vm.render.qemu.health import render_panic, render_watchdogs
from charly_vm.render.qemu.hostdevs import render_hostdevs
from charly_vm.render.qemu.inputs import render_inputs
from charly_vm.render.qemu.iommu import render_iommu
from charly_vm.render.qemu.machine_type import render_accelerator, render_machine_type
from charly_vm.render.qemu.memballoon import render_memballoon
from charly_vm.render.qemu.memory import render_iothreads, render_memory
from charly_vm.render.qemu.network import (
    needs_bridge_helper,
    render_interfaces,
    render_network,
)
from charly_vm.render.qemu.option import escape
from charly_vm.render.qemu.rng import render_rng
from charly_vm.render.qemu.serial import render_console, render_ports
from charly_vm.render.qemu.shmem import render_shmem
from charly_vm.render.qemu.smartcard import render_smartcards
from charly_vm.render.qemu.smbios import render_smbios
from charly_vm.render.qemu.sockets import EVENTS_ID, MONITOR_ID
from charly_vm.render.qemu.sound import render_audio, render_sound
from charly_vm.render.qemu.tpm import render_tpm
from charly_vm.render.qemu.usb import render_usb
from charly_vm.render.qemu.video import render_video
from charly_vm.render.qemu.vsock import render_vsock

SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
"""QEMU's seccomp filter at its strictest, as libvirt uses it."""


def render_command(machine: ResolvedMachine) -> list[str]:
    return [
        machine.libvirt.devices.emulator or machine.emulator,
        *("-name", f"guest={escape(machine.domain)}"),
        *("-uuid", machine.uuid),
        *("-nodefaults", "-no-user-config"),
        *("-sandbox", _sandbox(machine)),
        *_board(machine),
        *_monitor(machine),
        # First what every machine has: devices get their addresses in this order, and the guest
        # names its network card by it.
        *render_iommu(machine),
        *render_own_disks(machine),
        *render_network(machine),
        *render_console(machine),
        *render_channels(machine),
        *render_graphics(machine),
        *render_video(machine),
        *render_rng(machine),
        *_added_devices(machine),
    ]


def _sandbox(machine: ResolvedMachine) -> str:
    # The filter comes with the kernel's no_new_privs, under which the helper's setuid bit means
    # nothing, whatever the filter itself allows.
    return "off" if needs_bridge_helper(machine) else SANDBOX


def _board(machine: ResolvedMachine) -> list[str]:
    return [
        *render_machine_type(machine),
        *render_accelerator(machine),
        *("-cpu", render_cpu(machine)),
        *render_smp(machine),
        *render_memory(machine),
        *render_iothreads(machine),
        *render_firmware(machine),
        *render_smbios(machine),
        *render_clock(machine),
        *("-boot", "strict=on"),
    ]


def _monitor(machine: ResolvedMachine) -> list[str]:
    return [
        *listening_socket(MONITOR_ID, machine.paths.monitor_socket),
        *("-mon", f"chardev={MONITOR_ID},mode=control"),
        *listening_socket(EVENTS_ID, machine.paths.events_socket),
        *("-mon", f"chardev={EVENTS_ID},mode=control"),
    ]


def _added_devices(machine: ResolvedMachine) -> list[str]:
    """What the author adds; a controller comes before what is plugged into it."""
    return [
        *render_usb(machine),
        *render_disks(machine),
        *render_filesystems(machine),
        *render_interfaces(machine),
        *render_ports(machine),
        *render_smartcards(machine),
        *render_inputs(machine),
        *render_audio(machine),
        *render_sound(machine),
        *render_hostdevs(machine),
        *render_watchdogs(machine),
        *render_panic(machine),
        *render_memballoon(machine),
        *render_shmem(machine),
        *render_vsock(machine),
        *render_tpm(machine),
    ]
