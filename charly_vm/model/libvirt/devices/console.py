"""`<console>`: text consoles that are no serial port, such as virtio's `/dev/hvc0`."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from charly_vm.model.libvirt.devices.character import CharacterDevice
from charly_vm.model.libvirt.devices.notation import Short


class ConsoleTarget(Short):
    """What the guest sees."""

    short_for: ClassVar[str] = "type"
    type: Literal["serial", "virtio"] = "virtio"


class Console(CharacterDevice):
    """A text console. With the target serial it says what is so anyway: the machine's serial port
    is its console, and libvirt takes everything about it from the port."""

    target: ConsoleTarget = Field(default_factory=ConsoleTarget.unwritten)

    @model_validator(mode="after")
    def _changes_no_port(self) -> Self:
        if self.target.type == "serial" and (self.source or self.log or self.protocol):
            raise ValueError(
                "the serial console is the machine's own; leave out source, log and protocol, or "
                "add a port with `serial:`"
            )
        return self
