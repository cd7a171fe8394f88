"""Every field of the libvirt block on QEMU's command line: golden files that QEMU itself accepts.

Some need hardware, a server or a right that a machine for tests has not got. QEMU has read and
understood the whole of such an option when it says that, so exactly that complaint is let pass.
"""

from __future__ import annotations

import re
import shlex
import shutil
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from qemu_machines import QEMU_MACHINES

from charly_vm.host.process import require_tool, run
from charly_vm.model.qemu_limits import find_unsupported
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.qemu.option import escape
from charly_vm.render.qemu_argv import render_argv

Golden = Callable[[str, str], Path]

MISSING_FILE = r"No such file or directory"
NO_GL = r"egl|opengl|OpenGL|missing object type 'virtio-gpu-gl-device'|render ?node"
HUGE_PAGES = r"unable to map backing store for guest RAM: Cannot allocate memory"

COMPLAINTS = {
    "aarch64-kvm": r"Property '[a-z0-9-]+\.kvm-no-adjvtime' not found",
    "kvm-features": r"TCG doesn't support requested feature",
    "kvm-features-tcg": r"TCG doesn't support requested feature",
    "hyperv": r"kernel doesn't allow setting HyperV VP_INDEX",
    "memory-memfd": r"mlockall: Cannot allocate memory|locking memory failed",
    "hugepages": HUGE_PAGES,
    "hugepages-sized": HUGE_PAGES,
    "numa-hugepages": HUGE_PAGES,
    "spice-gl": NO_GL,
    "egl-headless": NO_GL,
    "sound-virtio": r"'virtio-sound-pci' is not a valid device model name",
    "audio-alsa": r"ALSA lib|alsa:",
    "audio-oss": r"init `oss' audio driver|/dev/dsp not accessible",
    "audio-pulseaudio": r"audio-pa not found|audio driver `pa'|init `pa'|pulseaudio:|PulseAudio",
    "audio-pipewire": (
        r"does not accept value 'pipewire'|Unknown audio driver `pipewire'"
        r"|audio-pipewire not found|PipeWire"
    ),
    "audio-jack": r"audio-jack not found|audio driver `jack'|init `jack'",
    "audio-sdl": r"audio-sdl not found|audio driver `sdl'|init `sdl'",
    "serial-device": rf"'/dev/ttyS9': {MISSING_FILE}",
    "serial-pipe": rf"/pipe': {MISSING_FILE}",
    "parallel-device": rf"'/dev/parport9': {MISSING_FILE}",
    "inputs-host": rf"'/dev/input/event9[01]': {MISSING_FILE}",
    "smartcard-host": r"ccid-card-emulated: failed to initialize vcard",
    "smartcard-certificates": r"ccid-card-emulated: failed to initialize vcard",
    "disk-nbd": r"Failed to connect to '127.0.0.1:10810': Connection refused",
    "disk-nbd-socket": rf"Failed to connect to '.*/nbd.sock': {MISSING_FILE}",
    "disk-lun": r"scsi-block.*(cannot get SG_IO version|SG_IO|not a.*device)",
    "virtiofsd-socket": rf"Failed to connect to '.*/virtiofsd.sock': {MISSING_FILE}",
    "bridge": r"bridge helper failed",
    "interface-bridge": r"bridge helper failed",
    "interface-null": r"warning: nic virtio-net-pci.1 has no peer",
    "interface-tap": r"could not configure /dev/net/tun|could not open /dev/net/tun",
    "interface-vdpa": rf"'/dev/vhost-vdpa-90': {MISSING_FILE}",
    "hostdev-pci": rf"(card.rom|0000:01:00.0).*{MISSING_FILE}",
    "hostdev-pci-board": rf"0001:01:00.0.*{MISSING_FILE}",
    "hostdev-usb": r"failed to find host usb device 1:77",
    "hostdev-mdev": rf"no such host device: {MISSING_FILE}",
    "shmem-server": rf"Failed to connect to '.*/ivshmem.sock': {MISSING_FILE}",
    "vsock": r"vhost-vsock: failed to open vhost device",
    "vsock-auto": r"vhost-vsock: failed to open vhost device",
    "tpm-passthrough": rf"'/dev/tpm90': {MISSING_FILE}",
}
"""All that QEMU may object to, by machine."""

EMULATORS = {
    "x86_64": "qemu-system-x86",
    "aarch64": "qemu-system-arm",
    "riscv64": "qemu-system-misc (Debian 12) or qemu-system-riscv",
}
"""The packages that bring them."""

MODULES = {
    r"spice|qxl": "qemu-system-modules-spice (Debian 13; part of qemu-system-common on Debian 12)",
    r"usb-host|usb-redir|ccid": "qemu-system-common",
}
"""By what QEMU says: the package of a module that it has not found."""


@pytest.mark.parametrize("name", QEMU_MACHINES)
def test_each_field_renders_as_its_golden_command(name: str, golden: Golden) -> None:
    words = [shlex.quote(word) for word in render_argv(QEMU_MACHINES[name])]
    golden(f"qemu-{name}.argv", "\n".join(words) + "\n")


@pytest.mark.parametrize("name", QEMU_MACHINES)
def test_nothing_that_has_a_golden_command_is_refused(name: str) -> None:
    assert find_unsupported(QEMU_MACHINES[name]) == []


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory with the files and servers that the machines name."""
    directory = tmp_path_factory.mktemp("home")
    qemu_img = require_tool("qemu-img", package="qemu-utils")
    run([qemu_img, "create", "-q", "-f", "qcow2", directory / "disk.qcow2", "1M"], timeout=20)
    for name in ("seed.iso", "a,1.img", "sd", *(f"b{number}.img" for number in range(1, 9))):
        (directory / name).write_bytes(bytes(1024 * 1024))
    (directory / "directory").mkdir()
    with ExitStack() as stack:
        for name in ("b.sock", "egd.sock"):
            server = stack.enter_context(socket.socket(socket.AF_UNIX))
            server.bind(str(directory / name))
            server.listen()
        yield directory
    # Shared memory stays when those who share it have gone.
    Path("/dev/shm/charly-test").unlink(missing_ok=True)


@pytest.mark.live
@pytest.mark.parametrize("name", QEMU_MACHINES)
def test_qemu_accepts_each_field(name: str, home: Path) -> None:
    machine = QEMU_MACHINES[name]
    words = _at_home(machine, home)
    require_tool(words[0], package=EMULATORS[machine.architecture])
    done = run(
        [*words, "-S", "-chardev", "stdio,id=test", "-mon", "chardev=test,mode=control"],
        timeout=20,
        stdin='{"execute": "qmp_capabilities"} {"execute": "query-status"} {"execute": "quit"}\n',
        check=False,
    )
    said = re.sub("VNC server running on .*\n", "", done.stderr)
    if '"status": "prelaunch"' in done.stdout and not said:
        return
    complaint = COMPLAINTS.get(name, "$nothing")
    if not all(re.search(complaint, one) for one in _complaints(said)):
        pytest.fail(f"QEMU refuses {name}:\n{said}{_hint(said)}", pytrace=False)


def _complaints(said: str) -> list[str]:
    """QEMU's own lines, or all where libraries of it speak."""
    lines = said.splitlines()
    return [line for line in lines if line.startswith("qemu-system")] or lines or [""]


def _at_home(machine: ResolvedMachine, directory: Path) -> list[str]:
    """The command with its files in `directory`, little RAM, no port taken and no KVM needed."""
    if machine.firmware.vars_template:
        template = Path(machine.firmware.vars_template)
        if not template.exists():
            pytest.fail(f"{template} is missing: install ovmf and qemu-efi-aarch64", pytrace=False)
        shutil.copy(template, directory / "nvram.fd")
    words = []
    for word in render_argv(machine):
        for place in (machine.paths.directory, machine.paths.runtime):
            word = word.replace(escape(str(place)), escape(str(directory)))
        words.append(word.replace("hostfwd=tcp:127.0.0.1:2222-", "hostfwd=tcp:127.0.0.1:0-"))
    # By the UUID other tests, which may run at the same time, find their own QEMU.
    words[words.index("-uuid") + 1] = str(uuid.uuid4())
    if machine.accelerator == "kvm":
        # Hypervisors for tests may have no KVM. What is said of it is read all the same.
        words[words.index("-accel") + 1] = "tcg"
        cpu = words.index("-cpu") + 1
        words[cpu] = re.sub("^host", "max", words[cpu])
    if not machine.libvirt.cpu.numa:
        words[words.index("-m") + 1] = "size=64M"
        words = [re.sub(rf"(?<=,)size={machine.ram}\b", "size=67108864", word) for word in words]
    return words


def _hint(words: str) -> str:
    for pattern, package in MODULES.items():
        if re.search(pattern, words):
            return f"if a module of QEMU is missing, install {package}"
    return ""
