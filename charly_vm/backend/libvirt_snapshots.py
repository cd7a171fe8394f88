"""Snapshots on the libvirt backend.

External ones are images of ours, which libvirt is only told to write to: it can neither go back to
one before 9.9 nor remove one. Internal ones are libvirt's own, so that virsh shows them too. What
libvirt knows about one goes away with its domain, so it is kept in a file and told again.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

from charly_vm.backend.libvirt_binding import import_libvirt
from charly_vm.errors import GuestError, HostError
from charly_vm.host.files import explain_os_errors, make_private_directory, write_atomically
from charly_vm.model.protocols import Domain
from charly_vm.model.resolved import Paths
from charly_vm.render.domain_xml import CHARLY_NAMESPACE, QEMU_NAMESPACE

ET.register_namespace("charly", CHARLY_NAMESPACE)
ET.register_namespace("qemu", QEMU_NAMESPACE)

KEPT = ".libvirt.xml"
"""Behind a snapshot's name: the file that says what libvirt knows about it."""


def use_layer(found: Any, paths: Paths) -> None:
    """Have a domain's definition name the image that the machine is to write to.

    Everything else in it stays, what people have changed there too.
    """
    libvirt = import_libvirt()
    flags = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
    xml = render_with_layer(found.XMLDesc(flags), paths)
    found.connect().defineXMLFlags(xml, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)


def render_with_layer(xml: str, paths: Paths) -> str:
    """A definition whose own disk is the image in use, whichever of its images it was before."""
    domain = ET.fromstring(xml)
    first = paths.of_fresh_disk.overlay
    for disk in domain.findall("devices/disk"):
        source = disk.find("source")
        file = Path("" if source is None else source.get("file", ""))
        if source is None or (file != first and file.parent != paths.snapshots):
            continue
        source.set("file", str(paths.overlay))
        for chain in disk.findall("backingStore"):
            # Of the disk before; libvirt looks at the images itself where none is named.
            disk.remove(chain)
    return ET.tostring(domain, encoding="unicode")


def switch_layer(found: Any, domain: Domain, layer: Path, below: Path) -> None:
    """Have a running domain write to `layer` instead of `below`, on which it stands."""
    libvirt = import_libvirt()
    disks = ET.fromstring(found.XMLDesc(0)).findall("devices/disk")
    sources = [_attribute(disk, "source", "file") for disk in disks]
    if str(layer) in sources:
        return
    if str(below) not in sources:
        raise HostError(
            f"{domain.name} does not write to {below}",
            hint=f"`charly vm stop` and `charly vm start` have it use {layer}",
        )
    found.snapshotCreateXML(
        _render_switch(disks, layer, below),
        libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
        | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT
        | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA,
    )


def _render_switch(disks: list[ET.Element], layer: Path, below: Path) -> str:
    """An author's other disks are left as they are."""
    wanted = ET.Element("domainsnapshot")
    chosen = ET.SubElement(wanted, "disks")
    for disk in disks:
        ours = _attribute(disk, "source", "file") == str(below)
        entry = ET.SubElement(chosen, "disk", name=_attribute(disk, "target", "dev"))
        entry.set("snapshot", "external" if ours else "no")
        if ours:
            ET.SubElement(entry, "driver", type="qcow2")
            ET.SubElement(entry, "source", file=str(layer))
    return ET.tostring(wanted, encoding="unicode")


def save(found: Any, domain: Domain, name: str) -> None:
    wanted = ET.Element("domainsnapshot")
    ET.SubElement(wanted, "name").text = name
    _keep(domain, found.snapshotCreateXML(ET.tostring(wanted, encoding="unicode"), 0))


def load(found: Any, domain: Domain, name: str, *, memory: bool) -> None:
    """Go back to a snapshot; the domain has to be off."""
    libvirt = import_libvirt()
    flags = libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING if memory else 0
    found.revertToSnapshot(_require(found, domain, name), flags)


def drop(found: Any, domain: Domain, name: str) -> None:
    snapshot = _find(found, domain, name)
    if snapshot is not None:
        snapshot.delete(0)
    _kept(domain, name).unlink(missing_ok=True)


def find_all(found: Any, domain: Domain) -> dict[str, bool]:
    """libvirt's snapshots by name, and whether each has the memory."""
    for file in domain.paths.snapshots.glob(f"*{KEPT}"):
        _find(found, domain, file.name.removesuffix(KEPT))
    snapshots = found.listAllSnapshots()
    for one in snapshots:
        # One whose making was cut short behind libvirt's own part.
        if not _kept(domain, one.getName()).exists():
            _keep(domain, one)
    return {
        one.getName(): ET.fromstring(one.getXMLDesc(0)).findtext("state") != "shutoff"
        for one in snapshots
    }


def freeze(found: Any) -> None:
    libvirt = import_libvirt()
    try:
        found.fsFreeze()
    except libvirt.libvirtError as error:
        raise GuestError(
            f"the guest agent does not freeze the file systems: {error}",
            hint="install qemu-guest-agent in the guest and have it running",
        ) from error


def thaw(found: Any) -> None:
    libvirt = import_libvirt()
    try:
        found.fsThaw()
    except libvirt.libvirtError as error:
        raise GuestError(f"the guest agent does not thaw the file systems: {error}") from error


def _require(found: Any, domain: Domain, name: str) -> Any:
    snapshot = _find(found, domain, name)
    if snapshot is None:
        raise HostError(
            f"libvirt does not know the snapshot {name} of {domain.name}",
            hint="it was made by another program, or its making was cut short: delete it",
        )
    return snapshot


def _find(found: Any, domain: Domain, name: str) -> Any | None:
    libvirt = import_libvirt()
    try:
        return found.snapshotLookupByName(name)
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN_SNAPSHOT:
            raise
    kept = _kept(domain, name)
    if not kept.exists():
        return None
    with explain_os_errors(f"read {kept}"):
        description = kept.read_text()
    return found.snapshotCreateXML(description, libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE)


def _keep(domain: Domain, snapshot: Any) -> None:
    make_private_directory(domain.paths.snapshots)
    secure = import_libvirt().VIR_DOMAIN_SNAPSHOT_XML_SECURE
    write_atomically(_kept(domain, snapshot.getName()), snapshot.getXMLDesc(secure))


def _kept(domain: Domain, name: str) -> Path:
    return domain.paths.snapshots / f"{name}{KEPT}"


def _attribute(disk: ET.Element, tag: str, name: str) -> str:
    element = disk.find(tag)
    return "" if element is None else element.get(name, "")
