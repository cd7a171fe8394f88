"""What this host has, read from sysfs and procfs alone: no device node is opened, and nothing is
read that hangs while a driver does not end."""

from __future__ import annotations

from dataclasses import dataclass, field

from charly_vm.gpu.pci import ADDRESS, Function
from charly_vm.gpu.root import HOST, HostRoot, link_name, names_in, read_number, read_text


@dataclass(frozen=True, slots=True)
class Module:
    """A loaded kernel module."""

    name: str
    references: int
    """What keeps it loaded: modules that use it, and open files. No number of holders: one open
    file may count twice."""
    users: tuple[str, ...] = ()
    """The modules that use it."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """A host's PCI functions and what decides whether they can be passed on."""

    functions: tuple[Function, ...]
    """By address."""
    modules: dict[str, Module] = field(default_factory=dict)
    command_line: str = ""
    """The kernel's."""

    @property
    def has_iommu(self) -> bool:
        """Whether an IOMMU works, whatever the command line says: there are groups then."""
        return any(function.group is not None for function in self.functions)

    def in_group(self, group: int) -> tuple[Function, ...]:
        return tuple(one for one in self.functions if one.group == group)

    def find(self, address: str) -> Function | None:
        return next((one for one in self.functions if one.address == address), None)


def read_inventory(root: HostRoot = HOST) -> Inventory:
    """The whole host, as it is at this moment."""
    addresses = [name for name in names_in(root.devices) if ADDRESS.fullmatch(name)]
    return Inventory(
        functions=tuple(read_function(root, address) for address in addresses),
        modules=read_modules(root),
        command_line=read_text(root.proc / "cmdline"),
    )


def read_function(root: HostRoot, address: str) -> Function:
    """One function. What cannot be read counts as absent: it may have been removed meanwhile."""
    directory = root.device(address)
    group = link_name(directory / "iommu_group")
    return Function(
        address=address,
        vendor=read_number(directory / "vendor"),
        device=read_number(directory / "device"),
        pci_class=read_number(directory / "class"),
        driver=link_name(directory / "driver"),
        group=int(group) if group.isdigit() else None,
        boot_display=read_text(directory / "boot_vga") == "1",
        physical=link_name(directory / "physfn"),
        # Not `sriov_numvfs`, which takes the device's lock.
        virtual=sum(name.startswith("virtfn") for name in names_in(directory)),
    )


def read_modules(root: HostRoot = HOST) -> dict[str, Module]:
    """The loaded modules by name; the fields are those of proc_modules(5)."""
    modules = {}
    for line in read_text(root.proc / "modules").splitlines():
        name, _, references, users, *_ = [*line.split(), "", "", "", ""]
        # A kernel that unloads no modules counts nothing, and writes a dash.
        number = "0" if references == "-" else references
        if not number.lstrip("-").isdigit():
            continue
        using = tuple(user for user in users.split(",") if user not in ("", "-", "[permanent]"))
        modules[name] = Module(name, int(number), using)
    return modules
