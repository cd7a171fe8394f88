"""`<tpm>`: a trusted platform module."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from charly_vm.model.base import Model
from charly_vm.model.libvirt.devices.notation import Several, Short, Typed
from charly_vm.model.libvirt.devices.values import AbsolutePath, Uuid
from charly_vm.model.libvirt.switches import YesNo

PcrBank = Literal["sha1", "sha256", "sha384", "sha512"]


class TpmEncryption(Short):
    """The libvirt secret with which the state is encrypted."""

    short_for: ClassVar[str] = "secret"
    secret: Uuid


class TpmProfile(Short):
    """Which algorithms swtpm offers."""

    short_for: ClassVar[str] = "source"
    source: str | None = None
    remove_disabled: Literal["check", "fips-host"] | None = None
    name: str | None = None


class TpmSource(Model):
    """Where an emulator keeps its state, or the socket of one that runs already."""

    type: Literal["file", "dir", "unix"]
    path: AbsolutePath


class TpmBackend(Typed):
    """swtpm (emulator), the host's own (passthrough), or an emulator that runs already."""

    only: ClassVar = {
        "device": ("passthrough",),
        "source": ("emulator", "external"),
        "encryption": ("emulator",),
        "active_pcr_banks": ("emulator",),
        "persistent_state": ("emulator",),
        "debug": ("emulator",),
        "profile": ("emulator",),
    }
    needs: ClassVar = {"external": ("source",)}
    type: Literal["emulator", "passthrough", "external"] = "emulator"
    version: Literal["1.2", "2.0"] | None = None
    device: AbsolutePath | None = None
    source: TpmSource | None = None
    encryption: TpmEncryption | None = None
    active_pcr_banks: Several[PcrBank] = ()
    persistent_state: YesNo | None = None
    debug: int | None = Field(default=None, strict=True, ge=0, le=255)
    profile: TpmProfile | None = None


class Tpm(Model):
    model: Literal["tpm-crb", "tpm-tis"] | None = None
    backend: TpmBackend = Field(default_factory=TpmBackend)
