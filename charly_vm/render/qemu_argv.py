"""A machine as a QEMU command line, for the qemu backend.

The devices are those of `domain_xml`, so that a guest finds the same hardware on both backends.
The options are those of QEMU 7.2; qemu-system-x86_64(1) describes them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from charly_vm.model.resolved import ResolvedMachine, ResolvedNetwork
from charly_vm.render.disk_cache import choose_disk_cache

MONITOR_ID = "charly-monitor"

SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
"""QEMU's seccomp filter at its strictest, as libvirt uses it."""

ACCELERATORS = {
    "kvm": "kvm",
    # One host thread per guest CPU. It cannot be said together with `-machine accel=`.
    "tcg": "tcg,thread=multi",
}

CARDS = {"virtio": "virtio-net-pci"}
"""QEMU's names of the network cards that libvirt calls otherwise."""

CPU_MODELS = {"host-passthrough": "host", "maximum": "max", "host-model": "host"}
"""QEMU's names of libvirt's modes."""


def render_argv(machine: ResolvedMachine) -> list[str]:
    """The command that runs the machine, ready to be replayed by hand.

    The sockets are named by their paths; `pass_sockets` turns them into descriptors that are
    listening already.
    """
    return [
        machine.emulator,
        *("-name", f"guest={_escape(machine.domain)}"),
        *("-uuid", machine.uuid),
        *("-nodefaults", "-no-user-config"),
        *("-display", "none"),
        *("-sandbox", SANDBOX),
        *("-machine", machine.machine),
        *("-accel", ACCELERATORS[machine.accelerator]),
        *("-cpu", render_cpu(machine)),
        *("-smp", f"cpus={machine.cpus}"),
        *("-m", f"size={machine.ram}B"),
        *("-boot", "strict=on"),
        *_monitor(machine),
        *_disks(machine),
        *_network(machine),
        *_console(machine),
        *_guest_agent(machine),
        *("-device", "virtio-vga"),
        *("-object", "rng-random,id=charly-rng,filename=/dev/urandom"),
        *("-device", "virtio-rng-pci,rng=charly-rng"),
    ]


def pass_sockets(argv: Sequence[str], descriptors: Mapping[Path, int]) -> list[str]:
    """The same command with listening sockets handed over as descriptors instead of made by QEMU.

    Who owns the socket before QEMU starts can connect at once, and a refused connection means that
    no QEMU is left. Raises ValueError for a path that the command does not listen on.
    """
    words = list(argv)
    for path, descriptor in descriptors.items():
        pattern = re.compile(rf"(?<=,)path={re.escape(_escape(str(path)))},(?=server=on)")
        changed = [pattern.sub(f"fd={descriptor},", word) for word in words]
        if changed == words:
            raise ValueError(f"the command does not listen on {path}")
        words = changed
    return words


def _monitor(machine: ResolvedMachine) -> list[str]:
    return [
        *("-chardev", _listening_socket(MONITOR_ID, machine.paths.monitor_socket)),
        *("-mon", f"chardev={MONITOR_ID},mode=control"),
    ]


def _disks(machine: ResolvedMachine) -> list[str]:
    disk, seed = _escape(str(machine.paths.overlay)), _escape(str(machine.paths.seed))
    cache = choose_disk_cache(machine)
    return [
        # discard=unmap: what the guest trims is given back to the host's file system.
        *("-drive", f"if=none,id=disk,format=qcow2,file={disk},cache={cache},discard=unmap"),
        *("-device", "virtio-blk-pci,drive=disk,bootindex=1"),
        # A virtio disk and no CD-ROM: Debian's cloud kernel has no AHCI driver.
        *("-drive", f"if=none,id=seed,format=raw,file={seed},readonly=on"),
        *("-device", "virtio-blk-pci,drive=seed"),
    ]


def _network(machine: ResolvedMachine) -> list[str]:
    return [
        *("-netdev", render_user_network("net0", machine)),
        *("-device", render_network_card("net0", machine.network)),
    ]


def render_user_network(name: str, machine: ResolvedMachine) -> str:
    """QEMU's own user network, with the forwarded ports open on this host alone."""
    forwards = [
        f"hostfwd={one.protocol}:127.0.0.1:{one.host}-:{one.guest}" for one in machine.forwards
    ]
    return ",".join(["user", f"id={name}", *forwards])


def render_network_card(netdev: str, network: ResolvedNetwork) -> str:
    """A card without the boot ROM, which not every host's packages have."""
    device = CARDS.get(network.model, network.model)
    return f"{device},netdev={netdev},mac={network.mac},romfile="


def render_cpu(machine: ResolvedMachine) -> str:
    """The value of `-cpu`."""
    cpu = machine.libvirt.cpu
    return CPU_MODELS.get(cpu.mode or "", cpu.model or "")


def _console(machine: ResolvedMachine) -> list[str]:
    log = _escape(str(machine.paths.console_log))
    socket = _listening_socket("console", machine.paths.console_socket)
    return [
        *("-chardev", f"{socket},logfile={log},logappend=on"),
        *("-device", "isa-serial,chardev=console"),
    ]


def _guest_agent(machine: ResolvedMachine) -> list[str]:
    return [
        *("-device", "virtio-serial-pci,id=virtio-serial"),
        *("-chardev", _listening_socket("agent", machine.paths.agent_socket)),
        *(
            "-device",
            "virtserialport,bus=virtio-serial.0,chardev=agent,name=org.qemu.guest_agent.0",
        ),
    ]


def _listening_socket(name: str, path: Path) -> str:
    return f"socket,id={name},path={_escape(str(path))},server=on,wait=off"


def _escape(text: str) -> str:
    """A value inside a comma-separated QEMU option."""
    return text.replace(",", ",,")
