"""Accelerators: asked by running guest code, once per boot, with reasons that people understand."""

from __future__ import annotations

import grp
import os
import platform
import threading
from pathlib import Path

import pytest

from charly_vm.host import accelerators
from charly_vm.host.accelerators import find_kvm_obstacle, probe_accelerators
from charly_vm.host.facts import Accelerator
from charly_vm.host.probe_rom import PROBE_ROMS
from charly_vm.host.process import find_tool

QEMU = find_tool("qemu-system-x86_64")
native = pytest.mark.skipif(platform.machine() != "x86_64", reason="the probe ROM is for x86_64")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory of the test's own, so that nothing is known yet."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def usable_kvm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that can be opened, whatever this host has."""
    device = tmp_path / "kvm"
    device.touch()
    monkeypatch.setattr(accelerators, "KVM_DEVICE", device)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")


class Emulator:
    """A program in QEMU's place that does the given thing under each accelerator and counts."""

    def __init__(self, directory: Path, *, kvm: str = "exit 85", tcg: str = "exit 85") -> None:
        self.path = directory / "qemu-system-x86_64"
        self.runs = directory / "runs"
        self.runs.touch()
        self.path.write_text(
            f"#!/bin/sh\necho >>{self.runs}\n"
            f'case "$*" in *"-accel kvm"*) {kvm} ;; *"-accel tcg"*) {tcg} ;; esac\n'
        )
        self.path.chmod(0o755)

    @property
    def count(self) -> int:
        return len(self.runs.read_text().splitlines())

    def probe(self, architecture: str = "x86_64") -> tuple[Accelerator, ...]:
        return probe_accelerators(str(self.path), architecture)


def test_a_pc_starts_at_the_reset_vector_of_its_rom() -> None:
    rom = PROBE_ROMS["x86_64"].image
    assert len(rom) == 0x10000
    assert rom[0xFFF0] == 0xEA
    assert rom[0] == 0xFA


@native
@pytest.mark.skipif(QEMU is None, reason="qemu-system-x86_64 is not installed")
def test_tcg_runs_guest_code_on_a_real_qemu_and_kvm_has_a_reason() -> None:
    kvm, tcg = probe_accelerators(str(QEMU), "x86_64")
    assert (kvm.name, tcg.name) == ("kvm", "tcg")
    assert tcg.works, tcg.reason
    assert tcg.reason.startswith("ran guest code in 0.")
    assert kvm.reason


@pytest.mark.usefixtures("usable_kvm")
def test_both_work_and_kvm_is_preferred(tmp_path: Path) -> None:
    kvm, tcg = Emulator(tmp_path).probe()
    assert (kvm.name, kvm.works) == ("kvm", True)
    assert (tcg.name, tcg.works) == ("tcg", True)


@pytest.mark.usefixtures("usable_kvm")
def test_a_kvm_that_emulates_is_told_from_one_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accelerators, "KVM_SECONDS", 0.2)
    kvm, tcg = Emulator(tmp_path, kvm="exec sleep 30").probe()
    assert not kvm.works
    assert "slower than emulation" in kvm.reason
    assert tcg.works


@pytest.mark.usefixtures("usable_kvm")
def test_a_qemu_that_gives_up_is_quoted(tmp_path: Path) -> None:
    kvm, _ = Emulator(tmp_path, kvm="echo 'failed to set MSR 0x10a' >&2; kill -6 $$").probe()
    assert not kvm.works
    assert kvm.reason == ("QEMU gives up under it (ended by SIGABRT): failed to set MSR 0x10a")


@pytest.mark.usefixtures("usable_kvm")
def test_an_emulator_that_ends_well_without_running_the_code_does_not_pass(tmp_path: Path) -> None:
    kvm, tcg = Emulator(tmp_path, kvm="exit 0", tcg="exit 1").probe()
    assert not kvm.works
    assert not tcg.works


def test_an_emulator_that_is_missing_is_a_reason_and_not_an_error(tmp_path: Path) -> None:
    found = probe_accelerators(str(tmp_path / "none"), "x86_64")
    assert not any(one.works for one in found)
    assert "is not installed" in found[-1].reason


def test_tcg_runs_the_code_of_another_architecture_on_a_real_qemu() -> None:
    emulators = {one: find_tool(f"qemu-system-{one}") for one in ("aarch64", "riscv64")}
    # The other one has a package of its own name in each release of Debian.
    assert emulators["aarch64"] is not None
    for architecture, emulator in emulators.items():
        if emulator is None or architecture == platform.machine():
            continue
        (tcg,) = probe_accelerators(str(emulator), architecture)
        assert tcg.name == "tcg"
        assert tcg.works, f"{architecture}: {tcg.reason}"
        assert tcg.reason.startswith("ran guest code in ")


@pytest.mark.usefixtures("usable_kvm")
def test_another_architecture_than_the_hosts_has_tcg_alone(tmp_path: Path) -> None:
    (tcg,) = Emulator(tmp_path).probe("riscv64")
    assert (tcg.name, tcg.works) == ("tcg", True)


@pytest.mark.usefixtures("usable_kvm")
def test_a_good_end_without_the_guests_word_does_not_pass(tmp_path: Path) -> None:
    (tcg,) = Emulator(tmp_path, tcg="exit 0").probe("aarch64")
    assert not tcg.works
    (tcg,) = Emulator(tmp_path, tcg="printf U").probe("aarch64")
    assert tcg.works


def test_an_architecture_without_a_probe_has_nothing(tmp_path: Path) -> None:
    emulator = Emulator(tmp_path)
    assert emulator.probe("m68k") == ()
    assert emulator.count == 0


@pytest.mark.usefixtures("usable_kvm")
def test_each_architecture_has_an_answer_of_its_own(tmp_path: Path) -> None:
    emulator = Emulator(tmp_path)
    for _ in range(2):
        emulator.probe("x86_64")
        emulator.probe("riscv64")
    assert emulator.count == 3


@pytest.mark.usefixtures("usable_kvm")
def test_the_answer_is_kept_until_the_next_boot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator = Emulator(tmp_path)
    first = emulator.probe()
    assert emulator.count == 2
    assert emulator.probe() == first
    assert emulator.count == 2
    monkeypatch.setattr(accelerators, "boot_id", lambda: "another")
    assert emulator.probe()[0].works
    assert emulator.count == 4


@pytest.mark.usefixtures("usable_kvm")
def test_another_emulator_or_other_rights_ask_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator = Emulator(tmp_path)
    emulator.probe()
    os.utime(emulator.path, ns=(1, 1))
    emulator.probe()
    assert emulator.count == 4
    monkeypatch.setattr(accelerators, "KVM_DEVICE", tmp_path / "gone")
    kvm, _ = emulator.probe()
    assert "there is no" in kvm.reason
    assert emulator.count == 5


@pytest.mark.usefixtures("usable_kvm")
def test_an_answer_that_nothing_works_is_not_kept(tmp_path: Path) -> None:
    emulator = Emulator(tmp_path, kvm="exit 1", tcg="exit 1")
    emulator.probe()
    emulator.probe()
    assert emulator.count == 4


@pytest.mark.usefixtures("usable_kvm")
@pytest.mark.parametrize("content", ["", "[]", "{}", '{"found": 1}', "\x00"])
def test_a_damaged_record_is_replaced(tmp_path: Path, state: Path, content: str) -> None:
    emulator = Emulator(tmp_path)
    first = emulator.probe()
    (state / "charly" / "accelerators-x86_64.json").write_text(content)
    assert [one.works for one in emulator.probe()] == [one.works for one in first]
    assert emulator.count == 4


@pytest.mark.usefixtures("usable_kvm")
def test_many_who_ask_at_once_ask_the_emulator_once(tmp_path: Path) -> None:
    emulator = Emulator(tmp_path, kvm="sleep 0.2; exit 85")
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(emulator.probe())) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(answers)) == 1
    assert emulator.count == 2


def test_a_missing_device_is_told_with_its_usual_causes(tmp_path: Path) -> None:
    reason = find_kvm_obstacle(tmp_path / "kvm")
    assert reason is not None
    assert reason.startswith(f"there is no {tmp_path / 'kvm'}")


def test_an_open_device_is_no_obstacle(tmp_path: Path) -> None:
    device = tmp_path / "kvm"
    device.touch()
    assert find_kvm_obstacle(device) is None


@pytest.mark.parametrize(
    ("mode", "advice"), [(0o660, "join its group with `sudo usermod -aG"), (0o600, "owner or mode")]
)
def test_a_closed_device_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, advice: str
) -> None:
    device = tmp_path / "kvm"
    device.touch()
    device.chmod(mode)
    group = next(one for one in grp.getgrall() if one.gr_gid != 0)
    if os.getuid() == 0:
        os.chown(device, 0, group.gr_gid)
    # What access(2) says to root has nothing to do with what it says to others.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    reason = find_kvm_obstacle(device)
    assert reason is not None
    assert "is not open to this user" in reason
    assert advice in reason
