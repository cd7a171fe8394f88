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
    ],
)
def test_known_words_become_an_error_that_says_what_to_do(log: str, message: str) -> None:
    error = explain_launch_failure(log)
    assert error is not None
    assert error.message == message
    assert error.hint


def test_unknown_words_stay_as_they_are() -> None:
    assert explain_launch_failure("qemu-system-x86_64: something new") is None
