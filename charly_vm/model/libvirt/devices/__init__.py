"""`<devices>`: one module per element; `Devices` holds them all."""

from charly_vm.model.libvirt.devices.devices import Devices

__all__ = ["Devices"]
