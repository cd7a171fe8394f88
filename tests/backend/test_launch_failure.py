"""What QEMU, libvirt and passt say when a machine does not start, and what people read instead."""

from __future__ import annotations

import pytest

from charly_vm.backend.launch_failure import explain_launch_failure


@pytest.mark.parametrize(
    ("log", "message"),
    [
        (
            "qemu-system-x86_64: -netdev user,id=net0,hostfwd=tcp:127.0.0.1:2222-:22: "
            "Could not set up host forwarding rule 'tcp:127.0.0.1:2222-:22'",
            "port 2222 of 127.0.0.1 is in use by another program",
        ),
        (
            'qemu-system-x86_64: -device virtio-blk-pci,drive=disk: Failed to get "write" lock\n'
            "Is another process using the image [/data/vm/disk.qcow2]?",
            "another process uses the image /data/vm/disk.qcow2",
        ),
        (
            "qemu-system-x86_64: -drive if=none: Could not open backing file: "
            "Could not open '/data/base.qcow2': No such file or directory",
            "the file /data/base.qcow2 does not exist",
        ),
        (
            "qemu-system-x86_64: -drive if=none: Could not open '/data/disk': Permission denied",
            "QEMU may not open /data/disk",
        ),
        (
            "Cannot access storage file '/data/disk.qcow2': No such file or directory",
            "the file /data/disk.qcow2 does not exist",
        ),
        (
            "Cannot access storage file '/data/disk.qcow2' (as uid:64055, gid:994): "
            "Permission denied",
            "QEMU may not open /data/disk.qcow2",
        ),
        (
            "qemu-system-x86_64: cannot set up guest memory 'pc.ram': Cannot allocate memory",
            "this host has not enough free memory for the machine",
        ),
        ("write: No space left on device", "no room is left on the disk"),
        (
            "qemu-system-x86_64: -spice port=5930: There is no option group 'spice'",
            "this QEMU comes without spice, which is in a package of its own",
        ),
        (
            "qemu-system-x86_64: -device vfio-pci,host=0000:09:00.0: vfio 0000:09:00.0: "
            "no such host device",
            "the PCI device 0000:09:00.0 is not there",
        ),
        (
            "qemu-system-x86_64: -device vfio-pci,host=0000:01:00.0: vfio 0000:01:00.0: "
            "group 5 is not viable",
            "the PCI device 0000:01:00.0 cannot be handed over: its IOMMU group has a device that "
            "another driver uses",
        ),
        (
            "qemu-system-x86_64: -device vfio-pci,host=0000:01:00.0: vfio 0000:01:00.0: "
            "failed to open /dev/vfio/5: Permission denied",
            "QEMU may not open /dev/vfio/5, the IOMMU group of a device that it is to have",
        ),
        (
            "qemu-system-x86_64: -device vfio-pci,host=0000:01:00.0: vfio 0000:01:00.0: failed to "
            "setup container for group 5: memory listener initialization failed: Region mem: "
            "vfio_dma_map(0x55d0, 0x0, 0xc000000, 0x7f60) = -12 (Cannot allocate memory)",
            "this account may not pin the guest's memory, to which a device of the host may write",
        ),
        (
            "cannot limit locked memory of process 4711 to 2147483648: Operation not permitted",
            "this account may not pin the guest's memory, to which a device of the host may write",
        ),
        (
            "qemu-system-x86_64: unable to map backing store for guest RAM: Cannot allocate memory",
            "this host has not enough free huge pages for the machine",
        ),
        (
            "qemu-system-x86_64: -netdev bridge,br=br9,id=n: bridge helper failed",
            "qemu-bridge-helper did not put the machine on its bridge",
        ),
    ],
)
def test_known_words_become_an_error_that_says_what_to_do(log: str, message: str) -> None:
    error = explain_launch_failure(log)
    assert error is not None
    assert error.message == message
    assert error.hint


def test_unknown_words_stay_as_they_are() -> None:
    assert explain_launch_failure("qemu-system-x86_64: something new") is None
