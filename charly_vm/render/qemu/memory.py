"""`-m`, `-numa` and the memory backends: libvirt's memory_backing, numatune and cpu.numa."""

from __future__ import annotations

from collections.abc import Iterable

from charly_vm.model.libvirt.cpu import NumaCell
from charly_vm.model.libvirt.memory_backing import HugePage, MemoryBacking
from charly_vm.model.libvirt.numatune import NumaTune
from charly_vm.model.libvirt.numbers import members
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.qemu.option import Properties, Value, backend_object, option

MAIN = "charly-ram"
"""The backend of a machine without NUMA nodes; `-machine memory-backend=` names it."""

POLICIES = {"strict": "bind", "preferred": "preferred", "interleave": "interleave"}


def render_memory(machine: ResolvedMachine) -> list[str]:
    words = ["-m", f"size={machine.ram}B"]
    backing = machine.libvirt.memory_backing
    if backing is not None and backing.locked:
        words += ["-overcommit", "mem-lock=on"]
    if has_main_backend(machine):
        words += _backend(machine, MAIN, machine.ram, cell=None)
    for cell in machine.libvirt.cpu.numa:
        name = f"{MAIN}{cell.id}"
        words += _backend(machine, name, cell.memory, cell=cell)
        cpus = tuple(_ranges(members(cell.cpus))) if cell.cpus else None
        words += ["-numa", option("node", {"nodeid": cell.id, "cpus": cpus, "memdev": name})]
    return words


def has_main_backend(machine: ResolvedMachine) -> bool:
    """Whether the memory is described by an object instead of by `-m` alone."""
    block = machine.libvirt
    return (block.memory_backing is not None or block.numatune is not None) and not block.cpu.numa


def _backend(machine: ResolvedMachine, name: str, size: int, *, cell: NumaCell | None) -> list[str]:
    backing = machine.libvirt.memory_backing or MemoryBacking()
    access = (cell.memaccess if cell else None) or backing.access
    page = _page_of(backing, cell)
    kind = _kind(backing, shared=access == "shared", huge=page is not None)
    properties: dict[str, Value] = {
        "id": name,
        "size": size,
        "share": None if access is None else access == "shared",
        "prealloc": True if backing.allocation == "immediate" else None,
    }
    if kind == "memory-backend-file":
        # In a directory QEMU makes a file without a name, which goes away with the process.
        properties["mem-path"] = machine.paths.directory
        # Of the other kinds nothing is ever written out.
        properties["discard-data"] = backing.discard or None
    if page is not None:
        properties["hugetlb"] = True
        properties["hugetlbsize"] = page.size if isinstance(page, HugePage) else None
    return backend_object(kind, properties | dict(_placement(machine.libvirt.numatune, cell)))


def _kind(backing: MemoryBacking, *, shared: bool, huge: bool) -> str:
    # memfd has huge pages without a mounted hugetlbfs that the user may write to, and no size
    # limit other than memory's own, which /dev/shm has.
    if huge or (shared and backing.source is None):
        return "memory-backend-memfd"
    kinds = {"file": "file", "memfd": "memfd"}
    return f"memory-backend-{kinds.get(backing.source or '', 'ram')}"


def _page_of(backing: MemoryBacking, cell: NumaCell | None) -> HugePage | bool | None:
    """The huge page of this part of memory; True is one of the host's default size."""
    if backing.hugepages is None:
        return None
    if not backing.hugepages:
        return True
    number = (cell.id if cell else 0) or 0
    for page in backing.hugepages:
        if page.nodeset is not None and number in members(page.nodeset):
            return page
    return next((page for page in backing.hugepages if page.nodeset is None), None)


def _placement(tune: NumaTune | None, cell: NumaCell | None) -> Properties:
    if tune is None:
        return {}
    for node in tune.memnode:
        if cell is not None and node.cellid == cell.id:
            return _policy(node.mode, node.nodeset)
    if tune.memory is not None and tune.memory.nodeset is not None:
        return _policy(tune.memory.mode or "strict", tune.memory.nodeset)
    return {}


def _policy(mode: str, nodeset: str) -> Properties:
    return {"host-nodes": tuple(_ranges(members(nodeset))), "policy": POLICIES.get(mode)}


def _ranges(numbers: Iterable[int]) -> list[str]:
    """0, 1, 2, 5 as `0-2` and `5`."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return [f"{low}-{high}" if high > low else str(low) for low, high in found]


def render_iothreads(machine: ResolvedMachine) -> list[str]:
    """Threads that disks can be served by; counted from 1, as in libvirt."""
    words = []
    for number in range(1, (machine.libvirt.iothreads or 0) + 1):
        words += backend_object("iothread", {"id": f"iothread{number}"})
    return words
