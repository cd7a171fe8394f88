"""IOMMU groups as cards: which mode each is in, and whether it is the host's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_host import AUDIO, GPU, SECOND_AUDIO, SECOND_GPU, FakeHost

from charly_vm.gpu.cards import Card, Mode, Screens, find_cards, wanted_driver, why_own
from charly_vm.gpu.inventory import Inventory, read_inventory
from charly_vm.gpu.pci import Function
from charly_vm.gpu.situation import find_own_cards, observe_screens

USB, UCSI = "0000:01:00.2", "0000:01:00.3"
NOTHING = Screens()


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


def cards_of(host: FakeHost) -> list[Card]:
    return find_cards(read_inventory(host.root))


def card_with(display: str, sound: str, *others: Function) -> Card:
    functions = (
        Function(GPU, 0x10DE, 0x28C2, 0x030000, display, 1),
        Function(AUDIO, 0x10DE, 0x22BE, 0x040300, sound, 1),
        *others,
    )
    [card] = find_cards(Inventory(functions))
    return card


@pytest.mark.parametrize(
    ("display", "sound", "mode", "state"),
    [
        ("vfio-pci", "vfio-pci", Mode.VFIO, "vfio"),
        ("nvidia", "snd_hda_intel", Mode.NVIDIA, "nvidia"),
        # A host without a driver for sound.
        ("nvidia", "", Mode.NVIDIA, "nvidia"),
        ("nvidia", "vfio-pci", None, "half-switched"),
        ("vfio-pci", "snd_hda_intel", None, "half-switched"),
        ("vfio-pci", "", None, "half-switched"),
        ("", "vfio-pci", None, "half-switched"),
        ("", "snd_hda_intel", None, "half-switched"),
        ("", "", None, "unbound"),
        ("nouveau", "snd_hda_intel", None, "driven by nouveau"),
        ("amdgpu", "vfio-pci", None, "driven by amdgpu"),
    ],
)
def test_a_mode_is_one_of_all_functions(
    display: str, sound: str, mode: Mode | None, state: str
) -> None:
    card = card_with(display, sound)
    assert card.mode is mode
    assert card.state == state


def test_a_port_of_the_card_has_to_come_along_to_a_machine_and_to_nowhere_else() -> None:
    def port(driver: str) -> Function:
        return Function(USB, 0x10DE, 0x1AD8, 0x0C0330, driver, 1)

    assert card_with("vfio-pci", "vfio-pci", port("vfio-pci")).mode is Mode.VFIO
    assert card_with("vfio-pci", "vfio-pci", port("xhci_hcd")).mode is None
    for driver in ("xhci_hcd", "vfio-pci", ""):
        assert card_with("nvidia", "snd_hda_intel", port(driver)).mode is Mode.NVIDIA


def test_a_card_is_a_whole_group_but_for_its_bridges(host: FakeHost) -> None:
    host.add_function("0000:00:01.0", pci_class=0x060400, vendor=0x8086, driver="pcieport")
    host.add_card()
    host.add_function(USB, pci_class=0x0C0330, driver="xhci_hcd")
    host.add_function(UCSI, pci_class=0x0C8000, driver="nvidia-gpu")
    [card] = cards_of(host)
    assert [one.address for one in card.functions] == [GPU, AUDIO, USB, UCSI]
    assert card.group == 1
    assert card.address == card.main.address == GPU
    assert card.foreign == ()
    assert [one.address for one in card.displays] == [GPU]


def test_what_is_plugged_into_another_slot_is_foreign(host: FakeHost) -> None:
    host.add_function("0000:00:1f.3", pci_class=0x040300, vendor=0x8086)
    host.add_card()
    [card] = cards_of(host)
    assert [one.address for one in card.foreign] == ["0000:00:1f.3"]
    # It is not what the card is called after, though its address is lower.
    assert card.address == GPU


def test_two_displays_in_one_group_go_together(host: FakeHost) -> None:
    host.add_card()
    host.add_card("0000:02:00", group=1, mode="vfio")
    [card] = cards_of(host)
    assert [one.address for one in card.displays] == [GPU, SECOND_GPU]
    assert card.foreign == ()
    assert card.mode is None


def test_displays_without_a_monitor_are_displays_as_well(host: FakeHost) -> None:
    """3D controllers, and what PCI calls other displays."""
    host.add_function(GPU, pci_class=0x030200, group=1)
    host.add_function(SECOND_GPU, pci_class=0x038000, group=2)
    host.add_function("0000:03:00.0", pci_class=0x120000, group=3)
    assert [card.address for card in cards_of(host)] == [GPU, SECOND_GPU]


def test_without_an_iommu_every_device_is_a_card(host: FakeHost) -> None:
    for slot in ("0000:02:00", "0000:01:00"):
        host.add_function(f"{slot}.0", group=None, driver="nvidia")
        host.add_function(f"{slot}.1", pci_class=0x040300, group=None)
    first, second = cards_of(host)
    assert (first.group, second.group) == (-1, -1)
    assert [one.address for one in first.functions] == [GPU, AUDIO]
    assert [one.address for one in second.functions] == [SECOND_GPU, SECOND_AUDIO]


def test_a_virtual_function_is_no_card(host: FakeHost) -> None:
    host.add_card()
    child = host.add_function("0000:01:01.0", group=9)
    (child / "physfn").symlink_to(host.root.device(GPU))
    assert [card.address for card in cards_of(host)] == [GPU]


def test_each_function_has_a_driver_in_each_mode() -> None:
    [display, sound, other] = card_with(
        "", "", Function(USB, 0x10DE, 0x1AD8, 0x0C0330, "", 1)
    ).functions
    assert [wanted_driver(one, Mode.NVIDIA) for one in (display, sound, other)] == [
        "nvidia",
        "snd_hda_intel",
        "vfio-pci",
    ]
    assert {wanted_driver(one, Mode.VFIO) for one in (display, sound, other)} == {"vfio-pci"}


@pytest.mark.parametrize("driver", ["amdgpu", "i915", "xe", "nouveau", "radeon", "ast"])
def test_a_display_on_any_other_driver_is_the_hosts_own(driver: str) -> None:
    why = why_own(card_with(driver, "snd_hda_intel"), NOTHING)
    assert why == f"{GPU} is driven by {driver} for the host itself"


@pytest.mark.parametrize("driver", ["nvidia", "vfio-pci", ""])
def test_where_somebody_looks_at_something_it_is_the_hosts_own(driver: str) -> None:
    card = card_with(driver, "")
    assert why_own(card, NOTHING) == ""
    assert "draws on the display" in why_own(card, Screens(masters=[GPU]))
    assert "console is on the framebuffer" in why_own(card, Screens(consoles=[GPU]))
    assert why_own(card, Screens(consoles=[SECOND_GPU], masters=[SECOND_GPU, AUDIO])) == ""


def test_the_second_display_of_a_group_counts_too(host: FakeHost) -> None:
    host.add_card(mode="vfio")
    host.add_function(SECOND_GPU, vendor=0x1002, driver="amdgpu")
    [card] = cards_of(host)
    assert why_own(card, NOTHING) == f"{SECOND_GPU} is driven by amdgpu for the host itself"


@pytest.mark.parametrize("mode", ["nvidia", "vfio", "unbound"])
def test_the_only_card_of_a_host_without_a_screen_is_not_its_own(host: FakeHost, mode: str) -> None:
    host.add_card(mode=mode)
    (host.root.device(GPU) / "boot_vga").write_text("1\n")
    cards = cards_of(host)
    assert len(cards) == 1
    assert find_own_cards(cards, observe_screens(host.root)) == {}


def test_the_hosts_own_are_found_with_their_reasons(host: FakeHost) -> None:
    host.add_function("0000:00:02.0", vendor=0x8086, group=0, driver="i915")
    host.add_card()
    host.add_card("0000:02:00", group=2)
    host.write("sys/class/vtconsole/vtcon1/bind", "1")
    host.write("sys/class/vtconsole/vtcon1/name", "(M) frame buffer device")
    framebuffer = host.path / "sys/class/graphics/fb0"
    framebuffer.mkdir(parents=True)
    (framebuffer / "device").symlink_to(host.root.device(SECOND_GPU))
    found = find_own_cards(cards_of(host), observe_screens(host.root))
    assert found == {
        "0000:00:02.0": "0000:00:02.0 is driven by i915 for the host itself",
        SECOND_GPU: f"the host's console is on the framebuffer of {SECOND_GPU}",
    }
