"""What is known of this host, and when it is looked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from charly_vm.host.facts import Facts, QemuFacts
from charly_vm.machine import survey as module
from charly_vm.machine.survey import survey

HOST = Facts(
    hostname="host", architecture="host's", uid=0, accelerators=(), qemu=None, libvirt=None
)


@pytest.fixture(autouse=True)
def looked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A host that is known already, and a list of what is looked for beyond it."""
    real, asked = module.find_qemu, []

    def find_qemu(architecture: str) -> QemuFacts | None:
        asked.append(architecture)
        return real(architecture)

    monkeypatch.setattr(module, "_survey_host", lambda: HOST)
    monkeypatch.setattr(module, "find_qemu", find_qemu)
    survey.cache_clear()
    yield asked
    survey.cache_clear()


def test_other_architectures_are_looked_for_only_when_asked_for(looked: list[str]) -> None:
    assert survey() is HOST
    assert survey("host's") is HOST
    assert looked == []


def test_the_emulator_of_another_architecture_has_run_its_code(looked: list[str]) -> None:
    for _ in range(2):
        emulator = survey("aarch64").emulator("aarch64")
        assert emulator is not None
        assert emulator.accelerator is not None
        assert emulator.accelerator.reason.startswith("ran guest code in ")
    assert looked == ["aarch64"]


@pytest.mark.parametrize("architecture", ["m68k", "../../../bin/sh", ""])
def test_what_no_machine_can_be_is_not_looked_for(looked: list[str], architecture: str) -> None:
    assert survey(architecture) is HOST
    assert looked == []
