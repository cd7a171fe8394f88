"""Which address a guest has that is on a network of its own: asked of whoever may know.

A DHCP server of libvirt's knows its leases and the guest's agent knows everything; both are rarely
there. What is always there is the host's table of neighbours, which holds whoever the host has
talked with. A guest that minds its own business is not in it, so all nodes on the host's bridges
are asked to answer first: one ICMPv6 echo request to ff02::1 each. To answer, a guest asks for the
host's address and tells its own, which is in the table from then on (RFC 4861, section 7.2.3).
"""

from __future__ import annotations

import ipaddress
import json
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from charly_vm.backend.guest_agent import ask_agent
from charly_vm.backend.libvirt_hypervisor import find_hop
from charly_vm.errors import CharlyError, GuestError
from charly_vm.host.bridges import probe_bridges
from charly_vm.host.process import require_tool, run
from charly_vm.model.protocols import AddressSearch, Domain

IP_SECONDS = 5.0
AGENT_SECONDS = 1.0
"""For an agent to say that it is there."""
ALL_NODES = "ff02::1"
ECHO_REQUEST = struct.pack("!BBHHH", 128, 0, 0, 0, 0)
"""The kernel fills in the checksum."""
ALIVE = ("REACHABLE", "DELAY", "PROBE", "PERMANENT")


def search_machine_addresses(domain: Domain, mac: str) -> AddressSearch:
    """For a machine on the qemu backend, which is on this host."""
    seen: list[str] = []
    neighbours = _search_neighbours(mac, seen)
    agent: Iterable[str] = ()
    try:
        interfaces = ask_agent(
            domain.paths.agent_socket, "guest-network-get-interfaces", patience=AGENT_SECONDS
        )
    except GuestError as error:
        seen.append(error.message)
    else:
        agent = tuple(find_agents_addresses(interfaces, mac))
        seen.append("" if agent else "the guest agent knows of none")
    return _result([*agent, *neighbours], mac, seen)


def search_domain_addresses(found: Any, domain: Domain, mac: str) -> AddressSearch:
    """For a domain of libvirt's, wherever it runs."""
    import libvirt

    seen: list[str] = []
    addresses: list[str] = []
    for source, name in (
        (libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT, "the guest agent"),
        (libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE, "libvirt's DHCP leases"),
        (libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP, "the ARP table of libvirt's host"),
    ):
        try:
            told = list(find_libvirts_addresses(found.interfaceAddresses(source, 0), mac))
        except libvirt.libvirtError as error:
            seen.append(f"{name}: {error}")
            continue
        if source == libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE:
            # A card whose guest says that it is another one, as it does after a rebuild, gets a
            # second lease while the first has not run out. libvirt_leaseshelper puts what is new
            # or renewed behind the others.
            told.reverse()
        seen.append("" if told else f"{name}: none")
        addresses += told
    if not find_hop(domain.hypervisor):
        addresses += _search_neighbours(mac, seen)
    return _result(addresses, mac, seen)


def find_agents_addresses(interfaces: Any, mac: str) -> Iterator[str]:
    """From the agent's answer to guest-network-get-interfaces."""
    for interface in interfaces or ():
        if str(interface.get("hardware-address", "")).lower() == mac:
            for address in interface.get("ip-addresses", ()):
                yield str(address.get("ip-address", ""))


def find_libvirts_addresses(interfaces: Mapping[str, Any] | None, mac: str) -> Iterator[str]:
    """From libvirt's interfaceAddresses."""
    for interface in (interfaces or {}).values():
        if str(interface.get("hwaddr", "")).lower() == mac:
            for address in interface.get("addrs") or ():
                yield str(address.get("addr", ""))


def find_neighbours(table: Iterable[Mapping[str, Any]], mac: str) -> list[str]:
    """From `ip -json neighbour`: those that are known to answer first. A link-local address has
    the host's end of the link behind it."""
    ours = [entry for entry in table if str(entry.get("lladdr", "")).lower() == mac]
    ours.sort(key=lambda entry: not set(entry.get("state", ())) & set(ALIVE))
    return [
        f"{entry['dst']}%{entry['dev']}" if _is_link_local(entry["dst"]) else str(entry["dst"])
        for entry in ours
    ]


def _search_neighbours(mac: str, seen: list[str]) -> list[str]:
    for bridge in probe_bridges().names:
        _ask_all_nodes(bridge)
    try:
        ip = require_tool("ip", package="iproute2 (Fedora: iproute)")
        done = run([ip, "-json", "neighbour", "show"], timeout=IP_SECONDS, what="ip neighbour")
        found = find_neighbours(json.loads(done.stdout or "[]"), mac)
    except CharlyError as error:
        seen.append(f"this host's table of neighbours: {error.message}")
        return []
    seen.append("" if found else "this host's table of neighbours: none")
    return found


def _ask_all_nodes(interface: str) -> None:
    """Without the right to, or without IPv6, the table has to do as it is."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        with (
            suppress(OSError),
            socket.socket(socket.AF_INET6, kind, socket.IPPROTO_ICMPV6) as sender,
        ):
            sender.setblocking(False)
            sender.sendto(ECHO_REQUEST, (ALL_NODES, 0, 0, socket.if_nametoindex(interface)))
            return


def _result(addresses: Iterable[str], mac: str, seen: Iterable[str]) -> AddressSearch:
    """IPv4 first, and link-local addresses last: they say which way to go, and are ours alone."""
    usable = dict.fromkeys(one for one in addresses if _is_usable(one))
    ordered = sorted(usable, key=lambda one: (_is_link_local(one), ":" in one))
    looked = "; ".join(filter(None, seen))
    return AddressSearch(tuple(ordered), "" if ordered else f"no address of {mac} ({looked})")


def _is_usable(text: str) -> bool:
    """Link-local ones of the guest's own say nothing about which link of ours it is."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if address.is_loopback or address.is_unspecified or address.is_multicast:
        return False
    return not _is_link_local(text) or "%" in text


def _is_link_local(text: str) -> bool:
    return text.lower().startswith("fe80:")
