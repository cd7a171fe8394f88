"""The lab as a project of charly's: its file, its emulator and its disk with the code."""

from __future__ import annotations

import platform
from pathlib import Path

from lab_code import write_code_disk

from charly_vm.host.process import require_tool, run

TEMPLATE = Path(__file__).with_name("lab.yml")

_EMULATOR = """\
#!/bin/sh
# Ends with the tests, however they end; a reset ends it too, so that one can be seen.
exec setpriv --pdeathsig TERM {emulator} "$@" -no-reboot {devices}
"""
_CARD = """\
-device pcie-root-port,id=lab-port{number},chassis={number},slot={number},bus=pcie.0,\
addr=0x1{number}
-device VGA,id=lab-card{number},bus=lab-port{number},addr=0.0,multifunction=on,romfile=
-device ich9-intel-hda,id=lab-sound{number},bus=lab-port{number},addr=0.1
-device hda-micro,bus=lab-sound{number}.0,audiodev=lab-audio
"""
"""A display and its sound, two functions of one device. Without a codec the sound makes no card;
without firmware of its own the display leaves the console to the host's own card."""
_NETWORK_CARD = """\
-device pcie-root-port,id=lab-port3,chassis=3,slot=3,bus=pcie.0,addr=0x13
-device igb,id=lab-network,bus=lab-port3,netdev=lab-nowhere
-netdev hubport,id=lab-nowhere,hubid=0
"""
"""One with SR-IOV, which QEMU has from version 8 on."""


def find_obstacle() -> str:
    """Why there can be no lab here, empty where there can be one."""
    release = platform.freedesktop_os_release()
    if release.get("ID") != "debian" or release.get("VERSION_ID") not in ("12", "13"):
        # Compiled parts of what the code requires are for the host's own Python.
        return "the lab is made of the host's own Debian 12 or 13, and this is neither"
    return ""


def name_bed() -> str:
    return f"gpu-lab-debian-{platform.freedesktop_os_release()['VERSION_ID']}"


def write_code(directory: Path) -> None:
    """Write the disk with the code into a directory: a machine needs it when it starts."""
    write_code_disk(directory / "code.img")


def write_project(directory: Path) -> Path:
    """Write all the rest into the directory; returns the project's file."""
    script = directory / "qemu-system-lab"
    script.write_text(_render_emulator())
    script.chmod(0o755)
    file = directory / "charly.yml"
    file.write_text(TEMPLATE.read_text().replace("@HERE@", str(directory)))
    return file


def describe_emulator() -> str:
    """What a memory that was saved depends on."""
    version = run([_require_qemu(), "--version"], timeout=30).stdout
    return f"{_render_emulator()}{version}"


def _render_emulator() -> str:
    devices = "-audiodev none,id=lab-audio\n" + "".join(_CARD.format(number=one) for one in (1, 2))
    qemu = _require_qemu()
    if '"igb"' in run([qemu, "-device", "help"], timeout=30).stdout:
        devices += _NETWORK_CARD
    return _EMULATOR.format(emulator=qemu, devices=" ".join(devices.split()))


def _require_qemu() -> Path:
    return require_tool("qemu-system-x86_64", package="qemu-system-x86")
