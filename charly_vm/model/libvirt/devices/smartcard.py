"""`<smartcard>`: a card reader with a card in it."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from charly_vm.model.libvirt.devices.character import CharacterSource, CharacterType
from charly_vm.model.libvirt.devices.notation import Typed
from charly_vm.model.libvirt.devices.values import AbsolutePath


class Smartcard(Typed):
    """The host's card, three certificates of its database, or whatever a viewer has."""

    typed_by: ClassVar[str] = "mode"
    only: ClassVar = {
        "certificates": ("host-certificates",),
        "database": ("host-certificates",),
        "type": ("passthrough",),
        "source": ("passthrough",),
    }
    needs: ClassVar = {"host-certificates": ("certificates",), "passthrough": ("type",)}
    mode: Literal["host", "host-certificates", "passthrough"]
    certificates: tuple[str, ...] | None = Field(default=None, min_length=3, max_length=3)
    database: AbsolutePath | None = None
    type: CharacterType | None = None
    source: CharacterSource | None = None
