"""`<devices>` of a libvirt domain, one module per element; `render_devices` puts them together."""

from charly_vm.render.domain.devices.devices import render_devices

__all__ = ["render_devices"]
