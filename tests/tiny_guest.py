"""A guest that boots to SSH in seconds also without KVM, where a real distribution takes a minute.

It is a stand-in: Debian's cloud kernel, busybox and dropbear in an initramfs, on a disk that boots
under BIOS, UEFI and Secure Boot. What it shares with a real guest is what tests need:

- it takes the account, its keys, the SSH host key and the hostname from the NoCloud seed;
- SSH answers on port 22 (no sftp); the account is root under the seed's name;
- `sudo` runs its arguments;
- it powers off when the ACPI power button is pressed, unless `/run/ignore-power-button` exists
  (which the word ignore-power-button anywhere in the seed's documents creates), after as many
  seconds as `/run/shutdown-seconds` says;
- its disk is mounted at `/disk`, so that what is written there lives as long as the overlay;
- UEFI's variables are mounted where Linux has them, in `/sys/firmware/efi/efivars`;
- `load-sharing` loads what mounting by virtiofs takes;
- the kernel's messages and a root shell are on the serial console, the messages on the screen too.

Nothing else is there: no systemd, no cloud-init, no guest agent, no packages.

One with a `screen` has Debian's whole kernel instead of the one for clouds: that knows graphics
cards, USB, and PS/2 mice. It has a login on the screen, for the account `VISITOR` and its password,
with which the kernel says nothing more on any console. It takes longer to boot.
"""

from __future__ import annotations

import gzip
import hashlib
import lzma
import platform
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tiny_guest_archive import Archive
from tiny_guest_disk import write_disk
from tiny_guest_packages import fetch_packages

from charly_vm.host.locks import hold
from charly_vm.host.process import require_tool, run

HERE = Path(__file__).parent
RELEASE = Path("/etc/debian_version")

PACKAGES = (
    "busybox-static", "dropbear-bin", "libtomcrypt1", "libtommath1", "libcrypt1", "zlib1g",
    "libc6", "libgmp10", "shim-signed",
)  # fmt: skip
"""Beside the kernel and GRUB."""
LIBRARIES = (
    "libtomcrypt.so.1", "libtommath.so.1", "libcrypt.so.1", "libz.so.1", "libc.so.6",
    "libgmp.so.10",
)  # fmt: skip
MODULES = (
    "virtio_pci", "virtio_blk", "virtio_net", "virtio_console", "virtio_rng", "isofs", "button",
    "evdev", "efivarfs",
)  # fmt: skip
SHARING = ("virtiofs",)
"""Loaded by `load-sharing`, and not by each boot."""
SCREEN = (
    # What is built into the kernel for clouds; ext4 asks for the checksum by its name.
    "crc32c_generic", "ext4",
    "virtio_gpu", "virtio_input", "psmouse", "xhci_pci", "usbhid", "hid_generic",
)  # fmt: skip

VISITOR = "visitor"
VISITOR_PASSWORD = "Open, Sesame! 42"


@dataclass(frozen=True)
class Architecture:
    """What differs between the architectures that the guest can be built for."""

    debian: str
    """Debian's name; the key is that of `uname -m`."""
    loader: str
    """The dynamic loader's path, which stands in every program."""
    console: str
    efi: str
    """How EFI calls it, in the names of its files."""
    bios: bool = False


ARCHITECTURES = {
    "x86_64": Architecture("amd64", "lib64/ld-linux-x86-64.so.2", "ttyS0", "x64", bios=True),
    "aarch64": Architecture("arm64", "lib/ld-linux-aarch64.so.1", "ttyAMA0", "aa64"),
}

UDHCPC_SCRIPT = """\
#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr flush dev "$interface"
ip addr add "$ip/${mask:-24}" dev "$interface"
[ -z "$router" ] || ip route add default via "${router%% *}" dev "$interface"
"""
POWER_BUTTON_SCRIPT = """\
#!/bin/sh
if [ -e /run/ignore-power-button ]; then
    echo "tiny guest: the power button is ignored" >/dev/console
    exit
fi
if [ -e /run/shutdown-seconds ]; then
    echo "tiny guest: shutting down" >/dev/console
    sleep "$(cat /run/shutdown-seconds)"
fi
sync
umount /disk
poweroff -f
"""
LOAD_SHARING_SCRIPT = """\
#!/bin/sh
while read -r module; do insmod "/modules/$module"; done </modules/sharing
"""
LOGIN_ON_SCREEN_SCRIPT = f"""\
#!/bin/sh
echo "{VISITOR}:$(mkpasswd -m sha256 '{VISITOR_PASSWORD}'):1000:1000::/tmp:/bin/sh" >>/etc/passwd
dmesg -n 1
while :; do
    setsid getty 0 tty1 linux
done
"""
SUDO_SCRIPT = """\
#!/bin/sh
while [ "${1#-}" != "$1" ]; do
    case "$1" in -u) shift ;; --) shift; break ;; esac
    shift
done
exec "$@"
"""


def build_tiny_image(directory: Path, architecture: str = "", *, screen: bool = False) -> Path:
    """The guest's disk as a qcow2 in `directory`, built in a few seconds where it is missing.

    Its name holds a digest of the recipe. `architecture` is one of `ARCHITECTURES`, and the host's
    where it is empty. Fetches packages of the host's own Debian release with apt-get; raises
    `HostError` where there is none. Needs no privileges.
    """
    architecture = architecture or platform.machine()
    recipe = hashlib.sha256(RELEASE.read_bytes() if RELEASE.exists() else b"")
    for file in sorted(HERE.glob("tiny_guest*")):
        recipe.update(file.read_bytes())
    kind = f"{architecture}-screen" if screen else architecture
    image = directory / f"tiny-guest-{kind}-{recipe.hexdigest()[:16]}.qcow2"
    directory.mkdir(parents=True, exist_ok=True)
    # Two that are built are not the same byte by byte, and the first may be in use by then.
    with hold(image.with_suffix(".lock")):
        if not image.exists():
            with tempfile.TemporaryDirectory(dir=directory, prefix=".tiny-guest-") as workspace:
                built = _build(Path(workspace), ARCHITECTURES[architecture], screen=screen)
                built.replace(image)
    return image


def _build(work: Path, one: Architecture, *, screen: bool) -> Path:
    tree = fetch_packages(
        work,
        (*PACKAGES, f"grub-efi-{one.debian}-signed"),
        kernel=f"linux-image-{one.debian}" if screen else f"linux-image-cloud-{one.debian}",
        architecture=one.debian,
    )
    files = work / "disk"
    files.mkdir()
    kernel = next((tree / "boot").glob("vmlinuz-*"))
    (files / "vmlinuz").write_bytes(kernel.read_bytes())
    (files / "initrd").write_bytes(gzip.compress(_make_initramfs(tree, one, screen=screen), 6))
    # The kernel's tests of its ciphers take as long as all the rest until init starts.
    quick = "mitigations=off cryptomgr.notests"
    command_line = f"console=tty0 console={one.console},115200 panic=-1 {quick}"
    place = "($disk,msdos1)"
    raw, disk = work / "disk.raw", work / "disk.qcow2"
    write_disk(
        raw,
        files,
        {
            f"EFI/BOOT/BOOT{one.efi.upper()}.EFI": _find(tree, f"shim{one.efi}.efi.signed"),
            f"EFI/BOOT/grub{one.efi}.efi": _find(tree, f"grub{one.efi}.efi.signed"),
        },
        grub=f"linux$bits {place}/vmlinuz {command_line}\ninitrd$bits {place}/initrd\nboot\n",
        bios=one.bios,
    )
    qemu_img = require_tool("qemu-img", package="qemu-utils")
    run([qemu_img, "convert", "-f", "raw", "-O", "qcow2", raw, disk], timeout=60)
    return disk


def _make_initramfs(tree: Path, one: Architecture, *, screen: bool) -> bytes:
    archive = Archive()
    archive.add_device("dev/console", 5, 1)
    archive.add("init", (HERE / "tiny_guest_init.sh").read_bytes(), executable=True)
    archive.add("bin/busybox", _find(tree, "busybox"), executable=True)
    for name in ("dropbear", "dropbearconvert"):
        archive.add(f"usr/bin/{name}", _find(tree, name), executable=True)
    for name in LIBRARIES:
        archive.add(f"lib/{name}", _find(tree, name))
    archive.add(one.loader, _find(tree, Path(one.loader).name), executable=True)
    booting = _order_modules(tree, (*SCREEN, *MODULES) if screen else MODULES)
    sharing = [one for one in _order_modules(tree, SHARING) if one not in booting]
    for module in (*booting, *sharing):
        archive.add(f"modules/{_module_name(module)}.ko", _read_module(module))
    for order, modules in (("order", booting), ("sharing", sharing)):
        names = "".join(f"{_module_name(module)}.ko\n" for module in modules)
        archive.add(f"modules/{order}", names.encode())
    if screen:
        archive.add("usr/bin/login-on-screen", LOGIN_ON_SCREEN_SCRIPT.encode(), executable=True)
    for path, text in (
        ("usr/bin/load-sharing", LOAD_SHARING_SCRIPT),
        ("etc/udhcpc.sh", UDHCPC_SCRIPT),
        ("usr/bin/power-button-pressed", POWER_BUTTON_SCRIPT),
        ("usr/bin/sudo", SUDO_SCRIPT),
    ):
        archive.add(path, text.encode(), executable=True)
    return archive.finish()


def _find(tree: Path, name: str) -> bytes:
    """A file of the packages by its name, which is all that stays the same between releases."""
    return next(path for path in sorted(tree.rglob(name)) if path.is_file()).read_bytes()


def _order_modules(tree: Path, names: Sequence[str]) -> list[Path]:
    """The modules and what they need, each behind what it needs; built-in ones are left out."""
    files = {_module_name(path): path for path in tree.rglob("*.ko*")}
    ordered: list[Path] = []

    def add(name: str) -> None:
        path = files.get(name)
        if path is None or path in ordered:
            return
        found = re.search(rb"\0depends=([^\0]*)\0", _read_module(path))
        for needed in found[1].decode().split(",") if found else ():
            add(needed.replace("-", "_"))
        ordered.append(path)

    for name in names:
        add(name)
    return ordered


def _module_name(path: Path) -> str:
    return path.name.split(".")[0].replace("-", "_")


def _read_module(path: Path) -> bytes:
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data
