"""A disk with the code under test and all that it imports, which the lab mounts at /opt/charly.

A disk, and neither a shared directory nor a transfer: 9p forbids snapshots while it is mounted, and
an emulated SSH server takes half a minute for what a file system shows at once.
"""

from __future__ import annotations

import compileall
import gzip
import importlib.metadata
import os
import py_compile
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

from platformdirs import user_cache_path
from required_distributions import find_required
from tiny_guest import build_tiny_image
from tiny_guest_disk import ROOT_START

from charly_vm.disk.grub import SECTOR
from charly_vm.host.process import require_tool, run

MOUNT_POINT = "/opt/charly"
LABEL = "charly-code"
SOURCES = ("charly_vm", "pytest_charly")
PATHS = (f"{MOUNT_POINT}/source", f"{MOUNT_POINT}/site-packages")
"""For Python in the guest to look in."""

TINY_IMAGE = f"{MOUNT_POINT}/tiny.qcow2"
"""The disk of a guest for the lab's own machines."""
DIRECT_EMULATOR = f"{MOUNT_POINT}/bin/qemu-system-direct"
"""A QEMU that loads this guest's kernel by itself: in the lab a firmware and a boot loader are
emulated twice over, for half a minute of which no test of a card learns anything."""

FORKING = f"{MOUNT_POINT}/bin/forking"
"""What forks the commands of charly's; see `programs`."""
FORKS = "/run/lab-forks.sock"
"""Where it listens, once it has imported all."""

_REPOSITORY = Path(__file__).parents[2]
_PROGRAMS = Path(__file__).with_name("programs")
_SIGNED = b"~Module signature appended~\n"
"""What a module ends with that is signed (Linux' include/linux/module_signature.h)."""
_UNPACKERS = {b"\x02\x21\x4c\x18": "lz4", b"\x28\xb5\x2f\xfd": "zstd"}
"""What Debian 12 and 13 pack a kernel with."""
_SIZE = "320M"
_PYTEST = """\
#!/usr/bin/python3
import sys
from pytest import console_main
sys.exit(console_main())
"""


def write_code_disk(image: Path) -> None:
    """A file system with this checkout's packages, what they require, and `charly` and `pytest` in
    `bin`; byte code included, which the guest would take a minute to make."""
    with tempfile.TemporaryDirectory(dir=image.parent, prefix=".code-") as name:
        tree = Path(name)
        for package in SOURCES:
            shutil.copytree(
                _REPOSITORY / package,
                tree / "source" / package,
                ignore=shutil.ignore_patterns("__pycache__"),
            )
        # Whatever times the files have in the guest.
        compileall.compile_dir(
            tree / "source",
            quiet=1,
            workers=os.cpu_count() or 1,
            stripdir=str(tree),
            prependdir=MOUNT_POINT,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
        _copy_requirements(tree / "site-packages")
        _write_programs(tree / "bin")
        _write_tiny_guest(tree)
        run(["chmod", "--recursive", "u=rwX,go=rX", tree], timeout=60)
        mke2fs = require_tool("mke2fs", package="e2fsprogs")
        # Of ext4 a newer mke2fs makes what an older kernel refuses; ext2 is the same everywhere.
        run(
            [mke2fs, "-q", "-F", "-t", "ext2", "-b", "4096", "-L", LABEL,
             "-E", "root_owner=0:0", "-d", tree, image, _SIZE],
            timeout=120,
        )  # fmt: skip


def _write_tiny_guest(tree: Path) -> None:
    image = build_tiny_image(user_cache_path("charly-tests"))
    shutil.copy(image, tree / "tiny.qcow2")
    raw = tree / "tiny.raw"
    run([require_tool("qemu-img", package="qemu-utils"), "convert", image, raw], timeout=60)
    debugfs = require_tool("debugfs", package="e2fsprogs")
    for name in ("vmlinuz", "initrd"):
        dump = f"dump /{name} {tree / f'tiny-{name}'}"
        run([debugfs, "-R", dump, f"{raw}?offset={ROOT_START * SECTOR}"], timeout=60)
    raw.unlink()
    kernel = tree / "tiny-vmlinuz"
    tree.joinpath("tiny-vmlinux").write_bytes(_unpack_kernel(kernel.read_bytes()))
    kernel.unlink()
    # To unpack this and to verify the modules in it is a third of all that the kernel of a guest's
    # guest does before it is ready.
    initrd = tree / "tiny-initrd"
    unpacked = gzip.decompress(initrd.read_bytes())
    initrd.write_bytes(unpacked.replace(_SIGNED, bytes(len(_SIGNED))))


def _unpack_kernel(image: bytes) -> bytes:
    """The ELF file in an x86 kernel's bzImage (Linux' Documentation/arch/x86/boot.rst).

    What it is packed with ends with its length before, which the tools do not expect.
    """
    setup_sectors = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (setup_sectors + 1) * SECTOR + offset
    packed = image[start : start + length - 4]
    for magic, tool in _UNPACKERS.items():
        if packed.startswith(magic):
            words = [str(require_tool(tool, package=tool)), "--decompress", "--stdout"]
            done = subprocess.run(words, input=packed, stdout=subprocess.PIPE, check=True)
            return done.stdout
    raise AssertionError(f"the kernel is packed with something that begins with {packed[:4]!r}")


def _write_programs(directory: Path) -> None:
    directory.mkdir()
    directory.joinpath("pytest").write_text(_PYTEST)
    shutil.copy(_PROGRAMS / "forking.py", directory / "forking")
    shutil.copy(_PROGRAMS / "qemu-system-direct", directory)
    for name in ("charly", "charly-python"):
        shutil.copy(_PROGRAMS / "forked.py", directory / name)
    for program in directory.iterdir():
        program.chmod(0o755)


def _copy_requirements(target: Path) -> None:
    target.mkdir()
    # Of our own package only what announces the plugin: its sources stand elsewhere.
    own = importlib.metadata.distribution("charly-vm")
    for file in own.files or ():
        if ".dist-info/" in str(file):
            _copy(Path(str(own.locate_file(file.parts[0]))), target)
            break
    for distribution in find_required("charly-vm", extra="libvirt"):
        for name in {file.parts[0] for file in distribution.files or () if ".." not in file.parts}:
            if name != "__pycache__":
                _copy(Path(str(distribution.locate_file(name))), target)


def _copy(source: Path, target: Path) -> None:
    """With the times of the sources, by which their byte code is known to be theirs."""
    if source.is_dir():
        shutil.copytree(source, target / source.name, dirs_exist_ok=True)
    elif source.is_file():
        shutil.copy2(source, target)
