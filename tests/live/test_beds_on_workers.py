"""Two real beds at once on two workers of pytest-xdist: their disk, their ports, their record."""

from __future__ import annotations

import json
import sys

import pytest
from workspace import Workspace

from charly_vm.host.process import run

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

SECOND = """\
check-other:
  vm: {from: tiny, disposable: true, timeout: 90s}
  greets: {check: the guest has its name, command: hostname, stdout: charly-check-other}
"""

CHECKS = """\
import os
from pytest_charly import Bed

bed = Bed("{bed}")


def test_its_own(bed, guest, vm):
    assert guest.run("hostname").stdout.strip() == "charly-{bed}" == vm.name
    with open("where", "a") as file:
        port = vm.guest.address.port
        print(bed.name, bed.phase, os.environ["PYTEST_XDIST_WORKER"], port, file=file)
"""


def test_each_has_a_worker_of_its_own_and_nothing_of_the_others(here: Workspace) -> None:
    with here.project.open("a") as project:
        project.write(SECOND)
    for name in ("tiny", "other"):
        text = CHECKS.format(bed=f"check-{name}")
        (here.directory / f"check_{name}.py").write_text(text)
    done = run(
        [sys.executable, "-m", "pytest", "-n2", "--charly-bed=check-*"],
        timeout=300,
        check=False,
        env=here.environment,
        cwd=here.directory,
    )
    print(done.stdout, done.stderr)
    assert "8 passed" in done.stdout
    assert here.is_clean()
    where = sorted(line.split() for line in (here.directory / "where").read_text().splitlines())
    assert [line[:2] for line in where] == [
        ["check-other", "deployed"],
        ["check-other", "rebuilt"],
        ["check-tiny", "deployed"],
        ["check-tiny", "rebuilt"],
    ]
    assert len({(bed, worker) for bed, _, worker, _ in where}) == 2
    assert len({worker for _, _, worker, _ in where}) == 2
    # Each keeps its port through the rebuild.
    assert len({port for *_, port in where}) == 2

    # They were up at the same time, and the disk that both are on was made once.
    evidence = here.directory / "charly-evidence"
    spans = []
    for name in ("check-other", "check-tiny"):
        timings = json.loads((evidence / name / "timings.json").read_text())
        spans.append((timings["began"], timings["spans"][-1]["began"]))
    (first, ends), (second, other_ends) = spans
    assert max(first, second) < min(ends, other_ends)
    assert len(list((here.directory / "cache/charly/images/recipes").iterdir())) == 1
    page = (evidence / "index.html").read_text()
    assert "check-other" in page
    assert "check-tiny" in page
