"""From connecting to the first full frame of 1024x768, against spice-gtk's spicy-screenshot.

The guest is a boot sector that has painted a colourful pattern, the server QEMU's own. Both write
what they see to a file, in rounds that alternate. spicy-screenshot is timed as a process, which
starts in no time; of ours the client alone is timed, in a process that has imported it, and what
`charly check spice screenshot` takes beside that is Python's start. Figures: ours is no slower, and
takes less than four times the frame of memory at its peak.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

from PIL import Image, ImageChops

from charly_vm.host.process import require_tool, run
from charly_vm.host.waiting import Deadline
from charly_vm.probe.spice import open_spice

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from boot_sectors import READY, VesaMode, pattern_sector
from spice_machine import SpiceMachine, spice_machine

ROUNDS = 15
FRAME = 1024 * 768 * 4
LIMIT = 4.0
PACKAGE = "spice-client-gtk (dnf: spice-gtk-tools, pacman: spice-gtk)"


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="charly-") as name,
        spice_machine(Path(name), pattern_sector(VesaMode.LARGE)) as machine,
    ):
        machine.wait_for_words(READY)
        ours, theirs = [], []
        for _ in range(ROUNDS):
            theirs.append(_spicy(machine))
            ours.append(_charly(machine))
        _require_same(machine)
        peak = _peak(machine)
    mine, other = statistics.median(ours), statistics.median(theirs)
    verdict = "good" if mine <= other else "TOO SLOW"
    print(
        f"first frame: charly {mine * 1000:.0f} ms, spicy-screenshot {other * 1000:.0f} ms, "
        f"{mine / other:.2f} times (limit 1: {verdict})"
    )
    verdict = "good" if peak < LIMIT * FRAME else "TOO MUCH"
    print(f"peak of memory: {peak / FRAME:.2f} frames (limit {LIMIT:.0f}: {verdict})")


def _charly(machine: SpiceMachine) -> float:
    started = time.perf_counter()
    with open_spice(machine.address, deadline=Deadline(20)) as session:
        picture = session.screenshot()
        seconds = time.perf_counter() - started
    _ours(machine).write_bytes(picture.to_png())
    return seconds


def _spicy(machine: SpiceMachine) -> float:
    spicy = require_tool("spicy-screenshot", package=PACKAGE)
    argv: list[str | Path] = [
        spicy,
        f"--uri=spice+unix://{machine.socket}",
        f"--out-file={_theirs(machine)}",
    ]
    started = time.perf_counter()
    run(argv, timeout=30)
    return time.perf_counter() - started


def _peak(machine: SpiceMachine) -> int:
    """Bytes of the session, of which what Python has imported is no part."""
    tracemalloc.start()
    with open_spice(machine.address, deadline=Deadline(20)) as session:
        session.screenshot()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def _require_same(machine: SpiceMachine) -> None:
    with Image.open(_ours(machine)) as ours, Image.open(_theirs(machine)) as theirs:
        box = ImageChops.difference(ours.convert("RGB"), theirs.convert("RGB")).getbbox()
    if box is not None:
        raise SystemExit(f"the two pictures differ within {box}")


def _ours(machine: SpiceMachine) -> Path:
    return machine.directory / "ours.png"


def _theirs(machine: SpiceMachine) -> Path:
    return machine.directory / "theirs.ppm"


if __name__ == "__main__":
    main()
