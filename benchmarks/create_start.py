"""From `charly vm create` to running CPUs, against QEMU or libvirt alone with the same machine.

The disk is built already, and blank: nothing of a guest is in the figure. The figure: charly takes
at most 0.5 s more, its own start included. Rounds alternate. Root has no libvirt session and
measures QEMU only.
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from charly_vm.backend import qmp
from charly_vm.backend.emulator_process import EmulatorProcess
from charly_vm.backend.libvirt_session import with_connection
from charly_vm.host.process import require_tool, run, spawn

ROUNDS = 7
LIMIT_SECONDS = 0.5
PROJECT = """\
blank:
  vm:
    source: {{kind: cloud_image, url: "{url}", checksum: {{value: {digest}}}}}
    ram: 256M
    backend: {backend}
    ssh: {{port_auto: true, key_source: generate}}
"""


def main() -> None:
    for backend in ("qemu",) if os.getuid() == 0 else ("qemu", "libvirt"):
        ours, theirs = _measure(backend)
        charly, alone = statistics.median(ours), statistics.median(theirs)
        more = charly - alone
        verdict = "good" if more <= LIMIT_SECONDS else "TOO SLOW"
        print(
            f"charly vm create {charly * 1000:.0f} ms, {backend} alone {alone * 1000:.0f} ms: "
            f"{more * 1000:+.0f} ms (limit +{LIMIT_SECONDS * 1000:.0f} ms: {verdict})"
        )


def _measure(backend: str) -> tuple[list[float], list[float]]:
    """Seconds with charly and without, round by round."""
    ours, theirs = [], []
    with tempfile.TemporaryDirectory(prefix="charly-") as name:
        directory = Path(name)
        charly, environment = _make_project(directory, backend)
        run([*charly, "build", "blank"], timeout=60, env=environment)
        for _ in range(ROUNDS):
            started = time.perf_counter()
            run([*charly, "create", "blank"], timeout=60, env=environment)
            ours.append(time.perf_counter() - started)
            run([*charly, "stop", "blank", "--force"], timeout=60, env=environment)
            if backend == "qemu":
                theirs.append(_qemu_alone(directory / "data/charly/vm/charly-blank"))
            else:
                theirs.append(with_connection(_libvirt_alone))
            run([*charly, "destroy", "blank", "--disk"], timeout=60, env=environment)
    return ours, theirs


def _make_project(directory: Path, backend: str) -> tuple[Sequence[str | Path], Mapping[str, str]]:
    """What `charly vm` is called as, and with which environment."""
    image = directory / "blank.qcow2"
    qemu_img = require_tool("qemu-img", package="qemu-utils")
    run([qemu_img, "create", "-q", "-f", "qcow2", image, "1M"], timeout=20)
    digest = hashlib.sha256(image.read_bytes()).hexdigest()
    project = directory / "charly.yml"
    project.write_text(PROJECT.format(url=image.as_uri(), digest=digest, backend=backend))
    kinds = ("DATA", "CACHE", "STATE", "CONFIG")
    environment = {f"XDG_{kind}_HOME": f"{directory}/{kind.lower()}" for kind in kinds}
    return (Path(sys.executable).with_name("charly"), "--project", project, "vm"), environment


def _libvirt_alone(connection: Any) -> float:
    """The same domain, defined and started in libvirt's own session."""
    domain = connection.lookupByName("charly-blank")
    xml = domain.XMLDesc(0)
    domain.undefine()
    started = time.perf_counter()
    domain = connection.defineXML(xml)
    domain.create()
    seconds = time.perf_counter() - started
    domain.destroy()
    return seconds


def _qemu_alone(machine: Path) -> float:
    """The same command, until its monitor says that the CPUs run."""
    argv: list[str] = json.loads((machine / "qemu-argv.json").read_text())
    [monitor] = [
        Path(word.partition("path=")[2].partition(",")[0])
        for word in argv
        if word.startswith("socket,id=charly-monitor")
    ]
    with (machine / "alone.log").open("wb") as log:
        started = time.perf_counter()
        child = spawn(argv, output=log)
        with EmulatorProcess(child.pid) as emulator:
            while True:
                try:
                    qmp.query_state(monitor, timeout=10)
                    break
                except qmp.MonitorError:
                    if child.poll() is not None:
                        raise SystemExit("QEMU alone ended at once") from None
            seconds = time.perf_counter() - started
            emulator.end()
        child.wait()
    return seconds


if __name__ == "__main__":
    main()
