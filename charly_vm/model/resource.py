"""A resource: what stands behind a token, such as a graphics card by its vendor."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from charly_vm.model.base import Model
from charly_vm.model.quantities import Count

_ID = r"(0[xX])?[0-9a-fA-F]{4}"
_ADDRESS = r"([0-9a-fA-F]{4}:)?[0-9a-fA-F]{2}:[01][0-9a-fA-F]\.[0-7]"


def _read_id(written: str) -> str:
    if not re.fullmatch(_ID, written):
        raise ValueError(f"{written!r} is not a PCI id; write one as 0x10de")
    return f"0x{written[-4:].lower()}"


def _read_address(written: str) -> str:
    if not re.fullmatch(_ADDRESS, written):
        raise ValueError(f"{written!r} is not a PCI address; write one as 0000:01:00.0")
    return f"{'0000:' if written.count(':') == 1 else ''}{written.lower()}"


# In lower case and with its prefix, however it was written.
PciId = Annotated[
    str,
    AfterValidator(_read_id),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": f"^{_ID}$"}, {"type": "integer", "minimum": 0}]}
    ),
]
"""A PCI id, `0x10de`. The `0x` may be left out."""

# With its domain.
PciAddress = Annotated[
    str,
    AfterValidator(_read_address),
    WithJsonSchema({"type": "string", "pattern": f"^{_ADDRESS}$"}),
]
"""A PCI address, `0000:01:00.0`. The domain in front may be left out."""


class Gpu(Model):
    """Which graphics cards are meant; of several conditions all have to hold."""

    vendor: PciId
    """The maker's."""
    device: PciId | None = None
    """The model's."""
    address: PciAddress | None = None
    """Where the card is plugged in."""
    count: Count = 1
    """How many a claim takes."""


class HostResource(Model):
    """What stands behind a token. Without a selector it is a bare token, which arbitrates and has
    no hardware behind it."""

    gpu: Annotated[Gpu, Field()] | None = None
    """Graphics cards, by what they are or where."""
    amount: Count | None = None
    """How much of it there is, where claimants want some of it: the seats of a licence."""


@dataclass(frozen=True, slots=True)
class ResourceNode:
    """A token with what stands behind it, and where that is said."""

    name: str
    resource: HostResource
    file: str
    line: int
