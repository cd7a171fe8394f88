"""Where a guest is, from what the guest agent, libvirt and the host's kernel say."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from charly_vm.backend import addresses
from charly_vm.backend.addresses import (
    find_agents_addresses,
    find_libvirts_addresses,
    find_neighbours,
    search_domain_addresses,
    search_machine_addresses,
)
from charly_vm.model.protocols import Domain
from charly_vm.model.resolved import Paths

MAC = "52:54:00:12:34:56"
INTERFACES = [
    {"name": "lo", "ip-addresses": [{"ip-address": "127.0.0.1"}]},
    {
        "name": "eth0",
        "hardware-address": MAC.upper(),
        "ip-addresses": [
            {"ip-address": "fe80::5054:ff:fe12:3456"},
            {"ip-address": "2001:db8::5"},
            {"ip-address": "192.0.2.5"},
        ],
    },
    {
        "name": "docker0",
        "hardware-address": "02:42:00:00:00:01",
        "ip-addresses": [{"ip-address": "172.17.0.1"}],
    },
]
NEIGHBOURS = [
    {"dst": "192.0.2.9", "dev": "br0", "lladdr": MAC, "state": ["STALE"]},
    {"dst": "192.0.2.5", "dev": "br0", "lladdr": MAC, "state": ["REACHABLE"]},
    {"dst": "192.0.2.7", "dev": "br0", "state": ["FAILED"]},
    {"dst": "192.0.2.1", "dev": "br0", "lladdr": "52:54:00:00:00:01", "state": ["REACHABLE"]},
    {"dst": "fe80::5054:ff:fe12:3456", "dev": "br0", "lladdr": MAC, "state": ["STALE"]},
]


def domain(directory: Path) -> Domain:
    return Domain("charly-x", "5f0c7a52-3b9e-4d53-9f56-2f1f3f9c0a11", Paths(directory, directory))


@contextmanager
def agent(path: Path, interfaces: Any) -> Iterator[None]:
    """A guest agent that knows two commands."""

    def serve() -> None:
        client, _ = listener.accept()
        with client, client.makefile("rwb") as stream:
            asked = json.loads(stream.readline().strip(b"\xff"))
            answer = {"return": asked["arguments"]["id"]}
            stream.write(b"\xff" + json.dumps(answer).encode() + b"\n")
            stream.flush()
            assert json.loads(stream.readline())["execute"] == "guest-network-get-interfaces"
            stream.write(json.dumps({"return": interfaces}).encode() + b"\n")
            stream.flush()

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join(5)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The table of neighbours, empty to begin with."""
    table: list[dict[str, Any]] = []

    def show(argv: list[Any], **_: Any) -> Any:
        return SimpleNamespace(stdout=json.dumps(table))

    monkeypatch.setattr(addresses, "run", show)
    return table


def test_only_the_addresses_of_the_card_are_taken_from_the_agent() -> None:
    assert list(find_agents_addresses(INTERFACES, MAC)) == [
        "fe80::5054:ff:fe12:3456",
        "2001:db8::5",
        "192.0.2.5",
    ]
    assert list(find_agents_addresses(None, MAC)) == []


def test_only_the_addresses_of_the_card_are_taken_from_libvirt() -> None:
    told = {
        "vnet0": {"hwaddr": MAC, "addrs": [{"addr": "192.0.2.5", "prefix": 24, "type": 0}]},
        "vnet1": {"hwaddr": "52:54:00:00:00:01", "addrs": [{"addr": "192.0.2.1"}]},
        "lo": {"hwaddr": "", "addrs": None},
    }
    assert list(find_libvirts_addresses(told, MAC)) == ["192.0.2.5"]
    assert list(find_libvirts_addresses({"vnet0": {"hwaddr": MAC, "addrs": None}}, MAC)) == []


def test_a_neighbour_that_answers_comes_before_one_that_did_once() -> None:
    assert find_neighbours(NEIGHBOURS, MAC) == [
        "192.0.2.5",
        "192.0.2.9",
        "fe80::5054:ff:fe12:3456%br0",
    ]


def test_what_the_agent_says_comes_first_and_link_local_addresses_last(
    tmp_path: Path, kernel: list[dict[str, Any]]
) -> None:
    kernel += NEIGHBOURS
    with agent(tmp_path / "agent.sock", INTERFACES):
        search = search_machine_addresses(domain(tmp_path), MAC)
    assert search.found == (
        "192.0.2.5",
        "192.0.2.9",
        "2001:db8::5",
        "fe80::5054:ff:fe12:3456%br0",
    )
    assert search.seen == ""


def test_a_guest_that_nobody_knows_is_searched_with_what_each_had_to_say(
    tmp_path: Path, kernel: list[dict[str, Any]]
) -> None:
    search = search_machine_addresses(domain(tmp_path), MAC)
    assert search.found == ()
    assert f"no address of {MAC}" in search.seen
    assert "table of neighbours: none" in search.seen
    assert "the guest agent does not answer" in search.seen


def test_an_agent_that_knows_no_address_says_so(
    tmp_path: Path, kernel: list[dict[str, Any]]
) -> None:
    with agent(tmp_path / "agent.sock", []):
        search = search_machine_addresses(domain(tmp_path), MAC)
    assert "the guest agent knows of none" in search.seen


def test_libvirts_sources_are_asked_one_by_one_and_this_hosts_only_for_this_host(
    tmp_path: Path, kernel: list[dict[str, Any]]
) -> None:
    libvirt = pytest.importorskip("libvirt")
    kernel += NEIGHBOURS
    lease = libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE

    class Found:
        def interfaceAddresses(self, source: int, flags: int) -> Any:
            if source == lease:
                return {"vnet0": {"hwaddr": MAC, "addrs": [{"addr": "198.51.100.7"}]}}
            raise libvirt.libvirtError("nobody there")

    here = search_domain_addresses(Found(), domain(tmp_path), MAC)
    assert here.found[:3] == ("198.51.100.7", "192.0.2.5", "192.0.2.9")
    elsewhere = Domain("x", "u", Paths(tmp_path, tmp_path), "qemu+ssh://lab/system")
    assert search_domain_addresses(Found(), elsewhere, MAC).found == ("198.51.100.7",)
    nothing = SimpleNamespace(interfaceAddresses=lambda source, flags: {})
    assert "DHCP leases: none" in search_domain_addresses(nothing, elsewhere, MAC).seen


def test_the_lease_that_was_given_last_comes_first(
    tmp_path: Path, kernel: list[dict[str, Any]]
) -> None:
    libvirt = pytest.importorskip("libvirt")
    lease = libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE
    leases = {
        "vnet0": {"hwaddr": MAC, "addrs": [{"addr": "192.0.2.9"}]},
        "-": {"hwaddr": MAC, "addrs": [{"addr": "192.0.2.5"}]},
    }
    told = SimpleNamespace(
        interfaceAddresses=lambda source, flags: leases if source == lease else {}
    )
    assert search_domain_addresses(told, domain(tmp_path), MAC).found == ("192.0.2.5", "192.0.2.9")
