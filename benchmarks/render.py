"""How long it takes to render one machine, as domain XML and as QEMU's command line.

The machine has two dozen parts of the libvirt block. The figure: under 5 ms for each, once the
modules are loaded; the first time, which compiles and fills caches, is shown beside it.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from charly_vm.host.facts import Accelerator, Facts, LibvirtFacts, QemuFacts
from charly_vm.model.forwards import PortForward
from charly_vm.model.project import load_project
from charly_vm.model.resolve import Placement, resolve
from charly_vm.model.resolved import BackendName, Paths, ResolvedMachine
from charly_vm.render.domain_xml import render_domain_xml
from charly_vm.render.qemu_argv import render_argv

ROUNDS = 200
LIMIT_SECONDS = 0.005

PROJECT = """\
workstation:
  vm:
    source: {kind: cloud_image, url: "https://127.0.0.1/disk.qcow2", base_user: arch}
    disk_size: 40G
    ram: 8G
    cpu: 4
    network: {mode: user, port_forwards: ["8443:443", "auto:6443"]}
  workstation-libvirt:
    libvirt:
      features: {kvm: {hidden: on}, hyperv: {relaxed: on, vendor_id: {state: on, value: charly}}}
      cpu: {mode: maximum, topology: {sockets: 1, cores: 2, threads: 2}}
      clock: {offset: utc, timers: [{name: rtc, tickpolicy: catchup}, {name: hpet, present: no}]}
      devices:
        video: [{model: virtio, heads: 1}]
        graphics: [{type: spice, autoport: yes, listen: 127.0.0.1}]
        rng: [{model: virtio, backend: /dev/urandom}]
        watchdog: [{model: i6300esb, action: reset}]
        sound: [{model: ich9}]
        inputs: [{type: tablet, bus: usb}, {type: keyboard, bus: virtio}]
        redirdev: [{type: spicevmc}, {type: spicevmc}]
        memballoon: {model: virtio}
        panic: [{model: isa}]
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "charly.yml"
        file.write_text(PROJECT)
        project = load_project(file, host=file.with_name("none"))
    target = project.target("workstation")
    placement = Placement(
        "0" * 8, 22222, Paths(Path("/data"), Path("/run")), FORWARDS, graphics_ports=(5900,)
    )
    for backend, render in (
        (BackendName.LIBVIRT, render_domain_xml),
        (BackendName.QEMU, render_argv),
    ):
        machine = resolve(target, FACTS, placement, wanted_backend=backend)
        first = _seconds(render, machine)
        median = statistics.median(_seconds(render, machine) for _ in range(ROUNDS))
        verdict = "good" if median < LIMIT_SECONDS else "TOO SLOW"
        print(
            f"{render.__name__:18} {median * 1000:5.2f} ms  (limit {LIMIT_SECONDS * 1000:.0f} ms: "
            f"{verdict}; the first time {first * 1000:.2f} ms)"
        )


FORWARDS = (PortForward(8443, 443), PortForward(40443, 6443))
FACTS = Facts(
    hostname="host",
    architecture="x86_64",
    uid=1000,
    accelerators=(Accelerator("tcg", True, "emulation"),),
    qemu=QemuFacts("/usr/bin/qemu-system-x86_64", (10, 0, 2)),
    libvirt=LibvirtFacts("qemu:///session", (11, 3, 0), ("qemu",), passt=True),
    memory=2**40,
    cpus=64,
)


def _seconds(render: Callable[[ResolvedMachine], object], machine: ResolvedMachine) -> float:
    started = time.perf_counter()
    render(machine)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
