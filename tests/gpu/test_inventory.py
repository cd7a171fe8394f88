"""What a host has, read from files that keep nobody waiting: no attribute that takes a device's
lock, and no device node."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from fake_host import AUDIO, GPU, FakeHost

from charly_vm.gpu.inventory import Module, read_inventory, read_modules
from charly_vm.gpu.root import HostRoot
from charly_vm.gpu.situation import available_modules
from charly_vm.host.process import run

REPOSITORY = Path(__file__).parents[2]
LOCKED = ("driver_override", "uevent", "sriov_numvfs")
"""Attributes whose reading takes the device's lock."""

WATCHED = """\
import json, sys
from pathlib import Path

from charly_vm.gpu import situation, status
from charly_vm.gpu.cards import Mode, find_cards
from charly_vm.gpu.inventory import read_inventory
from charly_vm.gpu.plan import plan_switch
from charly_vm.gpu.root import HostRoot
from charly_vm.machine import gpu_switch
from charly_vm.machine.gpu_switch import find_card, plan_of

root = HostRoot(Path(sys.argv[1]))
opened = []
sys.addaudithook(lambda event, words: opened.append(str(words[0])) if event == "open" else None)
status.read_status(root)
for card in find_cards(read_inventory(root)):
    for target in Mode:
        plan_switch(situation.observe(card, root=root), target)
        plan_of(card.address, target.value, None, root)
find_card("nvidia-gpu", None, root)
print(json.dumps(opened))
"""


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


def test_a_function_is_what_sysfs_says_of_it(host: FakeHost) -> None:
    host.add_card(group=12)
    (host.root.device(GPU) / "boot_vga").write_text("1\n")
    inventory = read_inventory(host.root)
    display, sound = inventory.functions
    assert (display.address, display.vendor, display.device) == (GPU, 0x10DE, 0x28C2)
    assert (display.pci_class, display.driver, display.group) == (0x030000, "nvidia", 12)
    assert display.boot_display
    assert not sound.boot_display
    assert display.is_display
    assert not display.is_audio
    assert sound.is_audio
    assert sound.slot == display.slot == "0000:01:00"
    assert inventory.find(AUDIO) == sound
    assert inventory.find("0000:09:00.0") is None
    assert inventory.command_line == "root=/dev/vda1 intel_iommu=on iommu=pt"


def test_functions_of_a_group_are_found_together(host: FakeHost) -> None:
    host.add_card(group=0)
    host.add_card("0000:02:00", group=7, mode="vfio")
    inventory = read_inventory(host.root)
    assert [one.address for one in inventory.in_group(0)] == [GPU, AUDIO]
    assert [one.driver for one in inventory.in_group(7)] == ["vfio-pci", "vfio-pci"]
    assert inventory.in_group(1) == ()


def test_without_groups_there_is_no_iommu_whatever_the_command_line_says(host: FakeHost) -> None:
    host.add_function(GPU, group=None, driver="nvidia")
    inventory = read_inventory(host.root)
    assert "intel_iommu=on" in inventory.command_line
    assert not inventory.has_iommu
    assert inventory.functions[0].group is None


def test_a_host_without_pci_has_nothing(tmp_path: Path) -> None:
    inventory = read_inventory(HostRoot(tmp_path))
    assert inventory.functions == ()
    assert inventory.modules == {}
    assert not inventory.has_iommu


def test_one_that_is_being_removed_counts_as_what_is_left_of_it(host: FakeHost) -> None:
    host.add_card()
    for name in ("vendor", "class", "driver", "iommu_group"):
        (host.root.device(AUDIO) / name).unlink()
    _, sound = read_inventory(host.root).functions
    assert (sound.vendor, sound.pci_class, sound.driver, sound.group) == (0, 0, "", None)
    assert sound.device == 0x22BE


def test_odd_files_are_read_as_nothing(host: FakeHost) -> None:
    directory = host.add_function(GPU)
    (directory / "vendor").write_bytes(b"\xff\xfe\n")
    (directory / "device").write_text("\n")
    (directory / "class").unlink()
    (directory / "class").mkdir()
    (directory / "iommu_group").unlink()
    (directory / "iommu_group").symlink_to("somewhere/else")
    (host.root.devices / "0000:01:00.9").mkdir()
    (host.root.devices / "README").mkdir()
    [one] = read_inventory(host.root).functions
    assert (one.vendor, one.device, one.pci_class, one.group) == (0, 0, 0, None)


def test_a_domain_may_have_more_digits(host: FakeHost) -> None:
    host.add_function("10000:e1:1f.7")
    assert [one.address for one in read_inventory(host.root).functions] == ["10000:e1:1f.7"]


def test_virtual_functions_are_counted_by_their_links(host: FakeHost) -> None:
    parent = host.add_function(GPU)
    child = host.add_function("0000:01:00.2")
    (child / "physfn").symlink_to(parent)
    (parent / "virtfn0").symlink_to(child)
    (parent / "virtfn1").symlink_to(child)
    (parent / "sriov_totalvfs").write_text("16\n")
    first, second = read_inventory(host.root).functions
    assert (first.virtual, first.physical) == (2, "")
    assert (second.virtual, second.physical) == (0, GPU)


def test_modules_are_read_with_those_that_use_them(host: FakeHost) -> None:
    host.write(
        "proc/modules",
        "nvidia_uvm 1540096 0 - Live 0x0000000000000000 (POE)\n"
        "nvidia 56713216 4 nvidia_uvm,nvidia_modeset, Live 0x0000000000000000 (POE)\n"
        "vfio_pci 16384 0 - Live 0xffffffffc0a00000\n"
        "gone 16384 -1 - Unloading 0xffffffffc0b00000\n"
        "stays 16384 1 [permanent], Live 0xffffffffc0b00000\n"
        "both 16384 2 other,[permanent], Live 0xffffffffc0b00000\n"
        "torn\n"
        "\n",
    )
    assert read_modules(host.root) == {
        "nvidia_uvm": Module("nvidia_uvm", 0),
        "nvidia": Module("nvidia", 4, ("nvidia_uvm", "nvidia_modeset")),
        "vfio_pci": Module("vfio_pci", 0),
        "gone": Module("gone", -1),
        "stays": Module("stays", 1),
        "both": Module("both", 2, ("other",)),
    }


def test_a_kernel_that_cannot_unload_modules_has_them_still(host: FakeHost) -> None:
    """It writes a dash instead of the number."""
    host.write("proc/modules", "nvidia 56713216 - - Live 0x0000000000000000")
    assert read_modules(host.root) == {"nvidia": Module("nvidia", 0)}


def test_nothing_that_may_hang_is_opened_by_whoever_only_looks(
    host: FakeHost, tmp_path: Path
) -> None:
    for slot, mode, group in (("01", "nvidia", 1), ("02", "vfio", 2), ("03", "unbound", 3)):
        host.add_card(f"0000:{slot}:00", group=group, mode=mode)
    host.load("nvidia", "nvidia_uvm", "vfio_pci")
    nodes = ("nvidia0", "nvidiactl", "vfio/2", "vfio/vfio", "dri/card0", "snd/controlC0")
    for node in nodes:
        host.write(f"dev/{node}", "")
    for device in host.root.devices.iterdir():
        for name in LOCKED:
            # Whoever opens one would wait for ever, as with the lock.
            (device / name).unlink(missing_ok=True)
            os.mkfifo(device / name)
        for name in ("config", "resource", "rom", "reset", "remove"):
            (device / name).touch()
    display = host.root.device(GPU)
    for name in ("drm/card0", "drm/renderD128", "sound/card0/controlC0", "virtfn0"):
        (display / name).mkdir(parents=True)
    host.add_process(10, "python3", opened=("/dev/nvidia0", "/dev/dri/card0"))
    host.add_process(11, "rmmod")
    host.add_task(11, 12, "rmmod", "D", "msleep", "nv_pci_remove_helper")
    done = run(
        [sys.executable, "-c", WATCHED, tmp_path],
        env={"PYTHONPATH": str(REPOSITORY)},
        timeout=60,
    )
    opened = [Path(name) for name in json.loads(done.stdout)]
    ours = [name.relative_to(tmp_path) for name in opened if name.is_relative_to(tmp_path)]
    read = {name.name for name in ours if name.is_relative_to("sys/bus/pci/devices")}
    assert read == {"vendor", "device", "class", "boot_vga"}
    assert Path("proc/11/task/12/stack") in ours
    assert not [name for name in ours if name.parts[0] == "dev"]
    assert not [name for name in opened if name.is_relative_to("/dev")]


@pytest.mark.parametrize(
    ("line", "known"),
    [
        ("install nvidia modprobe -i nvidia-current $CMDLINE_OPTS", True),
        ("install nvidia modprobe nvidia-helper; modprobe -i nvidia-current; true", True),
        ("install nvidia modprobe -i \\\n  nvidia-current $CMDLINE_OPTS", True),
        ("alias nvidia nvidia-current", True),
        ("alias nvidia nvidia-legacy", False),
        ("install nvidia /bin/false", False),
        ("blacklist nvidia", False),
        ("install", False),
    ],
)
def test_a_module_may_have_its_file_under_another_name(
    host: FakeHost, line: str, known: bool
) -> None:
    """As Debian has NVIDIA's driver, of which it has several releases."""
    host.write("lib/modules/6.1.0/modules.dep", "updates/dkms/nvidia-current.ko:\nvfio-pci.ko.xz:")
    host.write("etc/modprobe.d/nvidia.conf", f"# of the package\n{line}\n")
    host.write("etc/modprobe.d/nvidia.conf.dpkg-old", "alias nvidia vfio-pci")
    assert available_modules(host.root) == {"vfio-pci"} | ({"nvidia"} if known else set())
