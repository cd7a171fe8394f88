"""A wedge of a card in the lab is what it is on a host: what hangs with it, that there is no reboot
any more, and that a reset helps. By commands alone, and without charly's own code.
"""

from __future__ import annotations

import pytest
from gpu_lab import Lab
from lab_cards import CARDS, DEVICES, DRIVERS
from lab_shell import Background, wait_for_all

from charly_vm.errors import GuestTimeout

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500)]

CARD, OTHER = CARDS
DISPLAY = f"{DEVICES}/{CARD.display}"
UNBIND = f"echo {CARD.display} >{DRIVERS}/nvidia/unbind"
UNLOAD = "modprobe -r nvidia"
REBOOT = "sleep 1; dmesg --console-level 1; reboot --force --force"
"""On a console that shows nothing: Linux 6.12 complains at each change of it that the console's own
card is off already, and one processor gets round to nothing else."""


def wedge(lab: Lab) -> Background:
    """Leave a remove that never ends, with nothing to be seen that holds the card."""
    lab.leak(CARD.node)
    unbind = lab.start(UNBIND)
    unbind.require_hanging()
    return unbind


def test_what_a_leak_keeps_never_ends(fresh_lab: Lab) -> None:
    lab = fresh_lab
    unbind = wedge(lab)
    assert lab.state().hanging == (unbind.pid,)
    lab.start(UNLOAD).require_hanging(2)
    assert unbind.look().state == "D"
    # A module on its way out serves nobody.
    refused = lab.attempt("modprobe nvidia-uvm")
    assert refused is not None
    assert "Device or resource busy" in refused.stderr


HANGING = {
    "another unbind": UNBIND,
    "remove": f"echo 1 >{DISPLAY}/remove",
    "reset": f"echo 1 >{DISPLAY}/reset",
}
"""What waits for the lock that the remove has."""

HANGING_BY_KERNEL = {
    "read driver_override": f"cat {DISPLAY}/driver_override",
    "write driver_override": f"echo vfio-pci >{DISPLAY}/driver_override",
    "read uevent": f"cat {DISPLAY}/uevent",
    "udevadm info": f"udevadm info {DISPLAY}",
    "new_id": f"echo 8086 ffff >{DRIVERS}/nvidia/new_id",
}
"""What waits for it in Debian 12's kernel, 6.1, and not in Debian 13's, 6.12."""

RETURNING = {
    "drivers_probe": f"echo {CARD.display} >/sys/bus/pci/drivers_probe",
    "lspci": "lspci -nnk",
    **{
        name: f"cat {DISPLAY}/{name} >/dev/null"
        for name in (
            *("config", "vendor", "device", "class", "resource", "enable", "power/control"),
            *("reset_method", "numa_node", "boot_vga", "modalias"),
        )
    },
    "iommu_group": f"readlink {DISPLAY}/iommu_group",
    "who has it open": f"find /proc/[0-9]*/fd -lname '{CARD.node}' || true",
    "the other card": f"cat {DEVICES}/{OTHER.display}/driver_override",
    "the sound": f"cat {DEVICES}/{CARD.audio}/driver_override",
}


def test_what_hangs_with_a_wedged_card_and_what_does_not(fresh_lab: Lab) -> None:
    lab = fresh_lab
    wedge(lab)
    ended = wait_for_all(lab.root.start_all([*RETURNING.values()]))
    statuses = {name: one and one.status for name, one in zip(RETURNING, ended, strict=True)}
    assert statuses == dict.fromkeys(RETURNING, 0)
    assert lab.state().drivers[CARD.display] == "none", "a probe that did nothing says success"

    started = lab.root.start_all([*HANGING.values()])
    by_kernel = lab.root.start_all([*HANGING_BY_KERNEL.values()])
    ended = wait_for_all([*started, *by_kernel], 2)
    assert ended[: len(started)] == [None for _ in started]
    left = [one for one, end in zip([*started, *by_kernel], ended, strict=True) if end is None]
    assert {one.command: one.look().state for one in left} == {one.command: "D" for one in left}
    # Among those who read uevent is journald, when the kernel has logged something of the device.
    # The stand-in, as the real driver, does not name it; whoever did would stop all that logs.
    assert lab.attempt("journalctl --sync") is not None


def test_a_host_reboots(fresh_lab: Lab) -> None:
    fresh_lab.start(REBOOT)
    fresh_lab.wait_for_reset()


def test_a_wedged_host_does_not_reboot(fresh_lab: Lab) -> None:
    wedge(fresh_lab)
    fresh_lab.start(REBOOT)
    with pytest.raises(GuestTimeout, match="the host runs"):
        fresh_lab.wait_for_reset()


def test_a_wedged_host_can_be_reset(fresh_lab: Lab) -> None:
    wedge(fresh_lab)
    fresh_lab.start("sleep 1; echo b >/proc/sysrq-trigger")
    fresh_lab.wait_for_reset()
