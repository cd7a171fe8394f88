"""A card as a machine's devices: how they stand in its `instance.yml`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from charly_vm.gpu.cards import Card
from charly_vm.gpu.status import CardStatus


def hostdevs_of(card: Card | CardStatus) -> list[dict[str, Any]]:
    """Every function of the card's IOMMU group, as `libvirt.devices.hostdevs` has them."""
    return [
        {"type": "pci", "managed": "yes", "source": source_of(one.address)}
        for one in card.functions
    ]


def source_of(address: str) -> dict[str, str]:
    """An address in its four parts, each as the hexadecimal number that it is."""
    domain, bus, rest = address.split(":")
    slot, _, function = rest.partition(".")
    parts = {"domain": domain, "bus": bus, "slot": slot, "function": function}
    return {name: f"0x{part}" for name, part in parts.items()}


def render_hostdev(device: Mapping[str, Any]) -> str:
    """One of them on a line of YAML."""
    source = ", ".join(f"{name}: {part}" for name, part in device["source"].items())
    return f'{{type: pci, managed: "yes", source: {{{source}}}}}'


def append_instance(text: str, written: Mapping[str, Any], added: str) -> str | None:
    """An `instance.yml` of which `text` is all, and says `written`, with more below it, so that
    its comments stay; None where that would not say both."""
    import yaml

    whole = f"{text.rstrip()}\n\n{added}" if text.strip() else added
    try:
        data, more = yaml.safe_load(whole), yaml.safe_load(added)
    except yaml.YAMLError:
        return None
    apart = isinstance(data, dict) and written.keys().isdisjoint(more)
    return whole if apart and data.keys() == written.keys() | more.keys() else None


def render_instance(written: Mapping[str, Any], cards: Sequence[Card], why: str) -> str:
    """The text of an `instance.yml` with these cards in it, and with all that it says already, but
    for comments.

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
