"""All devices that an author adds or chooses. A list that is empty leaves the default in place."""

from __future__ import annotations

from charly_vm.model.base import Model


class Devices(Model):
    """What the machine has anyway (its disk, seed, network card, serial console, agent's channel)
    is not written here."""
