"""Networks and forwards as authors write them, and what carries them on a host."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from charly_vm.errors import HostError
from charly_vm.host.bridges import Bridges
from charly_vm.host.facts import Facts, HypervisorFacts, LibvirtFacts
from charly_vm.model.forwards import AUTO, PortForward, parse_port_forward
from charly_vm.model.network import Network
from charly_vm.model.resolve.network import mac_of, resolve_network
from charly_vm.model.resolved import BackendName, Carrier, ResolvedNetwork

LIBVIRT = LibvirtFacts("qemu:///session", (11, 3, 0), ("qemu",), passt=True)
FACTS = Facts("host", "x86_64", 1000, (), None, LIBVIRT)
BRIDGES = Bridges(("br0",), "/usr/lib/qemu/qemu-bridge-helper", True, ("br0",))


def resolved(
    written: dict[str, object],
    facts: Facts = FACTS,
    backend: BackendName = BackendName.LIBVIRT,
) -> ResolvedNetwork:
    network = Network.model_validate(written)
    return resolve_network(network, backend, facts, uuid="x", forwards=network.port_forwards)


@pytest.mark.parametrize(
    ("written", "forward"),
    [
        ("8080:80", PortForward(8080, 80)),
        ("auto:6443", PortForward(AUTO, 6443)),
        ("5353:53/udp", PortForward(5353, 53, "udp")),
    ],
)
def test_a_forward_has_the_hosts_port_first(written: str, forward: PortForward) -> None:
    assert parse_port_forward(written) == forward
    assert str(forward) == written


@pytest.mark.parametrize(
    "written", ["80", "80:", ":80", "0:80", "80:0", "70000:80", "80:80/sctp", 80]
)
def test_what_is_no_forward_is_refused(written: object) -> None:
    with pytest.raises(ValidationError, match="port"):
        Network.model_validate({"port_forwards": [written]})


@given(host=st.integers(1, 65535), guest=st.integers(1, 65535), udp=st.booleans())
def test_every_forward_is_read_as_it_is_written(host: int, guest: int, udp: bool) -> None:
    forward = PortForward(host, guest, "udp" if udp else "tcp")
    assert parse_port_forward(str(forward)) == forward


def test_a_port_of_the_host_can_lead_to_one_place_only() -> None:
    with pytest.raises(ValidationError, match="8080 is forwarded twice"):
        Network.model_validate({"port_forwards": ["8080:80", "8080:81"]})
    Network.model_validate({"port_forwards": ["8080:80", "8080:80/udp", "auto:1", "auto:2"]})


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({"mode": "bridge"}, "needs the name"),
        ({"bridge": "br0"}, "no meaning in mode user"),
        ({"mode": "nat", "port_forwards": ["1:1"]}, "address of its own"),
        ({"mac": "52:54:00"}, "not a MAC address"),
        ({"mac": "53:54:00:00:00:01"}, "multicast"),
    ],
)
def test_what_does_not_fit_together_is_refused(written: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Network.model_validate(written)


def test_the_user_network_is_passt_where_libvirt_offers_it_and_qemus_own_elsewhere() -> None:
    old = dataclasses.replace(FACTS, libvirt=dataclasses.replace(LIBVIRT, passt=False))
    assert resolved({}).carrier is Carrier.PASST
    assert resolved({}, old).carrier is Carrier.SLIRP
    assert resolved({}, backend=BackendName.QEMU).carrier is Carrier.SLIRP


def test_an_address_is_pinned_or_the_machines_own() -> None:
    assert resolved({"mac": "52-54-00-AA-BB-CC"}).mac == "52:54:00:aa:bb:cc"
    assert resolved({}).mac == mac_of("x")
    assert mac_of("x").startswith("52:54:00:")
    assert mac_of("x") != mac_of("y")


def test_a_bridge_has_to_be_there_and_to_be_allowed() -> None:
    wanted: dict[str, object] = {"mode": "bridge", "bridge": "br0"}
    with pytest.raises(HostError, match="no bridge 'br0'; it has none"):
        resolved(wanted)
    facts = dataclasses.replace(FACTS, bridges=BRIDGES)
    assert resolved(wanted, facts).source == "br0"
    for backend in BackendName:
        assert resolved(wanted, facts, backend).carrier is Carrier.BRIDGE
    shut = dataclasses.replace(BRIDGES, allowed=())
    with pytest.raises(HostError, match=r"does not allow it\n.*bridge.conf"):
        resolved(wanted, dataclasses.replace(FACTS, bridges=shut))


def test_nat_is_libvirts_network_default_unless_another_one_is_named() -> None:
    facts = dataclasses.replace(
        FACTS, libvirt=dataclasses.replace(LIBVIRT, networks=("default", "lab"))
    )
    assert resolved({"mode": "nat"}, facts).source == "default"
    assert resolved({"mode": "network", "bridge": "lab"}, facts).source == "lab"
    assert resolved({"mode": "nat"}, facts).carrier is Carrier.LIBVIRT_NETWORK


def test_a_network_that_libvirt_does_not_have_is_refused_with_the_ways_out() -> None:
    with pytest.raises(HostError, match=r"no active network 'default'.*\n.*mode: user"):
        resolved({"mode": "nat"})
    with pytest.raises(HostError, match="needs the libvirt backend"):
        resolved({"mode": "nat"}, backend=BackendName.QEMU)


def test_a_network_of_a_system_daemon_is_refused_with_what_brings_it_up() -> None:
    there = HypervisorFacts("", "host", "x86_64", 0, 0, (), "default", "/pool")
    system = dataclasses.replace(LIBVIRT, uri="qemu:///system", hypervisor=there)

    def refusal(name: str, libvirt: LibvirtFacts) -> str:
        with pytest.raises(HostError) as caught:
            resolved(
                {"mode": "network", "bridge": name}, dataclasses.replace(FACTS, libvirt=libvirt)
            )
        return f"{caught.value.message}\n{caught.value.hint}"

    some = dataclasses.replace(system, networks=("default",), idle_networks=("lab",))
    idle = refusal("lab", some)
    assert "network 'lab' at qemu:///system is not active" in idle
    assert "`virsh -c 'qemu:///system' net-start lab`" in idle
    missing = refusal("attic", some)
    assert "has no network 'attic'; it has default, lab (not active)" in missing
    assert "net-define FILE" in missing
    assert "libvirt-daemon-config-network" in refusal("default", system)
    obstacle = dataclasses.replace(system, networks_obstacle="not supported by the driver")
    refused = refusal("default", obstacle)
    assert "manages no networks: not supported by the driver" in refused
    assert "install libvirt-daemon-driver-network" in refused
