"""How long `charly --help`, `charly vm list` and `charly vm gpu status` take, in bare starts.

The figure: under 0.25 s, or under 6 bare starts, whichever is more; 0.3 s for the cards.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from charly_vm.host.process import run

ROUNDS = 15


def main() -> None:
    charly = Path(sys.executable).with_name("charly")
    commands: dict[str, list[str | Path]] = {
        "bare interpreter": [sys.executable, "-c", "pass"],
        "charly --help": [charly, "--help"],
        "charly vm list": [charly, "vm", "list"],
        "vm gpu status": [charly, "vm", "gpu", "status"],
    }
    with tempfile.TemporaryDirectory() as directory:
        environment = {
            f"XDG_{name}_HOME": f"{directory}/{name}" for name in ("DATA", "CACHE", "STATE")
        }
        environment["XDG_RUNTIME_DIR"] = directory
        times: dict[str, list[float]] = {name: [] for name in commands}
        # Round by round, so that a noisy moment falls on all of them alike.
        for _ in range(ROUNDS):
            for name, argv in commands.items():
                times[name].append(_seconds(argv, environment))
    bare = statistics.median(times["bare interpreter"])
    print(f"{'bare interpreter':18} {bare * 1000:6.0f} ms")
    for name in list(commands)[1:]:
        median = statistics.median(times[name])
        limit = max(0.25, 6 * bare)
        verdict = "good" if median < limit else "TOO SLOW"
        print(
            f"{name:18} {median * 1000:6.0f} ms  {median / bare:4.1f} bare starts  "
            f"(limit {limit * 1000:.0f} ms: {verdict})"
        )


def _seconds(argv: Sequence[str | Path], environment: dict[str, str]) -> float:
    started = time.perf_counter()
    run(argv, timeout=60, env=environment)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
