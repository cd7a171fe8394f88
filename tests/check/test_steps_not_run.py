"""What this version does not carry out is said, and is never a pass."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

from charly_vm.check.verbs import StepNotRun, find_gap, require_runnable, run_step
from charly_vm.model.project import load_project
from charly_vm.model.step import Step


class NoShell:
    """Stands for a guest that must not be asked."""

    def run(self, command: str, *, timeout: float) -> NoReturn:
        raise AssertionError(f"asked for {command}")


def read_step(directory: Path, written: str) -> Step:
    file = directory / "charly.yml"
    file.write_text(
        f"e: {{vm: {{source: {{kind: bootstrap}}}}}}\nd:\n  vm: e\n  s: {{{written}}}\n"
    )
    [step] = load_project(file, host=directory / "none").deploys["d"].steps
    return step


@pytest.mark.parametrize(
    ("written", "gap"),
    [
        ("check: x, command: 'true', timeout: 5s, id: a, tag: [b], depends_on: [a]", ""),
        ("check: x, command: 'true', in_container: true, background: false", ""),
        ("run: x, command: 'true'", ""),
        ("check: x, service: ssh, enabled: true", ""),
        ("check: x, file: /x, owner: root, filetype: file", ""),
        ("check: x, command: 'true', in_container: false", "in_container"),
        ("check: x, command: 'true', run_as: root, background: true", "background, run_as"),
        ("check: x, port: 22, reachable: true", "reachable"),
        ("check: x, port: 22, eventually: 5s, capture: X", "eventually, capture"),
        ("check: x, port: 22, exclude_distro: [arch]", "exclude_distro"),
        ("check: x, process: sshd", "the verb process"),
        ("check: x, libvirt: info", "the verb libvirt"),
        ("run: x, mkdir: /x", "the verb mkdir"),
        ("include: candy", "the steps of a candy (include)"),
    ],
)
def test_a_gap_is_named(tmp_path: Path, written: str, gap: str) -> None:
    step = read_step(tmp_path, written)
    assert find_gap(step) == (gap and f"this version does not carry out {gap}")


def test_a_step_with_a_gap_is_neither_passed_nor_failed(tmp_path: Path) -> None:
    step = read_step(tmp_path, "check: the process runs, process: sshd")
    with pytest.raises(StepNotRun, match="the process runs: this version does not"):
        run_step(step, NoShell())
    with pytest.raises(StepNotRun):
        require_runnable(step)


def test_a_foreign_step_is_never_carried_out(tmp_path: Path) -> None:
    step = read_step(tmp_path, "check: x, kube: nodes")
    assert step.skipped
    with pytest.raises(StepNotRun):
        run_step(step, NoShell())
