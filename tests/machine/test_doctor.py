"""The doctor: what it looks for, and when it says that nothing can run."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from charly_vm.host.facts import Accelerator, Facts, Firmware, LibvirtFacts, QemuFacts
from charly_vm.host.package_manager import PackageManager
from charly_vm.machine import doctor
from charly_vm.machine.doctor import Finding, examine, is_hopeless

TCG = Accelerator("tcg", works=True, reason="ran guest code")
KVM = Accelerator("kvm", works=False, reason="no /dev/kvm")
GOOD = Facts(
    hostname="here",
    architecture="x86_64",
    uid=1000,
    accelerators=(KVM, TCG),
    qemu=QemuFacts("/usr/bin/qemu-system-x86_64", (7, 2)),
    libvirt=LibvirtFacts("qemu:///session", (9, 0, 0), ("qemu",), passt=False),
    memory=8 * 1024**3,
    firmware=(
        Firmware("x86_64", ("pc-q35-*",), "/f/CODE.fd", "/f/VARS.fd", "raw", False, False, False),
    ),
)


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(doctor, "find_package_manager", lambda: PackageManager("dnf"))


def _examine(
    monkeypatch: pytest.MonkeyPatch, facts: Facts = GOOD, *, tools: bool = True
) -> dict[str, Finding]:
    monkeypatch.setattr(doctor, "survey", lambda: facts)
    monkeypatch.setattr(doctor, "find_qemu", lambda architecture: None)
    monkeypatch.setattr(doctor, "find_virtiofsd", lambda: "/v" if tools else "")
    monkeypatch.setattr(doctor, "find_tool", lambda name: Path("/bin", name) if tools else None)
    return {one.name: one for one in examine()}


def test_every_section_is_there_and_every_gap_says_how_to_fill_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    findings = _examine(monkeypatch, dataclasses.replace(GOOD, firmware=()), tools=False)
    assert [*dict.fromkeys(one.section for one in findings.values())] == [
        *("emulators", "accelerators", "libvirt", "firmware", "devices", "disks", "user", "ssh"),
    ]
    for one in findings.values():
        assert one.enables, one
        assert one.good or one.fix or one.section == "accelerators", one
        assert not (one.good and one.fix), one
    assert findings["qemu-img"].fix.endswith("dnf install qemu-img")
    assert findings["swtpm"].fix.endswith("dnf install swtpm")
    assert findings["qemu-system-aarch64"].fix.endswith("dnf install qemu-system-aarch64")
    assert "edk2-ovmf" in findings["UEFI firmware, x86_64"].fix


def test_a_good_host_lacks_nothing_that_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    findings = _examine(monkeypatch)
    assert not is_hopeless(list(findings.values()))
    assert findings["accelerator tcg (in use)"].good
    assert not findings["accelerator kvm"].good
    assert findings["UEFI firmware, x86_64"].found == "/f/CODE.fd"
    assert not findings["with Secure Boot, x86_64"].good
    assert findings["libvirt session"].found == "9.0.0, qemu:///session"


@pytest.mark.parametrize(
    "facts",
    [
        dataclasses.replace(GOOD, qemu=None, accelerators=()),
        dataclasses.replace(GOOD, accelerators=(KVM,)),
    ],
    ids=["no emulator", "no accelerator"],
)
def test_without_an_emulator_or_an_accelerator_no_bed_can_run(
    monkeypatch: pytest.MonkeyPatch, facts: Facts
) -> None:
    assert is_hopeless(list(_examine(monkeypatch, facts).values()))


def test_without_qemu_img_no_bed_can_run_and_without_all_else_one_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    findings = _examine(monkeypatch, tools=False)
    assert is_hopeless(list(findings.values()))
    findings["qemu-img"] = dataclasses.replace(findings["qemu-img"], good=True)
    assert not is_hopeless(list(findings.values()))


def test_root_needs_no_subordinate_ids_and_has_no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    root = dataclasses.replace(GOOD, uid=0, libvirt=None, libvirt_reason="root has none")
    findings = _examine(monkeypatch, root)
    assert "subordinate ids" not in findings
    assert findings["libvirt session"].fix == "run charly as an ordinary user"
    assert findings["memlock"].good
