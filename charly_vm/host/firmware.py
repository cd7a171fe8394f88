"""Which UEFI firmware this host has: QEMU's own descriptors, then the paths that are known.

A descriptor is a JSON file that a distribution ships beside its firmware; QEMU's
docs/interop/firmware.json describes the format, and says where they are looked for. Packages
without descriptors are found by their files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from platformdirs import user_config_path

from charly_vm.host.facts import Firmware

DIRECTORIES = ("etc/qemu/firmware", "usr/share/qemu/firmware")
"""Below the root; the user's own comes before both."""

_Q35 = ("pc-q35-*",)
_PC = ("pc-i440fx-*", "pc-q35-*")
_VIRT = ("virt-*",)


def _insecure(architecture: str, machines: tuple[str, ...], code: str, variables: str) -> Firmware:
    return Firmware(
        architecture, machines, code, variables, "raw",
        secure_boot=False, keys_enrolled=False, smm=False,
    )  # fmt: skip


def _secure(code: str, variables: str, *, keys: bool = True) -> Firmware:
    return Firmware(
        "x86_64", _Q35, code, variables, "raw", secure_boot=True, keys_enrolled=keys, smm=True
    )


_OVMF, _EDK2, _AAVMF = "/usr/share/OVMF/OVMF", "/usr/share/edk2", "/usr/share/AAVMF/AAVMF"
_ARCH = (f"{_EDK2}/x64/OVMF", f"{_EDK2}-ovmf/x64/OVMF")

KNOWN = (
    # Debian, Ubuntu
    _secure(f"{_OVMF}_CODE_4M.ms.fd", f"{_OVMF}_VARS_4M.ms.fd"),
    _secure(f"{_OVMF}_CODE.ms.fd", f"{_OVMF}_VARS.ms.fd"),
    _insecure("x86_64", _PC, f"{_OVMF}_CODE_4M.fd", f"{_OVMF}_VARS_4M.fd"),
    # Fedora, RHEL; Debian's older files have the same names
    _secure(f"{_OVMF}_CODE.secboot.fd", f"{_OVMF}_VARS.secboot.fd"),
    _secure(f"{_EDK2}/ovmf/OVMF_CODE.secboot.fd", f"{_EDK2}/ovmf/OVMF_VARS.secboot.fd"),
    _insecure("x86_64", _PC, f"{_OVMF}_CODE.fd", f"{_OVMF}_VARS.fd"),
    _insecure("x86_64", _PC, f"{_EDK2}/ovmf/OVMF_CODE.fd", f"{_EDK2}/ovmf/OVMF_VARS.fd"),
    # Arch, which has one template, without keys
    *(_secure(f"{one}_CODE.secboot.4m.fd", f"{one}_VARS.4m.fd", keys=False) for one in _ARCH),
    *(_secure(f"{one}_CODE.secboot.fd", f"{one}_VARS.fd", keys=False) for one in _ARCH),
    *(_insecure("x86_64", _PC, f"{one}_CODE.4m.fd", f"{one}_VARS.4m.fd") for one in _ARCH),
    *(_insecure("x86_64", _PC, f"{one}_CODE.fd", f"{one}_VARS.fd") for one in _ARCH),
    # Machines that are no PC have no system management mode.
    Firmware(
        "aarch64", _VIRT, f"{_AAVMF}_CODE.ms.fd", f"{_AAVMF}_VARS.ms.fd", "raw",
        secure_boot=True, keys_enrolled=True, smm=False,
    ),
    _insecure("aarch64", _VIRT, f"{_AAVMF}_CODE.fd", f"{_AAVMF}_VARS.fd"),
    _insecure("aarch64", _VIRT, f"{_EDK2}/aarch64/QEMU_CODE.fd", f"{_EDK2}/aarch64/QEMU_VARS.fd"),
    *(
        _insecure("riscv64", _VIRT, f"{one}/RISCV_VIRT_CODE.fd", f"{one}/RISCV_VIRT_VARS.fd")
        for one in ("/usr/share/qemu-efi-riscv64", f"{_EDK2}/riscv")
    ),
)  # fmt: skip


def probe_firmware(root: Path = Path("/")) -> tuple[Firmware, ...]:
    """All firmware whose files are there, best first. What cannot be understood is left out.

    `root` is where the host's file system begins; the paths in the answer begin there as well.
    """
    candidates = [*_read_descriptors(root), *KNOWN]
    found = [one for one in candidates if _below(root, one.code).is_file()]
    found = [one for one in found if _below(root, one.vars_template).is_file()]
    return tuple(dict.fromkeys(found))


def _read_descriptors(root: Path) -> Iterator[Firmware]:
    """In the order of the files' names. A file hides those of its name in later directories, and
    an empty one says no more than that."""
    files: dict[str, Path] = {}
    directories = [user_config_path("qemu") / "firmware", *(root / one for one in DIRECTORIES)]
    for directory in directories:
        for path in directory.glob("*.json"):
            files.setdefault(path.name, path)
    for name in sorted(files):
        try:
            yield from _read_descriptor(json.loads(files[name].read_text()))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            # Empty, or in a format of another time.
            continue


def _read_descriptor(said: Any) -> Iterator[Firmware]:
    mapping = said["mapping"]
    if "uefi" not in said["interface-types"] or mapping["device"] != "flash":
        return
    # `combined` and `stateless` firmware keeps no variables for a machine.
    if mapping.get("mode", "split") != "split":
        return
    code, variables = mapping["executable"], mapping["nvram-template"]
    if code["format"] != variables["format"]:
        return
    features = said["features"]
    for target in said["targets"]:
        yield Firmware(
            architecture=target["architecture"],
            machines=tuple(target["machines"]),
            code=code["filename"],
            vars_template=variables["filename"],
            format=code["format"],
            secure_boot="secure-boot" in features,
            keys_enrolled="enrolled-keys" in features,
            smm="requires-smm" in features,
        )


def _below(root: Path, path: str) -> Path:
    return root / path.lstrip("/")
