"""Who uses a card is told by what processes have open, without opening anything."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from fake_host import AUDIO, GPU, SECOND_GPU, FakeHost

from charly_vm.gpu.cards import find_cards
from charly_vm.gpu.holders import (
    Holder,
    Holders,
    console_cards,
    drm_masters,
    find_holders,
    nodes_of,
)
from charly_vm.gpu.inventory import Module, read_inventory
from charly_vm.gpu.situation import find_card_holders, runs_persistence

CONTAINER = "0123456789abcdef" * 4


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


def found(host: FakeHost, *nodes: str, nvidia: bool = False) -> tuple[Holder, ...]:
    return find_holders(nodes, nvidia=nvidia, root=host.root).found


@pytest.mark.parametrize(
    "node",
    [
        "/dev/nvidia0",
        "/dev/nvidia15",
        "/dev/nvidiactl",
        "/dev/nvidia-modeset",
        "/dev/nvidia-uvm",
        "/dev/nvidia-uvm-tools",
        "/dev/nvidia-caps/nvidia-cap1",
        # Where the node was removed since, the file is as open as before.
        "/dev/nvidia0 (deleted)",
    ],
)
def test_every_node_of_the_driver_counts(host: FakeHost, node: str) -> None:
    host.add_process(7, "python3", opened=("/dev/null", node, node))
    [holder] = found(host, nvidia=True)
    assert str(holder) == f"python3 (pid 7) has {node.removesuffix(' (deleted)')} open"
    assert found(host) == ()


@pytest.mark.parametrize(
    "node",
    ["/dev/nvidia", "/dev/nvidiactl2", "/srv/dev/nvidia0", "/dev/nvidia-fs0", "socket:[42]", "/"],
)
def test_nothing_else_does(host: FakeHost, node: str) -> None:
    host.add_process(7, "python3", opened=(node,))
    assert found(host, nvidia=True) == ()


def test_nodes_that_are_asked_for_are_found_sorted(host: FakeHost) -> None:
    host.add_process(7, "pipewire", opened=("/dev/snd/pcmC1D3p", "/dev/snd/controlC1", "/dev/null"))
    host.add_process(8, "pipewire", opened=("/dev/snd/controlC0",))
    assert found(host, "/dev/snd/controlC1", "/dev/snd/pcmC1D3p") == (
        Holder("pipewire", ("/dev/snd/controlC1", "/dev/snd/pcmC1D3p"), 7),
    )


@pytest.mark.parametrize(
    "cgroup",
    [
        f"0::/machine.slice/libpod-{CONTAINER}.scope/container",
        f"0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{CONTAINER}.scope",
        f"12:devices:/libpod_parent/libpod-{CONTAINER}",
        f"0::/system.slice/docker-{CONTAINER}.scope",
        f"11:cpuset:/docker/{CONTAINER}\n10:memory:/docker/{CONTAINER}",
        f"0::/kubepods.slice/kubepods-burstable.slice/crio-{CONTAINER}.scope",
        f"0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-{CONTAINER}.scope",
    ],
)
def test_a_container_is_named_by_its_short_id(host: FakeHost, cgroup: str) -> None:
    host.add_process(7, "ollama", opened=("/dev/nvidia0",), cgroup=cgroup)
    [holder] = found(host, nvidia=True)
    assert str(holder) == "ollama (pid 7, container 0123456789ab) has /dev/nvidia0 open"


@pytest.mark.parametrize(
    "cgroup",
    [
        "0::/user.slice/user-1000.slice/session-2.scope",
        f"0::/machine.slice/libpod-conmon-{CONTAINER}.scope",
        "0::/system.slice/docker.service",
        f"0::/docker/{CONTAINER[:12]}",
    ],
)
def test_what_is_beside_a_container_is_in_none(host: FakeHost, cgroup: str) -> None:
    host.add_process(7, "conmon", opened=("/dev/nvidia0",), cgroup=cgroup)
    [holder] = found(host, nvidia=True)
    assert holder.container == ""


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [
        ("0::/system.slice/ollama.service", "ollama.service"),
        ("0::/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service"),
        ("0::/system.slice/x.service/payload", "x.service"),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.service", ""),
        ("0::/user.slice/user-1000.slice/session-2.scope", ""),
    ],
)
def test_a_service_of_the_host_is_named(host: FakeHost, cgroup: str, unit: str) -> None:
    host.add_process(7, "ollama", opened=("/dev/nvidia0",), cgroup=cgroup)
    [holder] = found(host, nvidia=True)
    assert holder.unit == unit


def test_processes_that_are_closed_to_this_account_are_counted(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    listdir = os.listdir

    def closed(path: str | Path) -> list[str]:
        if str(path).endswith("/8/fd"):
            raise PermissionError(13, "Permission denied")
        return listdir(path)

    monkeypatch.setattr(os, "listdir", closed)
    for pid in (7, 8):
        host.add_process(pid, f"process-{pid}", opened=("/dev/nvidia0",))
    assert find_holders((), nvidia=True, root=host.root) == Holders(
        (Holder("process-7", ("/dev/nvidia0",), 7),), hidden=1
    )


def test_one_that_ends_meanwhile_and_what_is_no_process_is_passed_over(host: FakeHost) -> None:
    (host.root.proc / "9").mkdir()
    (host.root.proc / "irq").mkdir()
    assert find_holders((), nvidia=True, root=host.root) == Holders()


def test_modules_that_use_a_module_are_found(host: FakeHost) -> None:
    module = Module("nvidia", 3, ("nvidia_uvm", "nvidia_fs"))
    told = find_holders((), nvidia=False, root=host.root, modules=[module]).found
    assert [str(one) for one in told] == ["the module nvidia_uvm", "the module nvidia_fs"]
    assert [one.pid for one in told] == [0, 0]


def test_nodes_of_a_function_are_its_displays_and_its_sounds(host: FakeHost) -> None:
    host.add_card()
    display, sound = host.root.device(GPU), host.root.device(AUDIO)
    for name in ("card1", "renderD129", "version"):
        (display / "drm" / name).mkdir(parents=True)
    for name in ("controlC2", "pcmC2D3p", "hwC2D0", "id", "power"):
        (sound / "sound/card2" / name).mkdir(parents=True)
    functions = read_inventory(host.root).functions
    assert nodes_of(functions, host.root) == {
        "/dev/dri/card1",
        "/dev/dri/renderD129",
        "/dev/snd/controlC2",
        "/dev/snd/pcmC2D3p",
        "/dev/snd/hwC2D0",
    }
    assert nodes_of(functions[1:], host.root) == {
        "/dev/snd/controlC2",
        "/dev/snd/pcmC2D3p",
        "/dev/snd/hwC2D0",
    }


def test_nodes_of_a_card_for_machines_are_its_groups_and_its_functions(host: FakeHost) -> None:
    host.add_card(group=12, mode="vfio")
    (host.root.device(AUDIO) / "vfio-dev/vfio3").mkdir(parents=True)
    assert nodes_of(read_inventory(host.root).functions, host.root) == {
        "/dev/vfio/12",
        # The one that is opened by what uses iommufd, and not the group's.
        "/dev/vfio/devices/vfio3",
    }


def test_a_machine_that_has_a_card_is_its_holder(host: FakeHost) -> None:
    host.add_card(group=12, mode="vfio")
    host.load("nvidia", users={"nvidia": ("nvidia_uvm",)})
    host.add_process(7, "qemu-system-x86", opened=("/dev/kvm", "/dev/vfio/vfio", "/dev/vfio/12"))
    host.add_process(8, "qemu-system-x86", opened=("/dev/vfio/vfio", "/dev/vfio/13"))
    # Of another card.
    host.add_process(9, "python3", opened=("/dev/nvidia0",))
    inventory = read_inventory(host.root)
    [card] = find_cards(inventory)
    told = find_card_holders(card, inventory, host.root).found
    assert told == (Holder("qemu-system-x86", ("/dev/vfio/12",), 7),)


def test_a_card_of_containers_has_all_who_use_the_driver(host: FakeHost) -> None:
    host.add_card()
    host.load("nvidia", users={"nvidia": ("nvidia_uvm",)})
    host.add_process(7, "python3", opened=("/dev/nvidia1",))
    inventory = read_inventory(host.root)
    [card] = find_cards(inventory)
    told = find_card_holders(card, inventory, host.root).found
    assert [str(one) for one in told] == [
        "the module nvidia_uvm",
        "python3 (pid 7) has /dev/nvidia1 open",
    ]


def test_the_persistence_daemon_is_known_by_what_the_kernel_keeps_of_its_name(
    host: FakeHost,
) -> None:
    host.add_process(7, "nvidia-modprobe")
    host.add_process(8, "nvidia-pers")
    assert not runs_persistence(host.root)
    host.add_process(9, "nvidia-persiste")
    assert runs_persistence(host.root)


def show_console(
    host: FakeHost, name: str, framebuffers: Sequence[str] = (GPU,), *, bound: bool
) -> None:
    host.write("sys/class/vtconsole/vtcon0/bind", "0")
    host.write("sys/class/vtconsole/vtcon0/name", "(S) dummy device")
    host.write("sys/class/vtconsole/vtcon1/bind", str(int(bound)))
    host.write("sys/class/vtconsole/vtcon1/name", name)
    for number, target in enumerate(framebuffers):
        framebuffer = host.path / f"sys/class/graphics/fb{number}"
        framebuffer.mkdir(parents=True)
        (framebuffer / "device").symlink_to(f"../../../{target}")
    (host.path / "sys/class/graphics/fbcon").mkdir()


@pytest.mark.parametrize(
    ("framebuffers", "command_line", "shown"),
    [
        ((GPU,), "", {GPU}),
        # Also of a driver that makes a framebuffer for each card.
        ((SECOND_GPU, GPU), "quiet", {SECOND_GPU}),
        ((SECOND_GPU, GPU), "quiet fbcon=map:1", {SECOND_GPU, GPU}),
        ((SECOND_GPU, GPU), "fbcon=font:SUN8x16,map:0100 quiet", {SECOND_GPU, GPU}),
        # The firmware's, which newer kernels have below the function.
        (("efi-framebuffer.0",), "", {SECOND_GPU}),
        ((f"{GPU}/simple-framebuffer.0",), "", {GPU}),
    ],
)
def test_a_console_is_on_the_framebuffers_that_it_is_mapped_to(
    host: FakeHost, framebuffers: tuple[str, ...], command_line: str, shown: set[str]
) -> None:
    host.add_card()
    host.add_card("0000:02:00", group=2)
    host.write(f"sys/bus/pci/devices/{SECOND_GPU}/boot_vga", "1")
    host.write("proc/cmdline", command_line)
    show_console(host, "(M) frame buffer device", framebuffers, bound=True)
    assert console_cards(host.root) == shown


def test_a_card_that_was_taken_from_the_firmware_has_no_console(host: FakeHost) -> None:
    host.add_card(mode="vfio")
    host.write(f"sys/bus/pci/devices/{GPU}/boot_vga", "1")
    show_console(host, "(M) frame buffer device", ("efi-framebuffer.0",), bound=True)
    assert console_cards(host.root) == frozenset()


@pytest.mark.parametrize(
    ("name", "bound"), [("(M) frame buffer device", False), ("(M) VGA+", True)]
)
def test_a_console_elsewhere_is_on_none(host: FakeHost, name: str, bound: bool) -> None:
    host.add_card()
    show_console(host, name, bound=bound)
    assert console_cards(host.root) == frozenset()


def test_without_a_screen_there_is_no_console_and_nobody_draws(host: FakeHost) -> None:
    assert console_cards(host.root) == drm_masters(host.root) == frozenset()


@pytest.mark.parametrize("more", ["", "            <unset>     4"])
@pytest.mark.parametrize(
    ("command", "master", "draws"),
    [
        ("systemd-logind", "y", True),
        ("systemd-logind", "n", False),
        # A program's name may have blanks, and look like anything.
        ("kwin wayland", "y", True),
        ("1 2 y y 3", "n", False),
        ("<unknown>", "y", True),
    ],
)
def test_who_is_master_of_a_display_draws_on_it(
    host: FakeHost, command: str, master: str, draws: bool, more: str
) -> None:
    heading = "             command  tgid dev master a   uid      magic"
    # As drm_clients_info writes it.
    client = f"{command:>20} {620:5} {0:3}   {master}    y {1000:5} {0:10}{more}"
    host.write("sys/kernel/debug/dri/0/clients", heading)
    host.write("sys/kernel/debug/dri/1/clients", f"{heading}\n{client}")
    host.write("sys/kernel/debug/dri/129/clients", f"{heading}\n{client}")
    for minor, address in ((0, "0000:00:02.0"), (1, GPU)):
        card = host.path / f"sys/class/drm/card{minor}"
        card.mkdir(parents=True)
        (card / "device").symlink_to(host.root.device(address))
    assert drm_masters(host.root) == ({GPU} if draws else frozenset())
