"""Which ports of the host a machine gets, and who has one that it cannot get."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest
from machine_samples import sample_record
from sample_machine import SLIRP, sample_machine

from charly_vm.errors import HostError
from charly_vm.machine.ports import ChosenPorts, choose_ports, require_free_ports
from charly_vm.machine.records import MachineRecord, write_record
from charly_vm.model.entity import EntityNode, VmEntity
from charly_vm.model.forwards import PortForward
from charly_vm.model.libvirt import LibvirtDomain
from charly_vm.model.project import Target


def target(name: str = "web", **entity: object) -> Target:
    written = {"source": {"kind": "bootstrap"}, **entity}
    node = EntityNode(name, VmEntity.model_validate(written), LibvirtDomain(), "charly.yml", 1)
    return Target(name, "", node, None)


def recorded(name: str, *forwards: PortForward, ssh_port: int = 20022) -> MachineRecord:
    record = sample_record(name)
    machine = replace(record.machine, ssh_port=ssh_port, network=replace(SLIRP, forwards=forwards))
    record = replace(record, machine=machine)
    machine.paths.directory.mkdir()
    write_record(record)
    return record


def test_an_authors_ports_are_taken_as_they_are() -> None:
    wanted = target(ssh={"port": 2299}, network={"port_forwards": ["8080:80", "5353:53/udp"]})
    chosen = choose_ports(wanted)
    assert chosen.ssh == 2299
    assert chosen.forwards == (PortForward(8080, 80), PortForward(5353, 53, "udp"))


def test_without_a_word_ssh_is_at_2222() -> None:
    assert choose_ports(target()) == ChosenPorts(2222, (), ())


def test_every_auto_gets_a_port_of_its_own_and_the_same_one_again() -> None:
    wanted = target(ssh={"port_auto": True}, network={"port_forwards": ["auto:80", "auto:443"]})
    chosen = choose_ports(wanted)
    assert len({chosen.ssh, *(one.host for one in chosen.forwards)}) == 3
    assert [one.guest for one in chosen.forwards] == [80, 443]
    assert choose_ports(wanted) == chosen


def test_a_port_that_another_machine_has_on_record_is_not_chosen() -> None:
    wanted = target(ssh={"port_auto": True}, network={"port_forwards": ["auto:80"]})
    first = choose_ports(wanted)
    recorded("other", *first.forwards, ssh_port=first.ssh)
    again = choose_ports(wanted)
    assert {again.ssh, again.forwards[0].host} & {first.ssh, first.forwards[0].host} == set()


def test_an_authors_own_port_is_not_chosen_for_auto() -> None:
    ssh = choose_ports(target(ssh={"port_auto": True})).ssh
    wanted = target(ssh={"port_auto": True}, network={"port_forwards": [f"{ssh}:80"]})
    assert choose_ports(wanted).ssh != ssh


def test_a_port_that_is_taken_is_named_with_the_machine_that_has_it_too() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        port = listener.getsockname()[1]
        recorded("other", PortForward(port, 80))
        machine = sample_machine(
            ssh_port=0, network=replace(SLIRP, forwards=(PortForward(port, 8080),))
        )
        with pytest.raises(HostError) as caught:
            require_free_ports(machine)
    assert f"port {port} of 127.0.0.1 is in use" in str(caught.value)
    assert "charly-other has the same port" in str(caught.value)
    assert "auto" in caught.value.hint


def test_a_screen_without_a_port_gets_one_and_no_other_machine_does() -> None:
    block = LibvirtDomain.model_validate(
        {"devices": {"graphics": [{"type": "spice", "autoport": "yes"}, {"type": "vnc"}]}}
    )
    wanted = target(ssh={"port_auto": True})
    wanted = replace(wanted, node=replace(wanted.node, libvirt=block))
    chosen = choose_ports(wanted)
    assert len({chosen.ssh, *chosen.graphics}) == 3
    machine = sample_machine(
        ssh_port=chosen.ssh,
        libvirt={"devices": {"graphics": [{"type": "vnc", "port": chosen.graphics[0]}]}},
    )
    record = replace(sample_record("other"), machine=machine)
    record = replace(record, machine=replace(machine, paths=sample_record("other").machine.paths))
    record.machine.paths.directory.mkdir()
    write_record(record)
    assert chosen.graphics[0] not in choose_ports(wanted).graphics
