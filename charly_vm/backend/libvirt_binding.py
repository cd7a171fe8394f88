"""libvirt's Python module, where this host has it."""

from __future__ import annotations

import importlib.util
from typing import Any

from charly_vm.errors import HostError

BINDING_HINT = (
    "pip install libvirt-python; it is built against libvirt's headers (libvirt-dev, libvirt-devel)"
)


def find_binding() -> bool:
    """Whether there is such a module at all."""
    return importlib.util.find_spec("libvirt") is not None


def import_libvirt() -> Any:
    """libvirt's Python module, which this host need not have; raises `HostError`."""
    try:
        import libvirt
    except ImportError as error:
        raise HostError(
            f"the Python module libvirt cannot be used: {error}",
            hint=BINDING_HINT,
        ) from error
    # Without a handler libvirt prints every error that it also raises.
    libvirt.registerErrorHandler(lambda *_: None, None)
    return libvirt
