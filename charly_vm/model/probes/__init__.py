"""What the probes can be asked, and with which arguments; `charly_vm.probe` does it.

method    what a method's arguments are
screen    those of a picture of the screen, whichever probe has taken it
libvirt   those of the hypervisor and of the guest agent
spice     those of the machine's SPICE server
"""

from collections.abc import Mapping

from charly_vm.model.probes.libvirt import LIBVIRT_METHODS
from charly_vm.model.probes.method import Method, WrongArguments, read_arguments, unknown_method
from charly_vm.model.probes.screen import DIFFERENCE, EXPECTED, SCREEN
from charly_vm.model.probes.spice import SPICE_METHODS

PROBES: Mapping[str, Mapping[str, type[Method]]] = {
    "libvirt": LIBVIRT_METHODS,
    "spice": SPICE_METHODS,
}
"""The methods of each probe, by their names."""

__all__ = [
    "DIFFERENCE",
    "EXPECTED",
    "PROBES",
    "SCREEN",
    "Method",
    "WrongArguments",
    "read_arguments",
    "unknown_method",
]
