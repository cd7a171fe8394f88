"""What each step does to the kernel. Runs in a child that may never return, or that becomes the
program that does it: whoever started it looks for itself at what came of it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from charly_vm.gpu.root import HostRoot, link_name
from charly_vm.gpu.steps import Kind, Step, read_override
from charly_vm.host.process import find_tool

SEARCHED = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What a module is loaded by may be a line of modprobe.d(5), for a shell."""
CDI_FILE = Path("/etc/cdi/nvidia.yaml")


class ActionFailed(Exception):
    """The kernel or a program has refused; the text is what it said."""


Perform = Callable[[HostRoot, Step], None]


def perform(root: HostRoot, step: Step) -> None:
    """Do one step. Raises `ActionFailed`."""
    _ACTIONS[step.kind](root, step)


def read_overrides(root: HostRoot, addresses: tuple[str, ...]) -> dict[str, str]:
    """The override of each function. Takes the devices' locks."""
    return {
        address: read_override((root.device(address) / "driver_override").read_text())
        for address in addresses
    }


def _unbind(root: HostRoot, step: Step) -> None:
    found = link_name(root.device(step.address) / "driver")
    if not found:
        return
    if found != step.driver:
        raise ActionFailed(f"{step.address} is on {found}, and not on {step.driver}")
    _write(root.drivers / step.driver / "unbind", step.address)


def _override(root: HostRoot, step: Step) -> None:
    # An empty line takes it back.
    _write(root.device(step.address) / "driver_override", step.driver or "\n")


def _bind(root: HostRoot, step: Step) -> None:
    if not link_name(root.device(step.address) / "driver"):
        _write(root.probe, step.address)


def _load(root: HostRoot, step: Step) -> None:
    _become("modprobe", step.name)


def _unload(root: HostRoot, step: Step) -> None:
    # modprobe -r would unload what the module needs as well, which is a step of its own.
    _become("rmmod", step.name)


def _stop_service(root: HostRoot, step: Step) -> None:
    _become("systemctl", "stop", step.name)


def _start_service(root: HostRoot, step: Step) -> None:
    _become("systemctl", "start", step.name)


def _refresh_cdi(root: HostRoot, step: Step) -> None:
    CDI_FILE.parent.mkdir(parents=True, exist_ok=True)
    _become("nvidia-ctk", "cdi", "generate", f"--output={CDI_FILE}")


_ACTIONS: Mapping[Kind, Perform] = {
    Kind.UNBIND: _unbind,
    Kind.OVERRIDE: _override,
    Kind.BIND: _bind,
    Kind.LOAD: _load,
    Kind.UNLOAD: _unload,
    Kind.STOP_SERVICE: _stop_service,
    Kind.START_SERVICE: _start_service,
    Kind.REFRESH_CDI: _refresh_cdi,
}


def _write(path: Path, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ActionFailed(f"{path}: {error.strerror}") from error


def _become(name: str, *words: str) -> None:
    program = find_tool(name)
    if program is None:
        raise ActionFailed(f"the program {name} is not installed")
    # In place of this process, so that one that hangs is known as the one that does.
    os.execve(program, [name, *words], {"PATH": SEARCHED, "LC_ALL": "C.UTF-8"})


def wait_until_bound(root: HostRoot, address: str, driver: str, seconds: float) -> str:
    """The driver that a function has: as soon as it is this one, or else when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        found = link_name(root.device(address) / "driver")
        if found == driver or time.monotonic() >= deadline:
            return found
        time.sleep(0.01)
