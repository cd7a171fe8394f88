"""Card readers, each with a card in it."""

from __future__ import annotations

from charly_vm.model.libvirt.devices.smartcard import Smartcard
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.qemu import buses
from charly_vm.render.qemu.character import KINDS, render_source
from charly_vm.render.qemu.option import Value, device, option


def render_smartcards(machine: ResolvedMachine) -> list[str]:
    words = []
    for number, card in enumerate(machine.libvirt.devices.smartcard, 1):
        reader = f"ccid{number}"
        words += device("usb-ccid", {"id": reader, "bus": buses.USB})
        words += _card(f"smartcard{number}", f"{reader}.0", card)
    return words


def _card(name: str, bus: str, card: Smartcard) -> list[str]:
    if card.mode == "passthrough":
        kind = card.type or "spicevmc"
        properties: dict[str, Value] = {"id": name, **render_source(kind, card.source)}
        if kind == "spicevmc":
            properties["name"] = "smartcard"
        chardev = option(KINDS.get(kind, kind), properties)
        card_device = device("ccid-card-passthru", {"bus": bus, "chardev": name})
        return ["-chardev", chardev, *card_device]
    if card.mode == "host":
        return device("ccid-card-emulated", {"bus": bus, "backend": "nss-emulated"})
    first, second, third = card.certificates or ("", "", "")
    certificates: dict[str, Value] = {
        "bus": bus,
        "backend": "certificates",
        "cert1": first,
        "cert2": second,
        "cert3": third,
        "db": card.database,
    }
    return device("ccid-card-emulated", certificates)
