"""The architectures that a Debian can be bootstrapped for, and what boots it there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Port:
    """What a Debian for one architecture has of its own."""

    name: str
    """Debian's name of the architecture."""
    kernel: str
    console: str
    """The serial port."""
    loaders: tuple[str, ...]
    """The packages with what UEFI boots, which are not installed."""
    efi: Mapping[str, str]
    """The files of the EFI system partition, and where those packages have them."""


def _signed(name: str, console: str, efi: str, grub: str) -> Port:
    """shim, which Microsoft has signed, starts GRUB, which Debian has: so Secure Boot lets them."""
    return Port(
        name=name,
        kernel=f"linux-image-cloud-{name}",
        console=console,
        loaders=("shim-signed", f"grub-efi-{name}-signed"),
        efi={
            f"EFI/BOOT/BOOT{efi.upper()}.EFI": f"usr/lib/shim/shim{efi}.efi.signed",
            f"EFI/BOOT/grub{efi}.efi": f"usr/lib/grub/{grub}-signed/grub{efi}.efi.signed",
        },
    )


PORTS = {
    "x86_64": _signed("amd64", "ttyS0", "x64", "x86_64-efi"),
    "aarch64": _signed("arm64", "ttyAMA0", "aa64", "arm64-efi"),
}
"""By the architecture as `uname -m` says it."""
