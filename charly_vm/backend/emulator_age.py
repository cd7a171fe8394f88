"""How long a machine's emulator has been running, whoever started it."""

from __future__ import annotations

import os
import time

from charly_vm.backend.emulator_process import PROC, read_words, runs_machine


def find_age(uuid: str) -> float | None:
    """Seconds since the QEMU with this UUID was started on this host; None where none is seen.

    The start is in clock ticks since the host's own (proc(5), field 22 of `stat`).
    """
    for entry in PROC.iterdir():
        if not entry.name.isdigit() or not runs_machine(uuid, read_words(entry)):
            continue
        try:
            text = (entry / "stat").read_text()
        except OSError:
            continue
        # The name, in parentheses, may have any characters; field 3 is the first behind it.
        ticks = int(text.rpartition(")")[2].split()[22 - 3])
        started = ticks / os.sysconf("SC_CLK_TCK")
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - started)
    return None
