"""The libvirt block of a VM: what an author says about the virtual hardware, in libvirt's names.

One module per element, as in libvirt's own pages; `LibvirtDomain` holds them all. Both backends
render from it. `consistency.find_problems` finds what does not fit together.
"""

from charly_vm.model.libvirt.consistency import Surroundings, find_problems
from charly_vm.model.libvirt.cpu import Cpu
from charly_vm.model.libvirt.devices import Devices
from charly_vm.model.libvirt.domain import LibvirtDomain, dump_block

__all__ = ["Cpu", "Devices", "LibvirtDomain", "Surroundings", "dump_block", "find_problems"]
