"""Addresses on the host's buses, in the digits that libvirt itself writes."""

from __future__ import annotations


def pci_address(domain: int, bus: int, slot: int, function: int) -> dict[str, str]:
    return {
        "domain": f"0x{domain:04x}",
        "bus": f"0x{bus:02x}",
        "slot": f"0x{slot:02x}",
        "function": f"0x{function:x}",
    }
