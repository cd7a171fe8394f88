"""`<rng>`: where the guest's randomness comes from."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from charly_vm.model.libvirt.devices.character import CharacterSource
from charly_vm.model.libvirt.devices.notation import Short, Typed
from charly_vm.model.libvirt.devices.values import VirtioModel, VirtioOptions
from charly_vm.model.libvirt.numbers import Count


class RngRate(Short):
    """At most so many bytes per period."""

    short_for: ClassVar[str] = "bytes"
    bytes: Count
    """The bytes."""
    period: Count | None = None
    """Milliseconds; a second without one."""


class RngBackend(Typed):
    """A file of the host's (random), QEMU's own generator (builtin) or a daemon (egd)."""

    typed_by: ClassVar[str] = "model"
    only: ClassVar = {
        "source": ("random", "egd"),
        "source.host": ("egd",),
        "source.service": ("egd",),
        "source.mode": ("egd",),
        "source.bind": ("egd",),
        "source.append": (),
        "source.tls": ("egd",),
        "source.reconnect": ("egd",),
        "source.channel": (),
        "source.clipboard": (),
        "source.mouse": (),
        "type": ("egd",),
    }
    needs: ClassVar = {"egd": ("type", "source")}
    model: Literal["random", "builtin", "egd"] = "random"
    """Which it is."""
    source: CharacterSource | None = None
    """The path of the file, /dev/urandom without one; or the daemon's address."""
    type: Literal["unix", "tcp", "udp"] | None = None
    """How the daemon is reached."""


def _from_text(written: object) -> object:
    """A path is that of the file; anything else is the model."""
    if not isinstance(written, str):
        return written
    return {"source": written} if "/" in written else {"model": written}


class Rng(Short):
    """A source of randomness."""

    short_for: ClassVar[str] = "model"
    model: VirtioModel = "virtio"
    """Which virtio it speaks."""
    backend: Annotated[
        RngBackend, BeforeValidator(_from_text, json_schema_input_type=RngBackend | str)
    ] = Field(default_factory=RngBackend.unwritten)
    """What it takes it from; text with a slash is a file, any other the model."""
    rate: RngRate | None = None
    """At most so many bytes per period."""
    driver: VirtioOptions | None = None
    """What every virtio device takes."""
