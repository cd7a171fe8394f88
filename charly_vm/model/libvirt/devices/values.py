"""Values that several devices share: paths, addresses, orders, virtio's own options."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from charly_vm.model.base import Model
from charly_vm.model.libvirt.switches import OnOff, YesNo

MACHINE_DIRECTORY = r"\{\{ *\.VmStateDir *\}\}"
"""In a path it means the directory of the machine."""

_PATH = rf"^(/|{MACHINE_DIRECTORY}(/|$))"


def _require_absolute(path: str) -> str:
    if not re.match(_PATH, path):
        raise ValueError(f"{path!r} is not absolute; begin it with / or {{{{.VmStateDir}}}}")
    return path


AbsolutePath = Annotated[
    str, AfterValidator(_require_absolute), WithJsonSchema({"type": "string", "pattern": _PATH})
]
"""An absolute path. libvirt takes no relative ones, since its daemon has a working directory of its
own. `{{.VmStateDir}}` in it is the machine's directory."""

BootOrder = Annotated[int, Field(strict=True, ge=1)]
"""A number from 1, the lowest first."""

Port = Annotated[int, Field(strict=True, ge=1, le=65535)]
"""A port, `1` to `65535`."""

Uuid = Annotated[str, Field(pattern=r"^[a-fA-F0-9]{8}-([a-fA-F0-9]{4}-){3}[a-fA-F0-9]{12}$")]
"""A UUID."""

VirtioModel = Literal["virtio", "virtio-transitional", "virtio-non-transitional"]


def parse_hexadecimal(written: object) -> int:
    """A number as lspci writes it, `0a`, or with `0x` in front; a bare YAML number is itself.

    The text "10" is refused: lspci means sixteen by it, libvirt ten.
    """
    if isinstance(written, int) and not isinstance(written, bool):
        return written
    if not isinstance(written, str) or not re.fullmatch(r"(0[xX])?[0-9a-fA-F]{1,8}", written):
        raise ValueError(f"{written!r} is not a hexadecimal number; write one as 0x0a")
    value = int(written, 16)
    if written.isdecimal() and value != int(written):
        raise ValueError(f"{written!r} may mean {int(written):#x} or {value:#x}; write which")
    return value


def parse_number(written: object) -> int:
    """A number as lsusb writes it: `Bus 001 Device 010` are one and ten. Or with `0x` in front."""
    if isinstance(written, int) and not isinstance(written, bool):
        return written
    if not isinstance(written, str) or not re.fullmatch(r"0[xX][0-9a-fA-F]+|[0-9]+", written):
        raise ValueError(f"{written!r} is not a number; write one as 10 or 0x0a")
    return int(written, 16 if written[:2] in ("0x", "0X") else 10)


_WHOLE = {"type": "integer", "minimum": 0}

Hexadecimal = Annotated[
    int,
    BeforeValidator(parse_hexadecimal),
    WithJsonSchema(
        {"anyOf": [_WHOLE, {"type": "string", "pattern": "^(0[xX])?[0-9a-fA-F]{1,8}$"}]}
    ),
]
"""A hexadecimal number, `0x0a`. As lspci writes it, with or without `0x`; a bare number of YAML is
itself, and text such as "10", which may mean ten or sixteen, is refused."""

Number = Annotated[
    int,
    BeforeValidator(parse_number),
    WithJsonSchema(
        {"anyOf": [_WHOLE, {"type": "string", "pattern": "^(0[xX][0-9a-fA-F]+|[0-9]+)$"}]}
    ),
]
"""A number, `10` or `0x0a`."""


class VirtioOptions(Model):
    """What every virtio device takes in its `<driver>`."""

    iommu: OnOff | None = None
    """Let the guest's IOMMU translate what the device does."""
    ats: OnOff | None = None
    """Let the device keep translations (PCI's ATS)."""
    packed: OnOff | None = None
    """Use virtio's packed rings."""
    page_per_vq: OnOff | None = None
    """Give each queue a page of its own for its doorbell."""


class Rom(Model):
    """A card's boot ROM: hidden from the guest (`bar: off`), or read from a file."""

    enabled: YesNo | None = None
    """Whether there is one."""
    bar: OnOff | None = None
    """Whether the guest sees it."""
    file: AbsolutePath | None = None
    """Where it is read from."""
