"""What a directory that is shared by virtiofs needs of the machine and of its host."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from charly_vm.errors import HostError
from charly_vm.host.facts import Facts, LibvirtFacts
from charly_vm.model.libvirt import LibvirtDomain
from charly_vm.model.resolve.sharing import require_virtiofs, share_memory

LIBVIRT = LibvirtFacts("qemu:///session", (11, 3, 0), ("qemu",), passt=True)
FACTS = Facts("host", "x86_64", 1000, (), None, LIBVIRT, virtiofsd="/usr/libexec/virtiofsd")


def block(driver: str = "virtiofs", **more: Any) -> LibvirtDomain:
    shared = {"driver": driver, "source": "/srv", "target": "data", "accessmode": "passthrough"}
    return LibvirtDomain.model_validate({"devices": {"filesystems": [shared]}, **more})


def test_virtiofs_gets_memory_that_its_server_can_read() -> None:
    backing = share_memory(block()).memory_backing
    assert backing is not None
    assert (backing.source, backing.access) == ("memfd", "shared")


def test_an_authors_backing_is_honoured_and_what_it_leaves_open_is_filled_in() -> None:
    written: dict[str, Any] = {"memory_backing": {"source": "file", "access": "shared"}}
    assert share_memory(block(**written)) == block(**written)
    huge = share_memory(block(memory_backing={"hugepages": True, "locked": True})).memory_backing
    assert huge is not None
    assert (huge.source, huge.locked, huge.hugepages) == ("memfd", True, ())


def test_memory_is_left_alone_where_nothing_needs_it_shared() -> None:
    assert share_memory(block("9p")).memory_backing is None
    assert share_memory(LibvirtDomain()).memory_backing is None


def test_a_session_shares_by_virtiofs_from_libvirt_10_on() -> None:
    require_virtiofs(block(), FACTS)
    old = dataclasses.replace(FACTS, libvirt=dataclasses.replace(LIBVIRT, version=(9, 0, 0)))
    with pytest.raises(HostError, match=r"need libvirt 10 .* this is 9.0.0\n.*driver: 9p"):
        require_virtiofs(block(), old)
    require_virtiofs(block("9p"), old)


def test_a_host_without_virtiofsd_is_told_what_to_install() -> None:
    bare = dataclasses.replace(FACTS, virtiofsd="")
    with pytest.raises(HostError, match=r"virtiofsd, which is not installed\n.*install virtiofsd"):
        require_virtiofs(block(), bare)
