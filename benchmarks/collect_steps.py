"""Collecting 500 YAML steps in both phases, against a bare start of pytest.

The figure: under 1 s more.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from charly_vm.host.process import run

ROUNDS = 7
STEPS = 500
LIMIT_SECONDS = 1.0

PROJECT = """\
shape: {vm: {source: {kind: bootstrap}}}
check-many:
  vm: {from: shape, disposable: true}
"""
STEP = """\
  step-{number}:
    check: the answer to {number} is there
    command: answer {number}
    stdout: {{contains: "{number}"}}
    tag: [many]
"""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="charly-") as name:
        directory = Path(name)
        steps = "".join(STEP.format(number=number) for number in range(STEPS))
        (directory / "charly.yml").write_text(PROJECT + steps)
        (directory / "pytest.ini").write_text("[pytest]\n")
        (directory / "test_empty.py").write_text("def test_nothing(): pass\n")
        rounds = [
            (_collect(directory, "test_empty.py"), _collect(directory, "--charly-bed=check-many"))
            # The first compiles, and asks this host what it can do.
            for _ in range(ROUNDS + 1)
        ][1:]
    bare, many = (statistics.median(column) for column in zip(*rounds, strict=True))
    more = many - bare
    verdict = "good" if more < LIMIT_SECONDS else "TOO SLOW"
    print(
        f"{STEPS} steps, two phases: {many:.2f} s, bare pytest {bare:.2f} s: {more:+.2f} s, "
        f"{many / bare:.1f} bare starts (limit +{LIMIT_SECONDS:.0f} s: {verdict})"
    )


def _collect(directory: Path, *words: str) -> float:
    started = time.perf_counter()
    run([sys.executable, "-m", "pytest", "--collect-only", "-q", *words], timeout=60, cwd=directory)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
