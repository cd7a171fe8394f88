"""`cloud_init:` of a VM entity: what the guest does with itself on its first boot."""

from __future__ import annotations

from charly_vm.model.base import Model


class CloudInit(Model):
    """What the author adds to the seed that every guest gets."""
