"""The doctor: what it looks for, and when it says that nothing can run."""

from __future__ import annotations

import dataclasses
import grp
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from charly_vm.disk.seed_schema import SCHEMAS, VARIABLE, find_schemas
from charly_vm.errors import HostError
from charly_vm.host.bridges import Bridges
from charly_vm.host.facts import (
    Accelerator,
    Emulator,
    Facts,
    Firmware,
    HypervisorFacts,
    LibvirtFacts,
    QemuFacts,
)
from charly_vm.host.package_manager import PackageManager
from charly_vm.machine.doctor import disks, finding, table
from charly_vm.machine.doctor.finding import Finding
from charly_vm.machine.doctor.kvm import NOT_OFFERED, render_kvm_fix
from charly_vm.machine.doctor.table import examine, is_hopeless

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
HELPER = "/usr/lib/qemu/qemu-bridge-helper"


def _run_anything(argv: Sequence[str | Path], architecture: str) -> list[str | Path]:
    return list(argv)


def _run_nothing(argv: Sequence[str | Path], architecture: str) -> list[str | Path]:
    raise HostError(f"this host runs no programs of {architecture}")


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(table, "find_package_manager", lambda: PackageManager("dnf"))


def _examine(
    monkeypatch: pytest.MonkeyPatch, facts: Facts = GOOD, *, tools: bool = True
) -> dict[str, Finding]:
    monkeypatch.setattr(table, "survey", lambda: facts)
    monkeypatch.setattr(table, "find_qemu", lambda architecture: None)
    monkeypatch.setattr(table, "find_virtiofsd", lambda: "/v" if tools else "")
    for module in (table, disks, finding):
        monkeypatch.setattr(module, "find_tool", lambda name: Path("/bin", name) if tools else None)
    monkeypatch.setattr(disks, "emulated", _run_anything if tools else _run_nothing)
    monkeypatch.setattr(disks, "find_schemas", lambda: Path("/s") if tools else None)
    return {one.name: one for one in examine()}


def test_every_section_is_there_and_every_gap_says_how_to_fill_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    findings = _examine(monkeypatch, dataclasses.replace(GOOD, firmware=()), tools=False)
    assert [*dict.fromkeys(one.section for one in findings.values())] == [
        *("emulators", "accelerators", "libvirt", "firmware", "devices"),
        *("network", "disks", "leases", "VFIO / GPU", "user", "ssh", "checks"),
    ]
    for one in findings.values():
        assert one.enables, one
        assert one.good or one.fix or one.section == "accelerators", one
        assert not (one.good and one.fix), one
    assert findings["qemu-img"].fix.endswith("dnf install qemu-img")
    assert findings["swtpm"].fix.endswith("dnf install swtpm")
    assert findings["qemu-system-aarch64"].fix.endswith("dnf install qemu-system-aarch64")
    assert "edk2-ovmf" in findings["UEFI firmware, x86_64"].fix
    assert findings["qemu-bridge-helper"].fix.endswith("dnf install qemu-common")
    assert findings["cloud-init's schema"].fix.endswith("dnf install cloud-init")
    assert findings["programs of aarch64"].fix.endswith("dnf install qemu-user-static")
    assert "programs of x86_64" not in findings


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


def test_another_hypervisor_runs_beds_where_this_host_has_no_emulator(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    emulator = Emulator("x86_64", QemuFacts("/there/qemu", (8, 2)), (TCG,))
    there = HypervisorFacts("", "there", "x86_64", 0, 0, (emulator,), "default", "/pool")
    libvirt = LibvirtFacts("qemu:///system", (9, 0, 0), ("qemu",), passt=False, hypervisor=there)
    facts = dataclasses.replace(GOOD, qemu=None, accelerators=(), libvirt=libvirt)
    findings = _examine(monkeypatch, facts)
    assert findings["accelerator tcg of there"].good
    assert not is_hopeless(list(findings.values()))
    useless = dataclasses.replace(there, pool_obstacle="it has no pool")
    libvirt = dataclasses.replace(libvirt, hypervisor=useless)
    assert is_hopeless(
        list(_examine(monkeypatch, dataclasses.replace(facts, libvirt=libvirt)).values())
    )


def test_kvm_that_does_not_work_comes_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "render_kvm_fix", lambda sudo: f"{sudo}modprobe kvm_intel")
    assert _examine(monkeypatch)["accelerator kvm"].fix == "sudo modprobe kvm_intel"
    monkeypatch.setattr(table, "find_kvm_obstacle", lambda device: "it is closed")
    bare = _examine(monkeypatch, dataclasses.replace(GOOD, uid=0, qemu=None, accelerators=()))
    assert bare["accelerator kvm"].found == "it is closed"
    assert bare["accelerator kvm"].fix == "modprobe kvm_intel"


def _host(root: Path, cpuinfo: str, *, module: str = "", mode: int = 0) -> Path:
    """A host whose /dev/kvm has a mode, or which has none where that is 0."""
    for directory in ("proc", "dev", "sys/module"):
        (root / directory).mkdir(parents=True)
    (root / "proc/cpuinfo").write_text(cpuinfo)
    if module:
        (root / "sys/module" / module).mkdir()
    if mode:
        (root / "dev/kvm").touch()
        (root / "dev/kvm").chmod(mode)
    return root


@pytest.mark.parametrize(
    ("cpuinfo", "module", "fix"),
    [
        ("flags\t: fpu vmx", "", "sudo modprobe kvm_intel"),
        ("flags\t: fpu svm", "kvm", "sudo modprobe kvm_amd"),
        ("flags\t: fpu", "", NOT_OFFERED),
        ("Features\t: fp", "", NOT_OFFERED),
        ("flags\t: fpu vmx", "kvm_intel", "kvm_intel is loaded: hand "),
    ],
    ids=["Intel", "AMD", "neither", "not a PC", "container"],
)
def test_without_the_device_the_processor_says_what_to_load(
    tmp_path: Path, cpuinfo: str, module: str, fix: str
) -> None:
    assert render_kvm_fix("sudo ", _host(tmp_path, cpuinfo, module=module)).startswith(fix)


@pytest.mark.parametrize(
    ("cpuinfo", "fix"),
    [("flags\t: vmx", ""), ("flags\t: fpu", NOT_OFFERED), ("Features\t: fp", "")],
)
def test_with_an_open_device_only_the_processor_can_be_in_the_way(
    tmp_path: Path, cpuinfo: str, fix: str
) -> None:
    assert render_kvm_fix("", _host(tmp_path, cpuinfo, mode=0o600)) == fix


@pytest.mark.parametrize(
    ("mode", "members", "fix"),
    [
        (0o660, [], "sudo usermod -aG kvm $USER  # and log in again"),
        (0o660, ["me"], "log in again: this login is older"),
        (0o600, [], "sudo setfacl -m u:$USER:rw "),
    ],
    ids=["not a member", "not yet", "nobody's"],
)
def test_a_closed_device_is_opened_by_its_group_or_for_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, members: list[str], fix: str
) -> None:
    root = _host(tmp_path, "flags\t: vmx", module="kvm_intel", mode=mode)
    group = grp.struct_group(("kvm", "x", 4321, members))
    if os.getuid() == 0:
        os.chown(root / "dev/kvm", 0, 4321)
    monkeypatch.setattr(os, "getgroups", list)
    monkeypatch.setattr(grp, "getgrgid", lambda gid: group)
    monkeypatch.setattr("getpass.getuser", lambda: "me")
    # What access(2) says to root has nothing to do with what it says to others.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert render_kvm_fix("sudo ", root).startswith(fix)


def _bridges(monkeypatch: pytest.MonkeyPatch, bridges: Bridges) -> tuple[Finding, Finding]:
    findings = _examine(monkeypatch, dataclasses.replace(GOOD, bridges=bridges))
    return findings["qemu-bridge-helper"], findings["bridges"]


def test_a_bridge_that_the_helper_may_use_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    allowing = Bridges(("br0", "virbr0"), HELPER, privileged=True, allowed=("virbr0",))
    helper, bridges = _bridges(monkeypatch, allowing)
    assert (helper.good, helper.found) == (True, f"{HELPER}, setuid root")
    assert (bridges.good, bridges.found) == (True, "allowed: virbr0; not allowed: br0")


def test_a_helper_without_setuid_gets_it_so_that_it_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Bridges(("br0",), HELPER)
    assert _bridges(monkeypatch, plain)[0].fix == f"sudo chmod u+s {HELPER}"
    monkeypatch.setattr(table, "find_package_manager", lambda: PackageManager("apt"))
    helper, _ = _bridges(monkeypatch, plain)
    assert helper.found == f"{HELPER}, not setuid root"
    assert helper.fix == f"sudo dpkg-statoverride --update --add root root 4755 {HELPER}"


@pytest.mark.parametrize(
    ("bridges", "fix"),
    [
        (Bridges(("br0",)), "echo 'allow br0' | sudo tee -a /etc/qemu/bridge.conf"),
        (
            Bridges(("br0", "br1"), denied=("br0",)),
            "echo 'allow br1' | sudo tee -a /etc/qemu/bridge.conf",
        ),
        (
            Bridges(("br0",), allowed=("all",), denied=("br0",)),
            "take `deny br0` out of /etc/qemu/bridge.conf",
        ),
        (
            Bridges(("br0",), allowed=("br0",), denied=("all",)),
            "take `deny all` out of /etc/qemu/bridge.conf",
        ),
        (Bridges(), "echo 'allow br0' | sudo tee -a /etc/qemu/bridge.conf"),
        (Bridges(allowed=("lan",)), "ip link add lan type bridge && sudo ip link set lan up"),
    ],
    ids=[
        "no rule",
        "one denied",
        "the only one denied",
        "all denied",
        "no bridge",
        "no bridge of that name",
    ],
)
def test_what_would_allow_a_bridge(
    monkeypatch: pytest.MonkeyPatch, bridges: Bridges, fix: str
) -> None:
    finding = _bridges(monkeypatch, bridges)[1]
    assert not finding.good
    assert finding.fix.endswith(fix)
    assert ("ip link add" in finding.fix) == (not bridges.names)


def test_programs_of_another_architecture_run_or_wait_to_be_registered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _examine(monkeypatch)

    def found() -> Finding:
        return next(one for one in examine() if one.name == "programs of aarch64")

    assert (found().good, found().found) == (True, "run on the whole host")
    monkeypatch.setattr(disks, "emulated", lambda argv, architecture: ["sh", *argv])
    assert (found().good, found().found) == (True, "by an interpreter of each build's own")
    monkeypatch.setattr(disks, "emulated", _run_nothing)
    assert (found().good, found().fix) == (False, "sudo systemctl restart systemd-binfmt")


def test_the_schema_is_told_with_its_place_and_what_keeps_it_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _examine(monkeypatch)
    monkeypatch.setattr(disks, "find_schemas", find_schemas)

    def found(value: Path | str) -> Finding:
        monkeypatch.setenv(VARIABLE, str(value))
        return next(one for one in examine() if one.name == "cloud-init's schema")

    assert "names" in found(tmp_path).found
    assert not found(tmp_path).good
    (tmp_path / SCHEMAS["user-data"]).touch()
    assert (found(tmp_path).good, found(tmp_path).found) == (
        True,
        f"{tmp_path}, without network-config",
    )
    assert (found("none").good, found("none").fix) == (False, f"unset {VARIABLE}")
