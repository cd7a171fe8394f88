"""`<smartcard>`: a card reader with a card in it."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from charly_vm.model.libvirt.devices.character import CharacterSource, CharacterType
from charly_vm.model.libvirt.devices.notation import Typed
from charly_vm.model.libvirt.devices.values import AbsolutePath


class Smartcard(Typed):
    """A reader with a card in it: the host's card, three certificates of its database, or whatever
    a viewer has."""

    typed_by: ClassVar[str] = "mode"
    only: ClassVar = {
        "certificates": ("host-certificates",),
        "database": ("host-certificates",),
        "type": ("passthrough",),
        "source": ("passthrough",),
    }
    needs: ClassVar = {"host-certificates": ("certificates",), "passthrough": ("type",)}
    mode: Literal["host", "host-certificates", "passthrough"]
    """Which it is."""
    certificates: tuple[str, ...] | None = Field(default=None, min_length=3, max_length=3)
    """Three names."""
    database: AbsolutePath | None = None
    """The directory of the certificates; libvirt's usual one where it is not given."""
    type: CharacterType | None = None
    """How the viewer reaches it."""
    source: CharacterSource | None = None
    """Where the host's end is."""
