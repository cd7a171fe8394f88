"""A guest that boots to SSH in seconds also without KVM, where a real distribution takes a minute.

It is a stand-in: Debian's cloud kernel, busybox and dropbear in an initramfs, on a disk that
SeaBIOS boots. What it shares with a real guest is what tests of the lifecycle need:

- it takes the account, its keys, the SSH host key and the hostname from the NoCloud seed;
- SSH answers on port 22 (no sftp); the account is root under the seed's name;
- `sudo` runs its arguments;
- it powers off when the ACPI power button is pressed, unless `/run/ignore-power-button` exists
  (which the word ignore-power-button anywhere in the seed's documents creates);
- its disk is mounted at `/disk`, so that what is written there lives as long as the overlay;
- the kernel's messages and a root shell are on the serial console, the messages on the screen too.

Nothing else is there: no systemd, no cloud-init, no guest agent, no packages.
"""

from __future__ import annotations

import gzip
import hashlib
import lzma
import re
import stat
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path

from charly_vm.disk.grub import SECTOR, render_boot_sector, render_core_image
from charly_vm.host.process import find_tool, require_tool, run

HERE = Path(__file__).parent
RELEASE = Path("/etc/debian_version")

PACKAGES = (
    "busybox-static", "dropbear-bin", "libtomcrypt1", "libtommath1", "libcrypt1", "zlib1g",
    "libc6", "libgmp10",
)  # fmt: skip
"""Beside the kernel."""
LIBRARIES = (
    "libtomcrypt.so.1", "libtommath.so.1", "libcrypt.so.1", "libz.so.1", "libc.so.6",
    "libgmp.so.10",
)  # fmt: skip
MODULES = (
    "virtio_pci", "virtio_blk", "virtio_net", "virtio_console", "virtio_rng", "isofs", "button",
    "evdev",
)  # fmt: skip
COMMAND_LINE = "console=tty0 console=ttyS0,115200 panic=-1 mitigations=off"

PARTITION_START = 2048
DISK_BYTES = 64 * 1024**2

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
sync
umount /disk
poweroff -f
"""
SUDO_SCRIPT = """\
#!/bin/sh
while [ "${1#-}" != "$1" ]; do
    case "$1" in -u) shift ;; --) shift; break ;; esac
    shift
done
exec "$@"
"""


def build_tiny_image(directory: Path) -> Path:
    """The guest's disk as a qcow2 in `directory`, built in a few seconds where it is missing.

    Its name holds a digest of the recipe. Fetches packages of the host's own Debian release with
    apt-get; raises `HostError` where there is none. Needs no privileges.
    """
    recipe = hashlib.sha256(RELEASE.read_bytes() if RELEASE.exists() else b"")
    for file in sorted(HERE.glob("tiny_guest*")):
        recipe.update(file.read_bytes())
    image = directory / f"tiny-guest-{recipe.hexdigest()[:16]}.qcow2"
    if image.exists():
        return image
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory, prefix=".tiny-guest-") as workspace:
        work = Path(workspace)
        tree = _fetch_packages(work)
        files = work / "disk"
        files.mkdir()
        kernel = next((tree / "boot").glob("vmlinuz-*"))
        (files / "vmlinuz").write_bytes(kernel.read_bytes())
        (files / "initrd").write_bytes(gzip.compress(_make_initramfs(tree), 6))
        raw = work / "disk.raw"
        _write_disk(raw, files, work)
        built = work / "disk.qcow2"
        qemu_img = require_tool("qemu-img", package="qemu-utils")
        run([qemu_img, "convert", "-f", "raw", "-O", "qcow2", raw, built], timeout=60)
        built.replace(image)
    return image


def _fetch_packages(work: Path) -> Path:
    """The packages' files, unpacked and not installed."""
    apt_get = require_tool("apt-get", package="a Debian host's apt-get: the tiny guest is made of")
    kernel = re.search(
        r"Depends: (linux-image-\S+)",
        run(["apt-cache", "depends", "linux-image-cloud-amd64"], timeout=60).stdout,
    )
    assert kernel is not None, "run `apt-get update`: the cloud kernel is not in the lists"
    run([apt_get, "-q", "download", kernel[1], *PACKAGES], cwd=work, timeout=300)
    tree = work / "tree"
    for package in work.glob("*.deb"):
        run(["dpkg-deb", "--extract", package, tree], timeout=120)
    return tree


def _make_initramfs(tree: Path) -> bytes:
    archive = _Archive()
    archive.add_device("dev/console", 5, 1)
    archive.add("init", (HERE / "tiny_guest_init.sh").read_bytes(), executable=True)
    archive.add("bin/busybox", _find(tree, "busybox").read_bytes(), executable=True)
    for name in ("dropbear", "dropbearconvert"):
        archive.add(f"usr/bin/{name}", _find(tree, name).read_bytes(), executable=True)
    for name in LIBRARIES:
        archive.add(f"lib/{name}", _find(tree, name).read_bytes())
    loader = "ld-linux-x86-64.so.2"
    archive.add(f"lib64/{loader}", _find(tree, loader).read_bytes(), executable=True)
    modules = _order_modules(tree)
    for module in modules:
        archive.add(f"modules/{_module_name(module)}.ko", _read_module(module))
    order = "".join(f"{_module_name(module)}.ko\n" for module in modules)
    archive.add("modules/order", order.encode())
    for path, text in (
        ("etc/udhcpc.sh", UDHCPC_SCRIPT),
        ("usr/bin/power-button-pressed", POWER_BUTTON_SCRIPT),
        ("usr/bin/sudo", SUDO_SCRIPT),
    ):
        archive.add(path, text.encode(), executable=True)
    return archive.finish()


def _find(tree: Path, name: str) -> Path:
    """A file of the packages by its name, which is all that stays the same between releases."""
    return next(path for path in sorted(tree.rglob(name)) if path.is_file()).resolve()


def _order_modules(tree: Path) -> list[Path]:
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

    for name in MODULES:
        add(name)
    return ordered


def _module_name(path: Path) -> str:
    return path.name.split(".")[0].replace("-", "_")


def _read_module(path: Path) -> bytes:
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def _write_disk(raw: Path, files: Path, work: Path) -> None:
    """One ext4 partition, GRUB in the gap in front of it."""
    size = DISK_BYTES - PARTITION_START * SECTOR
    with raw.open("wb") as disk:
        disk.truncate(DISK_BYTES)
    mke2fs = require_tool("mke2fs", package="e2fsprogs")
    options = f"offset={PARTITION_START * SECTOR},root_owner=0:0"
    # The features that every GRUB and kernel of the last ten years reads, and large blocks, since
    # GRUB looks up each of them by itself.
    run(
        [mke2fs, "-q", "-F", "-t", "ext4", "-b", "4096",
         "-O", "^metadata_csum_seed,^orphan_file", "-E", options,
         "-d", files, raw, f"{size // 1024}k"],
        timeout=60,
    )  # fmt: skip
    (work / "grub.cfg").write_text(
        f"linux (hd0,msdos1)/vmlinuz {COMMAND_LINE}\ninitrd (hd0,msdos1)/initrd\nboot\n"
    )
    mkimage = find_tool("grub-mkimage") or require_tool("grub2-mkimage", package="grub-pc-bin")
    core = work / "core.img"
    run(
        [mkimage, "-O", "i386-pc", "-o", core, "-p", "(hd0,msdos1)/", "-c", work / "grub.cfg",
         "biosdisk", "part_msdos", "ext2", "linux", "boot"],
        timeout=60,
    )  # fmt: skip
    entry = struct.pack(
        "<B3xB3xII", 0x80, 0x83, PARTITION_START, DISK_BYTES // SECTOR - PARTITION_START
    )
    table = (bytes(446) + entry).ljust(510, b"\0") + b"\x55\xaa"
    boot_image = Path("/usr/lib/grub/i386-pc/boot.img").read_bytes()
    with raw.open("r+b") as disk:
        disk.write(render_boot_sector(boot_image, table, 1))
        disk.write(render_core_image(core.read_bytes(), 1, room=(PARTITION_START - 1) * SECTOR))


@dataclass
class _Archive:
    """A cpio archive in the kernel's newc format; Documentation/driver-api/early-userspace."""

    data: bytearray
    directories: set[str]
    entries: int

    def __init__(self) -> None:
        self.data = bytearray()
        self.directories = set()
        self.entries = 0

    def add(self, path: str, content: bytes, *, executable: bool = False) -> None:
        self._add_parents(path)
        self._append(path, stat.S_IFREG | (0o755 if executable else 0o644), content)

    def add_device(self, path: str, major: int, minor: int) -> None:
        self._add_parents(path)
        self._append(path, stat.S_IFCHR | 0o600, device=(major, minor))

    def finish(self) -> bytes:
        self._append("TRAILER!!!", 0)
        return bytes(self.data)

    def _add_parents(self, path: str) -> None:
        for parent in reversed(Path(path).parents[:-1]):
            if str(parent) not in self.directories:
                self.directories.add(str(parent))
                self._append(str(parent), stat.S_IFDIR | 0o755)

    def _append(
        self, path: str, mode: int, content: bytes = b"", device: tuple[int, int] = (0, 0)
    ) -> None:
        self.entries += 1
        name = path.encode() + b"\0"
        fields = (self.entries, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(name), 0)
        self.data += b"070701" + b"".join(b"%08X" % field for field in fields) + name
        self._pad()
        self.data += content
        self._pad()

    def _pad(self) -> None:
        self.data += bytes(-len(self.data) % 4)
