"""How long it takes to load and resolve a project of 500 nodes.

The figure: under 0.5 s for both, in a process that has loaded nothing yet. What importing the
models costs is shown beside it, and a bare start of the interpreter, which tells how fast the
machine is.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from charly_vm.host.process import run

ROUNDS = 9
LIMIT = 0.5
ENTITIES, DEPLOYS, CANDIES = 100, 380, 20

MEASURE = """
import json, sys, time
started = time.perf_counter()
from pathlib import Path
from charly_vm.host.facts import Accelerator, Facts, LibvirtFacts, QemuFacts
from charly_vm.model.project import load_project
from charly_vm.model.resolve import Placement, resolve
from charly_vm.model.resolved import Paths
imported, busy = time.perf_counter(), time.process_time()
file = Path(sys.argv[1])
project = load_project(file, host=file.with_name("none"))
loaded = time.perf_counter()
facts = Facts(
    hostname="host",
    architecture="x86_64",
    uid=1000,
    accelerators=(Accelerator("tcg", True, "emulation"),),
    qemu=QemuFacts("/usr/bin/qemu-system-x86_64", (10, 0, 2)),
    libvirt=LibvirtFacts("qemu:///session", (11, 3, 0), ("qemu",), passt=True),
    memory=2**40,
    cpus=64,
)
for name in (*project.entities, *project.deploys):
    paths = Paths(Path("/data") / name, Path("/run") / name)
    resolve(project.target(name), facts, Placement("0" * 8, 22222, paths))
resolved = time.perf_counter()
seconds = [imported - started, loaded - imported, resolved - loaded, time.process_time() - busy]
print(json.dumps([*seconds, len(project.nodes)]))
"""

ENTITY = """\
vm-{number}:
  vm:
    source:
      kind: cloud_image
      url: https://127.0.0.1/images/{number}.qcow2
      checksum: {{type: sha256}}
      base_user: arch
    disk_size: 40G
    ram: 8G
    cpu: 4
    machine: q35
    firmware: bios
    network: {{mode: user, port_forwards: ["auto:6443"]}}
    ssh: {{port_auto: true, key_source: generate}}
    cloud_init: {{timezone: UTC, package: [sudo, spice-vdagent]}}
  vm-{number}-libvirt:
    libvirt:
      devices:
        video: [{{model: virtio, vram: 65536, heads: 1, accel3d: false}}]
        graphics: [{{type: spice, autoport: yes, listen: 127.0.0.1}}]
"""

DEPLOY = """\
check-{number}:
  vm: {{from: vm-{entity}, disposable: true, lifecycle: dev, add_candy: [candy-{candy}]}}
  check-{number}-requires_shared: {{requires_shared: [licence]}}
  listens: {{check: sshd listens, port: 22}}
  nothing-failed:
    check: no unit has failed
    command: systemctl --failed --plain --no-legend
    stdout: ""
  ready: {{check: the file is there, file: /etc/ready, exists: true, contains: [yes]}}
"""

CANDY = """\
candy-{number}:
  candy:
    version: 2026.144.1443
    description: what a guest should have
    distro: {{arch: {{package: [one, two]}}, debian: {{package: [three]}}}}
    service: [{{name: worker, exec: /usr/bin/worker, enable: true}}]
    plan: [{{check: it is there, file: {{file: /usr/bin/worker, exists: true}}}}]
"""


def main() -> None:
    text = project_text()
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "charly.yml"
        file.write_text(text)
        # Round by round, so that a noisy moment falls on both alike.
        rounds = [[_bare_start(), *_measure(file)] for _ in range(ROUNDS)]
    bare, importing, loading, resolving, busy, nodes = (
        statistics.median(one[column] for one in rounds) for column in range(6)
    )
    both = loading + resolving
    verdict = "good" if both < LIMIT else "TOO SLOW"
    print(f"{nodes:.0f} nodes in {text.count(chr(10))} lines")
    times = {"bare interpreter": bare, "importing": importing, "loading": loading}
    for name, seconds in (times | {"resolving": resolving}).items():
        print(f"{name:18} {seconds * 1000:6.0f} ms")
    print(
        f"{'load and resolve':18} {both * 1000:6.0f} ms  {both / bare:4.1f} bare starts  "
        f"(limit {LIMIT * 1000:.0f} ms: {verdict}; {busy * 1000:.0f} ms of it on the CPU)"
    )


def project_text() -> str:
    """A project of 500 nodes: entities, the deploys of each, and candies."""
    parts = [ENTITY.format(number=number) for number in range(ENTITIES)]
    parts += [
        DEPLOY.format(number=number, entity=number % ENTITIES, candy=number % CANDIES)
        for number in range(DEPLOYS)
    ]
    parts += [CANDY.format(number=number) for number in range(CANDIES)]
    return "".join(parts)


def _bare_start() -> float:
    started = time.perf_counter()
    run([sys.executable, "-c", "pass"], timeout=60)
    return time.perf_counter() - started


def _measure(file: Path) -> list[float]:
    done = run([sys.executable, "-c", MEASURE, file], timeout=60)
    measured: list[float] = json.loads(done.stdout)
    return measured


if __name__ == "__main__":
    main()
