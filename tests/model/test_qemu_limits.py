"""What the qemu backend cannot do is refused with the name of the field."""

from __future__ import annotations

import pytest
from qemu_refusals import AGENT, REFUSED
from sample_machine import sample_machine

from charly_vm.model.qemu_limits import find_unsupported


def test_nothing_is_refused_of_a_machine_without_a_block() -> None:
    assert find_unsupported(sample_machine()) == []


@pytest.mark.parametrize("name", REFUSED)
def test_each_field_that_qemu_has_not_got_is_refused_by_its_name(name: str) -> None:
    sentences = find_unsupported(REFUSED[name].machine)
    assert tuple(sentence.partition(": ")[0] for sentence in sentences) == REFUSED[name].names


@pytest.mark.parametrize("name", REFUSED)
def test_each_refusal_says_why(name: str) -> None:
    for sentence in find_unsupported(REFUSED[name].machine):
        _, _, reason = sentence.partition(": ")
        assert len(reason.split()) >= 3, sentence
        assert not reason.endswith("."), sentence


def test_kvm_has_what_its_absence_refuses() -> None:
    block = {"features": {"hyperv": {"vpindex": "on"}, "kvm": {"dirty_ring_size": 1024}}}
    assert find_unsupported(sample_machine(libvirt=block, accelerator="kvm")) == []


def test_the_guest_agents_channel_that_a_candy_brings_is_there_already() -> None:
    assert find_unsupported(sample_machine(libvirt={"snippets": [AGENT]})) == []


def test_a_member_is_numbered_only_where_there_are_more() -> None:
    alone = sample_machine(libvirt={"devices": {"tpm": {}}})
    several = sample_machine(libvirt={"devices": {"tpm": [{}, {}]}})
    reason = "needs the libvirt backend, which starts swtpm"
    assert find_unsupported(alone) == [f"devices.tpm: {reason}"]
    assert find_unsupported(several) == [f"devices.tpm[{n}]: {reason}" for n in (0, 1)]
