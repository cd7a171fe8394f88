"""A token means the same cards every time: those that its selector names, the host's own apart."""

from __future__ import annotations

import pytest

from charly_vm.gpu.cards import Card
from charly_vm.gpu.pci import Function
from charly_vm.gpu.selection import describe_selector, matches, select
from charly_vm.model.resource import Gpu

NVIDIA, AMD = 0x10DE, 0x1002


def card_at(slot: str, vendor: int = NVIDIA, device: int = 0x28C2) -> Card:
    return Card(
        int(slot, 16),
        (
            Function(f"0000:{slot}:00.0", vendor, device, 0x030000),
            Function(f"0000:{slot}:00.1", vendor, 0x22BE, 0x040300),
        ),
    )


FIRST, SECOND, THIRD = card_at("01"), card_at("02", device=0x2684), card_at("0a")
OTHER = card_at("03", AMD, 0x73BF)
ALL = (THIRD, OTHER, SECOND, FIRST)


@pytest.mark.parametrize(
    ("selector", "chosen"),
    [
        (Gpu(vendor="0x10de"), [FIRST]),
        (Gpu(vendor="10DE", count=2), [FIRST, SECOND]),
        (Gpu(vendor="0x10de", count=9), [FIRST, SECOND, THIRD]),
        (Gpu(vendor="0x10de", device="0x2684"), [SECOND]),
        (Gpu(vendor="0x10de", device="0x28c2", count=2), [FIRST, THIRD]),
        (Gpu(vendor="0x10de", address="0000:02:00.0"), [SECOND]),
        (Gpu(vendor="0x10de", address="0A:00.0"), [THIRD]),
        (Gpu(vendor="0x10de", device="0x28c2", address="02:00.0"), []),
        (Gpu(vendor="0x1002", address="02:00.0"), []),
        (Gpu(vendor="0x1002"), [OTHER]),
        (Gpu(vendor="0x8086"), []),
        # Sound is no card.
        (Gpu(vendor="0x10de", device="0x22be"), []),
        (Gpu(vendor="0x10de", address="01:00.1"), []),
    ],
)
def test_those_that_fit_are_taken_by_address_as_many_as_are_wanted(
    selector: Gpu, chosen: list[Card]
) -> None:
    assert select(selector, ALL) == chosen
    assert select(selector, reversed(ALL)) == chosen


def test_the_hosts_own_are_left_out() -> None:
    own = [FIRST.address]
    assert select(Gpu(vendor="0x10de"), ALL, own) == [SECOND]
    assert select(Gpu(vendor="0x10de", count=3), ALL, own) == [SECOND, THIRD]
    assert select(Gpu(vendor="0x1002"), ALL, [OTHER.address]) == []


def test_one_that_is_named_by_its_address_is_taken_and_refused_with_its_reason_later() -> None:
    selector = Gpu(vendor="0x10de", address="0000:01:00.0")
    assert select(selector, ALL, [FIRST.address]) == [FIRST]


def test_any_display_of_a_group_may_be_the_one_that_is_named() -> None:
    both = Card(1, (*FIRST.functions, *OTHER.functions))
    assert matches(Gpu(vendor="0x1002"), both)
    assert matches(Gpu(vendor="0x10de"), both)
    assert matches(Gpu(vendor="0x1002", address="03:00.0"), both)
    # All that it says has to be so of one of them.
    assert not matches(Gpu(vendor="0x1002", address="01:00.0"), both)


@pytest.mark.parametrize(
    ("selector", "told"),
    [
        (Gpu(vendor="10de"), "vendor 0x10de"),
        (Gpu(vendor="0x10de", device="0x2684"), "vendor 0x10de, device 0x2684"),
        (Gpu(vendor="0x10de", address="01:00.0"), "vendor 0x10de, address 0000:01:00.0"),
        (Gpu(vendor="0x10de", count=2), "2 of vendor 0x10de"),
    ],
)
def test_a_selector_is_told_in_words(selector: Gpu, told: str) -> None:
    assert describe_selector(selector) == told
