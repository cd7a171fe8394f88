"""`<launchSecurity>`: a guest whose memory its host cannot read."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, WithJsonSchema, model_validator

from charly_vm.model.base import Model
from charly_vm.model.libvirt.numbers import Index
from charly_vm.model.libvirt.switches import YesNo

SEV_POLICY = 0x3
"""No debugging, no sharing of keys with other guests."""
SEV_ES_BIT = 0x4
"""The policy bit that makes SEV into SEV-ES, which is no type of its own for libvirt."""
SNP_POLICY = 0x30000
"""Threads of one core may be shared, and a bit that AMD reserves as 1."""


def parse_policy(written: object) -> int:
    """A number, or one in hex as text."""
    if isinstance(written, str) and re.fullmatch(r"(?:0x)?[0-9a-fA-F]{1,16}", written):
        return int(written, 16)
    if isinstance(written, int) and not isinstance(written, bool) and 0 <= written < 2**64:
        return written
    raise ValueError(f"{written!r} is not a policy; write one as 0x3")


Policy = Annotated[
    int,
    BeforeValidator(parse_policy),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "exclusiveMaximum": 2**64},
                {"type": "string", "pattern": "^(0x)?[0-9a-fA-F]{1,16}$"},
            ]
        }
    ),
]
"""A policy, `0x3`. It is a number, or one in hexadecimal as text."""


class LaunchSecurity(Model):
    """A guest whose memory its host cannot read: AMD's SEV in three strengths, Intel's TDX. sev-snp
    needs libvirt 10.5 and tdx 11.6."""

    type: Literal["sev", "sev-es", "sev-snp", "tdx"]
    """Which it is."""
    cbitpos: Index | None = None
    """The bit of a page table's entry that says encrypted; the host is asked where it is not
    given."""
    reduced_phys_bits: Index | None = None
    """How many bits of a physical address that costs; the host is asked where it is not given."""
    policy: Policy | None = None
    """What host and owner may do; where it is not given, the strictest that lets one start a guest
    by hand."""
    dh_cert: str | None = None
    """The owner's Diffie-Hellman certificate, in base64. SEV and SEV-ES alone."""
    session: str | None = None
    """The owner's session, in base64. SEV and SEV-ES alone."""
    kernel_hashes: YesNo | None = None
    """Whether kernel, initrd and command line of a direct boot are measured."""

    @model_validator(mode="after")
    def _fits_its_type(self) -> Self:
        foreign: tuple[str, ...] = ()
        if self.type == "sev-snp":
            foreign = ("dh_cert", "session")
        elif self.type == "tdx":
            foreign = ("dh_cert", "session", "cbitpos", "reduced_phys_bits", "kernel_hashes")
        for key in foreign:
            if getattr(self, key) is not None:
                raise ValueError(f"{key} has no meaning with type {self.type}")
        return self
