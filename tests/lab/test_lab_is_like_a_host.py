"""The lab behaves as a host with NVIDIA's driver does where a switch of drivers can hang it.

By commands alone, and without charly's own code: what that relies on is shown here.
"""

from __future__ import annotations

import pytest
from gpu_lab import READY_STATE, Lab
from lab_cards import CARDS, DEVICES, DRIVERS, HOST_CARD

# The first test also waits for the lab, whose disk may have to be made.
pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500)]

CARD, OTHER = CARDS
DISPLAY = f"{DEVICES}/{CARD.display}"
UNBIND = f"echo {CARD.display} >{DRIVERS}/nvidia/unbind"
UNLOAD = "modprobe -r nvidia"

VFIO = """\
modprobe vfio-pci
for one in "$@"; do
    device=/sys/bus/pci/devices/$one
    echo vfio-pci >$device/driver_override
    echo $one >$device/driver/unbind
    echo $one >/sys/bus/pci/drivers_probe
done
"""
BACK = """\
for one in "$@"; do
    device=/sys/bus/pci/devices/$one
    echo >$device/driver_override
    echo $one >$device/driver/unbind
    echo $one >/sys/bus/pci/drivers_probe
done
"""
EMULATOR = (
    "qemu-system-x86_64 -accel tcg -machine q35 -m 256 -nodefaults -display none -S -monitor stdio"
)
UNTIL_OPEN = """\
until find /proc/[0-9]*/fd -lname "$1" 2>/dev/null | grep -q .; do sleep 0.1; done
"""
"""By any process, what a link in /proc/<pid>/fd says."""

REMOVE_WAITS = ["msleep", "nv_pci_remove", "pci_device_remove", "device_release_driver_internal"]


def group_of(lab: Lab, function: str) -> str:
    return lab.run(f"readlink {DEVICES}/{function}/iommu_group").stdout.strip()


def members_of(lab: Lab, function: str) -> list[str]:
    return lab.run(f"ls {DEVICES}/{function}/iommu_group/devices").stdout.split()


def test_a_card_is_two_functions_of_one_group_and_the_cards_are_apart(cards: Lab) -> None:
    for card in CARDS:
        assert members_of(cards, card.display) == list(card.functions)
    groups = {group_of(cards, one) for one in (CARD.display, OTHER.display, HOST_CARD)}
    assert len(groups) == 3
    assert cards.read(f"{DISPLAY}/class") == "0x030000"
    assert cards.read(f"{DEVICES}/{CARD.audio}/class") == "0x040300"


def test_the_console_is_on_the_card_of_the_host(cards: Lab) -> None:
    """Which has another driver than the others, so that nobody takes it for one of them."""
    assert cards.read(f"{DEVICES}/{HOST_CARD}/boot_vga") == "1"
    assert cards.read(f"{DISPLAY}/boot_vga") == "0"
    graphics = cards.run("readlink -f /sys/class/graphics/fb0/device").stdout
    assert HOST_CARD in graphics
    consoles = cards.run("grep -l 'frame buffer' /sys/class/vtconsole/*/name").stdout
    assert cards.read(f"{consoles.strip().removesuffix('name')}bind") == "1"


def test_the_drivers_are_those_of_a_host(cards: Lab) -> None:
    said = cards.run("lspci -nnk -s 01:").stdout
    assert "Kernel driver in use: nvidia" in said
    assert "Kernel driver in use: snd_hda_intel" in said
    assert "1234:1111" in said
    nodes = cards.run("ls /dev/nvidia* /dev/snd/controlC*").stdout.split()
    assert {CARD.node, OTHER.node, "/dev/nvidiactl", "/dev/snd/controlC0"} <= set(nodes)


def test_all_functions_go_to_vfio_and_come_back(cards: Lab) -> None:
    for _ in range(2):
        cards.root.script(VFIO, *CARD.functions)
        moved = cards.state()
        assert [moved.drivers[one] for one in CARD.functions] == ["vfio-pci", "vfio-pci"]
        assert moved.drivers[OTHER.display] == "nvidia"
        assert cards.run(f"ls -l /dev/vfio/$(basename {group_of(cards, CARD.display)})").status == 0
        cards.root.script(BACK, *CARD.functions)
        back = cards.state()
        assert (back.drivers, back.overrides) == (READY_STATE.drivers, READY_STATE.overrides)


def test_a_module_in_use_is_not_unloaded(cards: Lab) -> None:
    held = cards.hold(CARD.node)
    refused = cards.attempt(UNLOAD)
    assert refused is not None
    assert refused.status != 0
    assert "Module nvidia is in use" in refused.stderr
    assert cards.state() == READY_STATE
    # For one open file: what is counted are references, and not holders.
    assert cards.read("/sys/module/nvidia/refcnt") == "2"
    held.kill()
    unloaded = cards.attempt(UNLOAD)
    assert unloaded is not None
    assert unloaded.status == 0
    state = cards.state()
    assert state.drivers[CARD.display] == state.drivers[OTHER.display] == "none"
    assert state.modules == set()


def test_the_control_node_keeps_the_module_but_no_card(cards: Lab) -> None:
    cards.hold("/dev/nvidiactl")
    refused = cards.attempt(UNLOAD)
    assert refused is not None
    assert "is in use" in refused.stderr
    unbound = cards.attempt(UNBIND)
    assert unbound is not None
    assert unbound.status == 0
    assert cards.state().drivers[CARD.display] == "none"


def test_modules_that_need_others_are_unloaded_before_what_is_in_use(cards: Lab) -> None:
    cards.run("modprobe nvidia-uvm; modprobe nvidia-drm")
    everything = {"nvidia", "nvidia_uvm", "nvidia_modeset", "nvidia_drm"}
    assert cards.state().modules == everything
    needed = cards.run("ls /sys/module/nvidia/holders").stdout.split()
    assert set(needed) == {"nvidia_uvm", "nvidia_modeset"}
    assert cards.run("ls /sys/module/nvidia_modeset/holders").stdout == "nvidia_drm\n"

    held = cards.hold(CARD.node)
    refused = cards.attempt("modprobe -r nvidia_uvm nvidia_drm nvidia_modeset nvidia")
    assert refused is not None
    assert refused.status != 0
    # Half unloaded, and who holds the card may need what is gone.
    assert cards.state().modules == {"nvidia"}
    held.kill()


def test_an_unbind_waits_in_the_kernel_until_the_card_is_closed(cards: Lab) -> None:
    held = cards.user.hold(CARD.node)
    unbind = cards.start(UNBIND)
    # The compiler may split the function: nv_pci_remove.cold.
    frames = [frame.partition(".")[0] for frame in unbind.require_hanging().frames[:4]]
    assert frames == REMOVE_WAITS
    assert cards.state().drivers[CARD.display] == "none", "the link is gone before the driver is"
    unbind.kill()
    unbind.require_hanging()

    held.kill()
    # The shell that would write its status was killed above.
    cards.wait_until_gone(unbind)
    assert cards.state().hanging == ()
    assert cards.state().drivers[CARD.display] == "none"
    bound = cards.attempt(f"echo {CARD.display} >/sys/bus/pci/drivers_probe")
    assert bound is not None
    assert cards.state() == READY_STATE


def test_mode_setting_keeps_a_card_without_an_open_file(cards: Lab) -> None:
    cards.run("modprobe nvidia-drm modeset=1")
    users = cards.attempt(f"find /proc/[0-9]*/fd -lname '{CARD.node}'")
    assert users is not None
    assert users.stdout == ""
    unbind = cards.start(UNBIND)
    unbind.require_hanging()
    # What keeps it can be unloaded still.
    unloaded = cards.attempt("modprobe -r nvidia_drm")
    assert unloaded is not None
    assert unloaded.status == 0
    assert unbind.require_end().status == 0


def test_sound_in_use_waits_as_well(fresh_lab: Lab) -> None:
    lab = fresh_lab
    sound = lab.run(f"ls {DEVICES}/{CARD.audio}/sound/card*/").stdout
    control = next(name for name in sound.split() if name.startswith("controlC"))
    held = lab.hold(f"/dev/snd/{control}")
    unbind = lab.start(f"echo {CARD.audio} >{DRIVERS}/snd_hda_intel/unbind")
    unbind.require_hanging()
    held.kill()
    assert unbind.require_end().status == 0


def test_a_guest_in_the_lab_has_the_card(cards: Lab) -> None:
    """Its machine needs no operating system: what is plugged in its monitor says."""
    cards.root.script(VFIO, *CARD.functions)
    devices = " ".join(f"-device vfio-pci,host={one}" for one in CARD.functions)
    identity = "x-pci-vendor-id=0x10de,x-pci-device-id=0x28c2"
    said = cards.run(
        f"printf 'info pci\\nquit\\n' | {EMULATOR} {devices.replace('00.0', f'00.0,{identity}', 1)}"
    ).stdout
    assert "PCI device 10de:28c2" in said
    assert "PCI device 8086:293e" in said


def test_a_group_with_a_function_on_another_driver_is_not_viable(cards: Lab) -> None:
    cards.root.script(VFIO, CARD.display)
    start = f"echo quit | {EMULATOR} -device vfio-pci,host={CARD.display}"
    refused = cards.run(start, check=False)
    assert refused.status != 0
    assert "is not viable" in refused.stderr
    cards.run(f"echo {CARD.audio} >{DEVICES}/{CARD.audio}/driver/unbind")
    assert cards.run(start).status == 0, "no driver does no harm"


def test_a_card_leaves_vfio_when_its_guest_has_ended(cards: Lab) -> None:
    cards.root.script(VFIO, *CARD.functions)
    guest = cards.start(f"sleep 60 | {EMULATOR} -device vfio-pci,host={CARD.display}")
    cards.root.script(UNTIL_OPEN, "*vfio-device*")
    unbind = cards.start(f"echo {CARD.display} >{DRIVERS}/vfio-pci/unbind")
    assert unbind.wait(1) is None
    # Interruptible, other than a remove that waits for its users.
    assert unbind.look().state == "S"
    guest.kill()
    assert unbind.require_end().status == 0


def test_root_and_a_user_have_charly_and_pytest(lab: Lab) -> None:
    assert lab.user.run("id -un; sudo -n id -un").stdout == "charly\nroot\n"
    for shell in (lab.root, lab.user):
        assert shell.charly("--version").status == 0
    assert lab.user.run("pytest --version").status == 0
    where = "import charly_vm, json; print(json.dumps(charly_vm.__file__))"
    assert lab.python(where) == "/opt/charly/source/charly_vm/__init__.py"
    assert lab.run("sudo -n -u charly sudo -n python3 -c 'import charly_vm'").status == 0


def test_a_reset_takes_back_all_that_was_done(lab: Lab) -> None:
    lab.run("touch /root/left; modprobe -r nvidia")
    lab.reset()
    assert lab.run("ls /root").stdout == ""
    assert lab.state() == READY_STATE
