"""Which driver alone may bind a function, for people to see.

The kernel answers with the device's lock held, which a driver that hangs never gives back. So a
child asks, which is left alone where it gets no answer, and nobody asks while a task may hang.
"""

from __future__ import annotations

import os
import select
from collections.abc import Collection
from time import monotonic, sleep

from charly_vm.gpu.root import HostRoot
from charly_vm.gpu.steps import read_override
from charly_vm.gpu.wedge import WedgeCheck
from charly_vm.host.process import find_tool, spawn

ANSWER_SECONDS = 0.2
END_SECONDS = 1.0
"""A child that was killed takes a moment to end, and never does in a lock of the kernel's."""


def find_overrides(root: HostRoot, addresses: Collection[str], wedge: WedgeCheck) -> dict[str, str]:
    """By address, of functions that have one; empty where it may not be asked for."""
    grep = find_tool("grep")
    if grep is None or not addresses or wedge.tasks or wedge.closed:
        return {}
    files = [root.device(address) / "driver_override" for address in addresses]
    reading, writing = os.pipe2(os.O_CLOEXEC)
    with os.fdopen(writing, "wb") as output:
        # Each line with its file's name in front.
        child = spawn([grep, "-s", "-H", "", "--", *files], output=output)
    with os.fdopen(reading, "rb", buffering=0) as stream:
        said, deadline = b"", monotonic() + ANSWER_SECONDS
        while select.select([stream], [], [], max(0.0, deadline - monotonic()))[0]:
            data = stream.read(65536)
            if not data:
                break
            said += data
    # One that waits for a device's lock does not end by this either.
    child.kill()
    while child.poll() is None and monotonic() < deadline + END_SECONDS:
        sleep(0.002)
    found = {}
    for line in said.decode(errors="replace").splitlines():
        path, _, text = line.rpartition(":")
        if override := read_override(text):
            found[path.split("/")[-2]] = override
    return found
