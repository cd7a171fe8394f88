"""Directories of the host's that the guest can mount: 9p, and a virtiofsd that runs already."""

from __future__ import annotations

from charly_vm.model.libvirt.devices.filesystem import Filesystem
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.qemu.option import Value, device, option
from charly_vm.render.qemu.virtio import virtio_device, virtio_options

SECURITY_MODELS = {"passthrough": "passthrough", "mapped": "mapped", "squash": "none"}
"""Whose the guest's files are on the host: the guest's own ids, attributes, or nobody's matter."""


def render_filesystems(machine: ResolvedMachine) -> list[str]:
    words = []
    for number, shared in enumerate(machine.libvirt.devices.filesystems, 1):
        name = f"filesystem{number}"
        words += _virtiofs(name, shared) if shared.driver.type == "virtiofs" else _9p(name, shared)
    return words


def _9p(name: str, shared: Filesystem) -> list[str]:
    properties: dict[str, Value] = {
        "id": name,
        "path": shared.source.dir,
        "security_model": SECURITY_MODELS[shared.accessmode or "passthrough"],
        "writeout": shared.driver.wrpolicy,
        "multidevs": None if shared.multidevs == "default" else shared.multidevs,
        "fmode": shared.fmode,
        "dmode": shared.dmode,
        "readonly": shared.readonly or None,
    }
    return [
        *("-fsdev", option("local", properties)),
        *device(
            virtio_device("virtio-9p", shared.model),
            {
                "fsdev": name,
                "mount_tag": shared.target.dir,
                **virtio_options(shared.driver, shared.model),
            },
        ),
    ]


def _virtiofs(name: str, shared: Filesystem) -> list[str]:
    return [
        *("-chardev", option("socket", {"id": name, "path": shared.source.socket})),
        *device(
            virtio_device("vhost-user-fs", shared.model),
            {
                "chardev": name,
                "tag": shared.target.dir,
                "queue-size": shared.driver.queue,
                "bootindex": shared.boot,
                **virtio_options(shared.driver, shared.model),
            },
        ),
    ]
