"""What the recipes of all distributions say alike. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from charly_vm.disk.file_systems import ROOT_LABEL

ROOT_GROWS = "etc/repart.d/50-root.conf"
"""repart.d(5): systemd grows the partition, and by fstab's option the file system in it."""


_GRUB_CONFIG = """\
set timeout=0
# Under BIOS by the kernel's entry for 16 bits. On GRUB's other way it moves the room that the
# unpacked kernel takes, byte by byte: 54 MB, for which an emulated processor needs four seconds.
if [ "$grub_platform" = pc ]; then set bits=16; fi
# The last console is the one that systemd writes to.
linux$bits {kernel} root=LABEL={label} ro console=tty0 console={console},115200{more}
initrd$bits {initrd}
boot
"""


def render_grub_config(
    kernel: str, initrd: str, *, kernel_args: str, console: str = "ttyS0"
) -> str:
    """The root's `boot/grub/grub.cfg`, with paths as GRUB sees them there. `kernel_args` are the
    author's, in a shell's notation."""
    return _GRUB_CONFIG.format(
        kernel=kernel,
        initrd=initrd,
        label=ROOT_LABEL,
        console=console,
        more=render_kernel_args(kernel_args),
    )


def render_kernel_args(written: str) -> str:
    """An author's arguments of the kernel as GRUB reads them, which is as a shell does; each with a
    blank in front."""
    return "".join(f" {shlex.quote(word)}" for word in shlex.split(written))


def render_growth(root_size: int) -> str:
    """The content of `ROOT_GROWS`. Beyond `root_size` bytes, if not 0, the disk stays free for
    whoever wants it."""
    return "[Partition]\nType=root\n" + (f"SizeMaxBytes={root_size}\n" if root_size else "")


def list_files(files: Mapping[str, str]) -> Iterator[str]:
    """Files, or places of files, as ingredients of a recipe."""
    return (f"{path}\n{text}" for path, text in sorted(files.items()))
