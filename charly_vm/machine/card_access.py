"""Whether a machine can use a card of this host: where its QEMU runs, how much memory that may pin,
and whether it may open the card's IOMMU group."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from charly_vm.backend.libvirt_session import libvirt_uri, with_connection
from charly_vm.errors import GuestTimeout, HostError
from charly_vm.host.amounts import format_size
from charly_vm.host.waiting import Deadline, NotYet, wait_for
from charly_vm.machine.survey import wanted_backend
from charly_vm.model.project import Target

if TYPE_CHECKING:
    from charly_vm.gpu.cards import Card

UDEV_SECONDS = 3.0
OVERHEAD = 2**30
"""Bytes that QEMU pins for a guest with a device of the host, beside the guest's RAM."""
MISSING = "missing"


def find_hypervisor(target: Target) -> str:
    """The URI of the libvirt that is to run a target's machine, which may not be there after all;
    empty where it is plain QEMU. Raises `HostError` where only libvirt knows, and does not answer.
    """
    backend = target.entity.backend
    if (wanted_backend() if backend == "auto" else backend) == "qemu":
        return ""
    uri = libvirt_uri()
    if "://" in uri:
        return uri
    # A name that libvirt's own configuration has for one.
    return with_connection(lambda connection: str(connection.getURI()))


def runs_as_root(uri: str) -> bool:
    """Whether the daemon behind the URI is the system's: it opens /dev/vfio itself and raises
    QEMU's memlock limit, so this account's rights and limits say nothing."""
    return urlsplit(uri).path == "/system"


def require_memlock(ram: int) -> None:
    """Raise `HostError` where this account's QEMU may not pin all memory of a guest with `ram`
    bytes, which a device of the host may write to at any time."""
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
    needed = ram + OVERHEAD
    if os.geteuid() == 0 or limit == resource.RLIM_INFINITY or limit >= needed:
        return
    line = f"{os.environ.get('USER', '$USER')} - memlock {needed // 1024}"
    raise HostError(
        f"this account may pin {format_size(limit)} of memory, and the guest and its card "
        f"need {format_size(needed)}",
        hint=f"echo '{line}' | sudo tee /etc/security/limits.d/charly.conf, and log in again",
    )


def require_usable(cards: Sequence[Card], *, as_root: bool) -> None:
    """Raise `HostError` with every thing that keeps a guest from cards that are switched to vfio;
    `as_root` where it is not this account that opens them."""
    problems = [
        problem
        for card in cards
        for problem in (
            *_find_driver_problems(card),
            *([] if as_root else _find_node_problem(card)),
        )
    ]
    if problems:
        raise HostError(
            "; ".join(reason for reason, _ in problems),
            hint="; ".join(remedy for _, remedy in problems),
        )


def _find_driver_problems(card: Card) -> Iterator[tuple[str, str]]:
    from charly_vm.gpu.cards import VFIO

    for one in card.functions:
        if one.driver != VFIO:
            yield (
                f"{one.address} is on {one.driver or 'no driver'}, and not on vfio-pci",
                f"charly vm gpu mode vfio {card.address}",
            )


def _find_node_problem(card: Card) -> Iterator[tuple[str, str]]:
    """What is wrong with the group's node once udev has had its time with one that is new."""
    from charly_vm.gpu.cards import Mode
    from charly_vm.gpu.root import HOST
    from charly_vm.gpu.status import NODE_REMEDY

    name = f"/dev/vfio/{card.group}"
    node = HOST.dev / "vfio" / str(card.group)

    def probe() -> NotYet | None:
        if not node.exists():
            # The kernel makes it for the first function on vfio-pci. Without one, it is no news.
            return NotYet(MISSING) if card.mode is Mode.VFIO else None
        return None if os.access(node, os.R_OK | os.W_OK) else NotYet("closed to this account")

    try:
        wait_for(name, probe, Deadline(UDEV_SECONDS), every=0.05)
    except GuestTimeout as error:
        if error.seen == MISSING:
            yield (
                f"{name} is not there, though all of {card.address} is on vfio-pci",
                "a container needs the host's /dev/vfio, and a kernel CONFIG_VFIO_GROUP",
            )
        else:
            yield f"this account may not use {name}", NODE_REMEDY
