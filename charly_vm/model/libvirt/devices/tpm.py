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
    """The profile that it is made from."""
    remove_disabled: Literal["check", "fips-host"] | None = None
    """Leave out algorithms that the host's OpenSSL does not offer."""
    name: str | None = None
    """What it is called."""


class TpmSource(Model):
    """Where an emulator keeps its state, or the socket of one that runs already."""

    type: Literal["file", "dir", "unix"]
    """What is at the path."""
    path: AbsolutePath
    """The path."""


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
    """Which it is."""
    version: Literal["1.2", "2.0"] | None = None
    """Of the TPM's specification."""
    device: AbsolutePath | None = None
    """The host's, such as /dev/tpm0."""
    source: TpmSource | None = None
    """Where its state is, or its socket."""
    encryption: TpmEncryption | None = None
    """The UUID of the libvirt secret with which the state is encrypted."""
    active_pcr_banks: Several[PcrBank] = ()
    """Which digests its registers have."""
    persistent_state: YesNo | None = None
    """Keep the state when the domain is gone."""
    debug: int | None = Field(default=None, strict=True, ge=0, le=255)
    """How much it says."""
    profile: TpmProfile | None = None


class Tpm(Model):
    """A trusted platform module."""

    model: Literal["tpm-crb", "tpm-tis"] | None = None
    """What the guest sees; the architecture's usual one where it is not given."""
    backend: TpmBackend = Field(default_factory=TpmBackend.unwritten)
    """What is behind it."""
