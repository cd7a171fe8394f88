"""Who uses a card: processes by what they have open, modules by what they hold. Nothing is opened:
an open device node is what a driver waits for."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from charly_vm.gpu.inventory import Module
from charly_vm.gpu.pci import ADDRESS, Function
from charly_vm.gpu.root import HOST, HostRoot, link_name, names_in, read_text

_NVIDIA_NODE = re.compile(r"/dev/nvidia(?:[0-9]+|ctl|-modeset|-uvm|-uvm-tools|-caps/.+)$")
# A container's id in a control group's path, as podman and docker write it.
_CONTAINER = re.compile(r"(?:libpod|docker|crio|cri-containerd)[-/]([0-9a-f]{64})")
_SHORT = 12
_SERVICE = re.compile(r"::/system\.slice/(?:[^/]+\.slice/)*([^/]+\.service)(?:/|$)", re.MULTILINE)
_FRAMEBUFFER = re.compile(r"fb[0-9]+$")
_FBCON_MAP = re.compile(r"\bfbcon=(?:\S*,)?map:([0-9]+)")


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that has one of a card's nodes open, or a module that holds the driver."""

    name: str
    nodes: tuple[str, ...] = ()
    pid: int = 0
    """0 for a module."""
    container: str = ""
    """The short id of the container that it runs in."""
    unit: str = ""
    """The service of the host's systemd that it is of, which may start it again."""

    def __str__(self) -> str:
        if not self.pid:
            return f"the module {self.name}"
        container = f", container {self.container}" if self.container else ""
        return f"{self.name} (pid {self.pid}{container}) has {', '.join(self.nodes)} open"


@dataclass(frozen=True, slots=True)
class Holders:
    """Those that were found, and whether there may be others."""

    found: tuple[Holder, ...] = ()
    hidden: int = 0
    """Processes of others, which only root may look at."""


def nodes_of(functions: Iterable[Function], root: HostRoot = HOST) -> frozenset[str]:
    """The device nodes through which these functions are used. NVIDIA's are told by their names,
    which do not say of which card they are."""
    nodes: set[str] = set()
    for function in functions:
        nodes |= set(_class_nodes(root.device(function.address)))
        if function.driver == "vfio-pci" and function.group is not None:
            nodes.add(f"/dev/vfio/{function.group}")
    return frozenset(nodes)


def find_holders(
    nodes: Collection[str], *, nvidia: bool, root: HostRoot = HOST, modules: Iterable[Module] = ()
) -> Holders:
    """Processes that have one of the nodes open, or with `nvidia` any of the driver's, and modules
    that use one of `modules`."""
    found = [Holder(user) for module in modules for user in module.users]
    hidden = 0
    # Before each step that may wait for a holder: without a `Path` for each process.
    proc = str(root.proc)
    for name in names_in(proc):
        if not name.isdigit():
            continue
        try:
            open_nodes = sorted(set(_open_nodes(f"{proc}/{name}/fd", nodes, nvidia)))
        except PermissionError:
            hidden += 1
            continue
        except OSError:
            continue
        if open_nodes:
            process = root.proc / name
            groups = read_text(process / "cgroup")
            container, unit = _CONTAINER.search(groups), _SERVICE.search(groups)
            found.append(
                Holder(
                    read_text(process / "comm"),
                    tuple(open_nodes),
                    int(name),
                    container=container[1][:_SHORT] if container else "",
                    unit=unit[1] if unit else "",
                )
            )
    return Holders(tuple(found), hidden)


def _open_nodes(directory: str, nodes: Collection[str], nvidia: bool) -> Iterator[str]:
    for descriptor in os.listdir(directory):  # noqa: PTH208
        with suppress(OSError):
            # The kernel says so where a node was removed since.
            path = f"{directory}/{descriptor}"
            target = os.readlink(path).removesuffix(" (deleted)")  # noqa: PTH115
            if target in nodes or (nvidia and _NVIDIA_NODE.match(target)):
                yield target


def _class_nodes(device: Path) -> Iterator[str]:
    """The nodes of a function's displays (`drm/card0`) and sounds (`sound/card1/controlC1`), by
    names that the kernel gives."""
    for name in names_in(device / "drm"):
        if name.startswith(("card", "renderD")):
            yield f"/dev/dri/{name}"
    # What uses iommufd opens a function's own node, and not the group's.
    for name in names_in(device / "vfio-dev"):
        yield f"/dev/vfio/devices/{name}"
    for card in names_in(device / "sound"):
        for name in names_in(device / "sound" / card):
            if name.startswith(("controlC", "pcmC", "hwC", "midiC")):
                yield f"/dev/snd/{name}"


def console_cards(root: HostRoot = HOST) -> frozenset[str]:
    """The addresses of functions whose framebuffer shows a text console.

    Of several framebuffers the console is on the first, and on those that `fbcon=map:` names on the
    kernel's command line (Documentation/fb/fbcon.rst). One of the firmware's (`efifb`, `simplefb`)
    is on the function that firmware drew on.
    """
    consoles = root.path / "sys/class/vtconsole"
    if not any(
        read_text(consoles / name / "bind") == "1"
        and "frame buffer" in read_text(consoles / name / "name")
        for name in names_in(consoles)
    ):
        return frozenset()
    graphics = root.path / "sys/class/graphics"
    numbers = sorted(int(name[2:]) for name in names_in(graphics) if _FRAMEBUFFER.match(name))
    mapped = {int(one) for one in "".join(_FBCON_MAP.findall(read_text(root.proc / "cmdline")))}
    shown: set[str] = set()
    for number in {*numbers[:1], *(mapped & set(numbers))}:
        shown |= _functions_of(graphics / f"fb{number}" / "device", root)
    return frozenset(shown)


def _functions_of(framebuffer: Path, root: HostRoot) -> set[str]:
    # The PCI function itself, or a platform device, which newer kernels put below it.
    parts = os.path.realpath(framebuffer).split("/")
    if found := next((part for part in reversed(parts) if ADDRESS.fullmatch(part)), ""):
        return {found}
    # vfio-pci takes what it binds from the firmware's framebuffer.
    return {
        name
        for name in names_in(root.devices)
        if read_text(root.device(name) / "boot_vga") == "1"
        and link_name(root.device(name) / "driver") != "vfio-pci"
    }


def drm_masters(root: HostRoot = HOST) -> frozenset[str]:
    """The addresses of functions on whose display some program draws: those with a DRM master, as
    far as this account may see them (only root may)."""
    busy = set()
    clients = root.path / "sys/kernel/debug/dri"
    for minor in names_in(clients):
        lines = read_text(clients / minor / "clients").splitlines()
        # The command, which may have blanks, in 20 columns; process, device, whether it is the
        # master. A heading comes first.
        if minor.isdigit() and any(line[20:].split()[2:3] == ["y"] for line in lines[1:]):
            card = root.path / "sys/class/drm" / f"card{minor}" / "device"
            if address := link_name(card):
                busy.add(address)
    return frozenset(busy)
