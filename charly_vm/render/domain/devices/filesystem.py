"""`<filesystem>`."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.libvirt.devices.filesystem import Filesystem, IdMap, Virtiofsd
from charly_vm.render.domain.devices.driver import virtio_attributes
from charly_vm.render.domain.element import add_given, attributes_given


def render_filesystem(filesystem: Filesystem) -> ET.Element:
    element = ET.Element(
        "filesystem",
        attributes_given(
            type=filesystem.type,
            accessmode=filesystem.accessmode,
            model=filesystem.model,
            multidevs=filesystem.multidevs,
            fmode=filesystem.fmode,
            dmode=filesystem.dmode,
        ),
    )
    driver = filesystem.driver
    add_given(
        element,
        "driver",
        type=driver.type,
        queue=driver.queue,
        wrpolicy=driver.wrpolicy,
        **virtio_attributes(driver),
    )
    if filesystem.binary:
        element.append(_render_binary(filesystem.binary))
    add_given(element, "source", dir=filesystem.source.dir, socket=filesystem.source.socket)
    if filesystem.idmap and (filesystem.idmap.uid or filesystem.idmap.gid):
        element.append(_render_idmap(filesystem.idmap))
    ET.SubElement(element, "target", dir=filesystem.target.dir)
    if filesystem.readonly:
        ET.SubElement(element, "readonly")
    add_given(element, "boot", order=filesystem.boot)
    return element


def _render_binary(binary: Virtiofsd) -> ET.Element:
    element = ET.Element("binary", attributes_given(path=binary.path, xattr=binary.xattr))
    add_given(element, "cache", mode=binary.cache and binary.cache.mode)
    add_given(element, "sandbox", mode=binary.sandbox and binary.sandbox.mode)
    if binary.lock:
        add_given(element, "lock", posix=binary.lock.posix, flock=binary.lock.flock)
    add_given(element, "thread_pool", size=binary.thread_pool and binary.thread_pool.size)
    add_given(element, "openfiles", max=binary.openfiles and binary.openfiles.max)
    return element


def _render_idmap(idmap: IdMap) -> ET.Element:
    element = ET.Element("idmap")
    for name, ranges in (("uid", idmap.uid), ("gid", idmap.gid)):
        for one in ranges:
            add_given(element, name, start=one.start, target=one.target, count=one.count)
    return element
