"""The contract of a backend about snapshots and the layers of a disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from contract_subject import Subject, say

from charly_vm.disk.layers import add_layer
from charly_vm.errors import GuestError
from charly_vm.host.process import run
from charly_vm.model.protocols import DomainState

pytestmark = pytest.mark.live


def test_disk_and_memory_come_back_as_they_were(booted: Subject) -> None:
    backend, domain = booted.backend, booted.domain
    assert backend.find_snapshots(domain) == {}
    _fill_disk(booted, "A")
    say(booted, "touch /run/in-memory; echo $((1 + 1))-made", until="2-made")
    backend.save_snapshot(domain, "warm")
    assert booted.state() is DomainState.RUNNING
    assert backend.find_snapshots(domain) == {"warm": True}
    say(booted, "rm /run/in-memory; echo $((1 + 2))-removed", until="3-removed")
    _fill_disk(booted, "B")
    backend.load_snapshot(domain, "warm", memory=True)
    assert booted.state() is DomainState.RUNNING
    assert "4-is-there" in say(
        booted, "[ -e /run/in-memory ] && echo $((1 + 3))-is-there", until="4-is-there"
    )
    assert _disk_has(booted, "A")
    backend.power_off(domain)
    assert backend.find_snapshots(domain) == {"warm": True}
    # Also where nothing runs.
    backend.load_snapshot(domain, "warm", memory=True)
    assert booted.state() is DomainState.RUNNING
    backend.drop_snapshot(domain, "warm")
    backend.drop_snapshot(domain, "warm")
    assert backend.find_snapshots(domain) == {}
    assert booted.state() is DomainState.RUNNING


def test_a_snapshot_of_a_machine_that_is_off_has_no_memory(subject: Subject) -> None:
    backend, domain = subject.backend, subject.domain
    backend.save_snapshot(domain, "cold")
    assert backend.find_snapshots(domain) == {"cold": False}
    _qemu_io("write -P 67 0 64k", subject.machine.paths.overlay)
    backend.start(domain)
    # Powered off for it.
    backend.load_snapshot(domain, "cold", memory=False)
    assert subject.state() is DomainState.SHUT_OFF
    assert not _qemu_io("read -P 67 0 64k", subject.machine.paths.overlay)
    backend.drop_snapshot(domain, "cold")
    assert backend.find_snapshots(domain) == {}


def test_a_guest_without_an_agent_cannot_be_frozen(booted: Subject) -> None:
    with pytest.raises(GuestError, match="guest agent"):
        booted.backend.freeze(booted.domain)


def test_a_running_guest_goes_on_in_another_image(booted: Subject) -> None:
    before = booted.machine.paths
    machine = replace(booted.machine, paths=replace(before, layer=Path("snapshots/layer-1.qcow2")))
    after = machine.paths.overlay
    _fill_disk(booted, "C")
    before.snapshots.mkdir(exist_ok=True)
    add_layer(before.overlay, after)
    booted.backend.use_layer(machine)
    for _ in range(2):
        booted.backend.adopt_layer(booted.domain, after, before.overlay)
    booted.backend.use_layer(machine)
    _fill_disk(booted, "D")
    assert _disk_has(booted, "D")
    # Each image by what is in itself: the guest has flushed what it wrote.
    assert _qemu_io(f"read -P {ord('C')} 100M 64k", before.overlay)
    assert _qemu_io(f"read -P {ord('D')} 100M 64k", after)
    assert str(after) in booted.backend.description(booted.domain)
    assert str(before.overlay) not in booted.backend.description(booted.domain)
    booted.backend.power_off(booted.domain)
    booted.backend.start(booted.domain)
    assert booted.state() is DomainState.RUNNING


def _fill_disk(subject: Subject, letter: str) -> None:
    """Write a letter behind the guest's file system, down to the host's file."""
    command = (
        f"dd if=/dev/zero bs=64k count=1 | tr '\\0' {letter} | "
        "dd of=/dev/vda bs=64k seek=1600 conv=fsync && echo $((40 + 2))-written"
    )
    say(subject, command, until="42-written")


def _disk_has(subject: Subject, letter: str) -> bool:
    command = (
        "echo 3 >/proc/sys/vm/drop_caches; "
        "echo it-is-$(dd if=/dev/vda bs=64k skip=1600 count=1 | head -c 1)-$((4000 + 2))"
    )
    return f"it-is-{letter}-4002" in say(subject, command, until="-4002")


def _qemu_io(command: str, image: Path) -> bool:
    """Whether a command on an image finds what it says; also while a machine runs on it."""
    options = ("-U", "-r") if command.startswith("read") else ()
    done = run(["qemu-io", *options, "-f", "qcow2", "-c", command, image], timeout=20, check=False)
    assert "65536/65536 bytes" in done.stdout, done
    return "Pattern verification failed" not in done.stdout
