"""A card as a machine's devices: how they stand in its `instance.yml`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from charly_vm.gpu.cards import Card
from charly_vm.gpu.status import CardStatus


def hostdevs_of(card: Card | CardStatus) -> list[dict[str, str]]:
    """Every function of the card's IOMMU group, as `libvirt.devices.hostdevs` has them."""
    return [{"type": "pci", "managed": "yes", "source": one.address} for one in card.functions]


def render_instance(written: Mapping[str, Any], cards: Sequence[Card], why: str) -> str:
    """The text of an `instance.yml` with these cards in it, and with all that it says already.

    `why` is the comment above the devices.
    """
    import yaml

    data = {**written}
    libvirt = {**(data.get("libvirt") or {})}
    devices = {**(libvirt.get("devices") or {})}
    devices["hostdevs"] = [device for card in cards for device in hostdevs_of(card)]
    libvirt["devices"] = devices
    data["libvirt"] = libvirt
    comment = "".join(f"# {line}\n" for line in why.splitlines())
    return comment + yaml.safe_dump(data, sort_keys=False, default_flow_style=None)
