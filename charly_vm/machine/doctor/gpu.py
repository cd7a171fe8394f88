"""Whether this host can hand a graphics card to a machine, and what hinders it."""

from __future__ import annotations

from charly_vm.gpu.status import CardStatus, HostStatus, read_status
from charly_vm.machine.doctor.finding import Finding

SECTION = "VFIO / GPU"


def examine_gpus() -> list[Finding]:
    """The IOMMU, the driver, and each card; nothing of any device is touched."""
    found = read_status()
    return [_iommu(found), _vfio(found), *(_card(card) for card in found.cards)]


def _iommu(found: HostStatus) -> Finding:
    enables = "a machine with a device of this host"
    if found.iommu:
        words = " ".join(found.command_line)
        return Finding(
            SECTION, "IOMMU", True, f"at work ({words})" if words else "at work", enables
        )
    first = found.obstacles[0]
    return Finding(SECTION, "IOMMU", False, first.reason, enables, first.remedy)


def _vfio(found: HostStatus) -> Finding:
    remedy = "" if found.vfio_module else found.obstacles[-1].remedy
    state = "there" if found.vfio_module else "this kernel has none"
    return Finding(SECTION, "vfio-pci", found.vfio_module, state, "the same", remedy)


def _card(card: CardStatus) -> Finding:
    if card.own:
        state = f"{card.name}, the host's own: {card.own}"
        return Finding(SECTION, card.address, True, state, "the host's own screen")
    good = not card.obstacles
    reasons = "; ".join(one.reason for one in card.obstacles)
    state = f"{card.name}, {card.state}"
    remedies = "; ".join(dict.fromkeys(one.remedy for one in card.obstacles if one.remedy))
    return Finding(
        SECTION,
        card.address,
        good,
        f"{state}: {reasons}" if reasons else state,
        "the card in a machine",
        remedies,
    )
