"""What the plugin costs a pytest run that does not use it.

The figure: its import under 30 ms, that of testinfra's plugin, which comes with it, included. Shown
beside it: a start of pytest without charly and with its wheel, in virtual environments that differ
in nothing else.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path

from charly_vm.host.process import run

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from foreign_environment import build_wheel, install, make_environment

ROUNDS = 15
LIMIT = 0.030

IMPORT = """
import time, pytest
started = time.perf_counter()
import pytest_charly.plugin, testinfra.plugin
print(time.perf_counter() - started)
"""
PLUGINS = ("hypothesispytest", "randomly", "rerunfailures", "pytest_cov", "allure_pytest", "xdist")
"""Not loaded: they take longer than all the rest, and are there for other tests."""


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "test_empty.py").write_text("def test_nothing(): pass\n")
        (directory / "pytest.ini").write_text("[pytest]\n")
        bare = make_environment(directory / "without")
        with_charly = make_environment(directory / "with")
        (directory / "wheel").mkdir()
        install(build_wheel(directory / "wheel"), with_charly)
        # Round by round, so that a noisy moment falls on both alike. The first compiles.
        rounds = [
            (_start(bare, directory), _start(with_charly, directory), _import(with_charly))
            for _ in range(ROUNDS + 1)
        ][1:]
    starts, more, importing = (statistics.median(column) for column in zip(*rounds, strict=True))
    verdict = "good" if importing < LIMIT else "TOO SLOW"
    print(f"bare pytest start  {starts * 1000:6.0f} ms on the CPU")
    print(f"with the plugin    {more * 1000:6.0f} ms on the CPU  {more / starts:4.2f} bare starts")
    print(
        f"import             {importing * 1000:6.1f} ms  (limit {LIMIT * 1000:.0f} ms: {verdict})"
    )


def _start(python: Path, directory: Path) -> float:
    without = [word for name in PLUGINS for word in ("-p", f"no:{name}")]
    before = os.times()
    run([python, "-P", "-m", "pytest", "-q", *without], timeout=60, cwd=directory)
    after = os.times()
    # On the CPU: it does not matter what else this machine does.
    return sum(after[2:4]) - sum(before[2:4])


def _import(python: Path) -> float:
    return float(run([python, "-P", "-c", IMPORT], timeout=60).stdout)


if __name__ == "__main__":
    main()
