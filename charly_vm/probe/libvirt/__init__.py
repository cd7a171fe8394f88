"""Is the VM working? Asked of its hypervisor and of the agent in the guest, on either backend."""

from charly_vm.probe.libvirt.guest_exec import Ran
from charly_vm.probe.libvirt.probe import LibvirtProbe
from charly_vm.probe.libvirt.subject import Subject

__all__ = ["LibvirtProbe", "Ran", "Subject"]
