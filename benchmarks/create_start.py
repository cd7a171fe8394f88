"""From `charly vm create` to running CPUs, against the emulator alone with the same command line.

The disk is built already, and blank: nothing of a guest is in the figure. The figure: charly takes
at most 0.5 s more, its own start included. Rounds alternate.
"""

from __future__ import annotations

import hashlib
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from charly_vm.backend import qmp
from charly_vm.backend.emulator_process import EmulatorProcess
from charly_vm.host.process import require_tool, run, spawn

ROUNDS = 7
LIMIT_SECONDS = 0.5
PROJECT = """\
blank:
  vm:
    source: {{kind: cloud_image, url: "{url}", checksum: {{value: {digest}}}}}
    ram: 256M
    backend: qemu
    ssh: {{port_auto: true, key_source: generate}}
"""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="charly-") as name:
        directory = Path(name)
        image = directory / "blank.qcow2"
        qemu_img = require_tool("qemu-img", package="qemu-utils")
        run([qemu_img, "create", "-q", "-f", "qcow2", image, "1M"], timeout=20)
        digest = hashlib.sha256(image.read_bytes()).hexdigest()
        project = directory / "charly.yml"
        project.write_text(PROJECT.format(url=image.as_uri(), digest=digest))
        environment = {
            f"XDG_{kind}_HOME": f"{name}/{kind.lower()}" for kind in ("DATA", "CACHE", "STATE")
        }
        charly: list[str | Path] = [
            Path(sys.executable).with_name("charly"),
            "--project",
            project,
            "vm",
        ]
        run([*charly, "build", "blank"], timeout=60, env=environment)
        ours, theirs = [], []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            run([*charly, "create", "blank"], timeout=60, env=environment)
            ours.append(time.perf_counter() - started)
            machine = directory / "data/charly/vm/charly-blank"
            argv = json.loads((machine / "qemu-argv.json").read_text())
            run([*charly, "stop", "blank", "--force"], timeout=60, env=environment)
            theirs.append(_alone(argv, machine))
            run([*charly, "destroy", "blank", "--disk"], timeout=60, env=environment)
    charly_median, alone = statistics.median(ours), statistics.median(theirs)
    more = charly_median - alone
    verdict = "good" if more <= LIMIT_SECONDS else "TOO SLOW"
    print(
        f"charly vm create {charly_median * 1000:.0f} ms, QEMU alone {alone * 1000:.0f} ms: "
        f"{more * 1000:+.0f} ms (limit +{LIMIT_SECONDS * 1000:.0f} ms: {verdict})"
    )


def _alone(argv: list[str], machine: Path) -> float:
    """The same command, until its monitor says that the CPUs run."""
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
