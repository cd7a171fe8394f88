"""Which of QEMU's accelerators really run guest code: asked by running some.

`/dev/kvm` can be there, open and create machines without a guest ever leaving its firmware, as
inside another hypervisor that emulates. The answer holds until the host is booted again, unless
the emulator, the device's permissions or the kernel's module change; it is kept until then.
"""

from __future__ import annotations

import grp
import json
import os
import platform
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from charly_vm.errors import CharlyError, LaunchError
from charly_vm.host.boot import boot_id
from charly_vm.host.facts import Accelerator
from charly_vm.host.files import write_atomically
from charly_vm.host.locks import hold
from charly_vm.host.paths import state_directory
from charly_vm.host.probe_rom import PROBE_ROMS, ProbeRom
from charly_vm.host.process import describe_status, run

KVM_DEVICE = Path("/dev/kvm")
KVM_MODULES = ("kvm_intel", "kvm_amd", "kvm")
KVM_SECONDS = 2.0
"""A processor needs a hundredth of a second and emulation a fifth."""
TCG_SECONDS = 20.0


def probe_accelerators(emulator: str, architecture: str) -> tuple[Accelerator, ...]:
    """KVM where the architecture is the host's, then TCG, each with the reason in words.

    The first call after a boot takes about half a second, up to a few where KVM does not work.
    Nothing is found for an architecture that there is no `PROBE_ROMS` for.
    """
    key = _key(emulator, architecture)
    cache = state_directory() / f"accelerators-{architecture}.json"
    # Whoever comes second finds the answer of the first.
    with hold(cache.with_suffix(".lock"), timeout=2 * (KVM_SECONDS + TCG_SECONDS)):
        found = _read(cache, key)
        if found is None:
            found = _probe(emulator, architecture)
            if any(one.works for one in found):
                write_atomically(cache, json.dumps({**key, "found": [asdict(o) for o in found]}))
    return found


def _key(emulator: str, architecture: str) -> dict[str, object]:
    """All that the answer depends on; any difference asks again."""
    try:
        device: object = [os.access(KVM_DEVICE, os.R_OK | os.W_OK), KVM_DEVICE.stat().st_mode]
    except OSError:
        device = None
    try:
        modified = Path(emulator).stat().st_mtime_ns
    except OSError:
        modified = 0
    return {
        "version": 1,
        "boot": boot_id(),
        "emulator": emulator,
        "modified": modified,
        "architecture": architecture,
        "device": device,
        "modules": [name for name in KVM_MODULES if Path("/sys/module", name).is_dir()],
    }


def _read(cache: Path, key: dict[str, object]) -> tuple[Accelerator, ...] | None:
    try:
        record = json.loads(cache.read_text())
        found = record.pop("found")
        return tuple(Accelerator(**one) for one in found) if record == key else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _probe(emulator: str, architecture: str) -> tuple[Accelerator, ...]:
    rom = PROBE_ROMS.get(architecture)
    if rom is None:
        return ()
    found = []
    if architecture == platform.machine():
        obstacle = find_kvm_obstacle(KVM_DEVICE)
        if obstacle is None:
            found.append(_run_code("kvm", emulator, rom, "host", KVM_SECONDS))
        else:
            found.append(Accelerator("kvm", False, obstacle))
    found.append(_run_code("tcg", emulator, rom, rom.cpu, TCG_SECONDS))
    return tuple(found)


def find_kvm_obstacle(device: Path) -> str | None:
    """Why KVM is out of the question before anything is run, or None."""
    try:
        status = device.stat()
    except OSError:
        return (
            f"there is no {device}: virtualization is off in the firmware or the kernel module "
            "kvm_intel or kvm_amd is not loaded"
        )
    if os.access(device, os.R_OK | os.W_OK):
        return None
    try:
        group = grp.getgrgid(status.st_gid).gr_name
    except KeyError:
        group = str(status.st_gid)
    if status.st_mode & 0o060 == 0o060 and status.st_gid != 0:
        return (
            f"{device} is not open to this user: join its group with `sudo usermod -aG {group} "
            "$USER` and log in again"
        )
    return f"{device} is not open to this user: its owner or mode keeps others out"


def _run_code(name: str, emulator: str, rom: ProbeRom, cpu: str, seconds: float) -> Accelerator:
    with tempfile.TemporaryDirectory(prefix="charly-probe-") as directory:
        image = Path(directory) / "rom.bin"
        image.write_bytes(rom.image)
        argv = [
            emulator,
            *("-nodefaults", "-no-user-config", "-no-reboot"),
            *("-display", "none"),
            *("-machine", rom.machine),
            *("-m", "16M"),
            *("-accel", name),
            *("-cpu", cpu),
            *("-bios", str(image)),
            *rom.options,
        ]
        begin = time.monotonic()
        try:
            done = run(argv, timeout=seconds, check=False)
        except LaunchError:
            return Accelerator(name, False, _too_slow(name, seconds))
        except CharlyError as error:
            return Accelerator(name, False, error.message)
    taken = time.monotonic() - begin
    if done.status == rom.status and rom.output in done.stdout:
        return Accelerator(name, True, f"ran guest code in {taken:.2f} s")
    return Accelerator(name, False, _failed(done.status, done.stderr))


def _too_slow(name: str, seconds: float) -> str:
    if name == "kvm":
        return (
            f"runs guest code slower than emulation (not done after {seconds:.0f} s): this host's "
            "KVM emulates instructions, as inside another hypervisor"
        )
    return f"did not run a moment's worth of guest code within {seconds:.0f} s"


def _failed(status: int, said: str) -> str:
    lines = [line for line in said.splitlines() if line.strip()]
    reason = lines[0] if lines else "it said nothing"
    return f"QEMU gives up under it ({describe_status(status)}): {reason}"
