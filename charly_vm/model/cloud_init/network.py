"""`network:` of cloud-init: the guest's own network settings, in version 2 of its format.

A card's keys are those of netplan: cloud-init hands the rarer ones, which are known here by name
alone, on to it where the guest has it. Inside of them cloud-init's own schema is the measure.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from charly_vm.model.base import Model
from charly_vm.model.libvirt.switches import Switch
from charly_vm.model.network import MacAddress


def _hyphenated(name: str) -> str:
    return name.replace("_", "-")


class _Hyphenated(Model):
    model_config = ConfigDict(alias_generator=_hyphenated)


class Match(Model):
    """Which cards are meant, by all that is written."""

    name: str | None = None
    """The kernel's name; may have wildcards."""
    macaddress: MacAddress | None = None
    """The card's own."""
    driver: str | None = None
    """The kernel's driver; may have wildcards."""


class Nameservers(Model):
    """Who resolves names."""

    addresses: tuple[str, ...] | None = None
    """The servers."""
    search: tuple[str, ...] | None = None
    """The domains in which short names are looked for."""


class Route(Model):
    """A way to another network."""

    to: str
    """The network, or `default`."""
    via: str | None = None
    """The gateway."""
    metric: Annotated[int, Field(ge=0)] | None = None
    """Of several routes the one with the lowest is taken."""


class DhcpOverrides(_Hyphenated):
    """What is taken of a DHCP server's answer. The keys are netplan's."""

    hostname: str | None = None
    route_metric: int | None = None
    send_hostname: Switch | None = None
    use_dns: Switch | None = None
    use_domains: str | None = None
    use_hostname: Switch | None = None
    use_mtu: Switch | None = None
    use_ntp: Switch | None = None
    use_routes: Switch | None = None


class Ethernet(_Hyphenated):
    """One card, or all that `match` describes. Without `match` its key is the card's name. The keys
    are netplan's."""

    match: Match | None = None
    """Which cards are meant, where the key is not the card's name."""
    set_name: str | None = None
    """What the card is called from then on; needs `match`."""
    wakeonlan: Switch | None = None
    renderer: Literal["networkd", "NetworkManager"] | None = None
    dhcp4: Switch | None = None
    """Ask for an IPv4 address."""
    dhcp6: Switch | None = None
    """Ask for an IPv6 address."""
    dhcp4_overrides: DhcpOverrides | None = None
    dhcp6_overrides: DhcpOverrides | None = None
    dhcp_identifier: str | None = None
    addresses: tuple[str, ...] | None = None
    """Fixed addresses, with the length of their prefix: 10.0.2.15/24."""
    gateway4: str | None = None
    gateway6: str | None = None
    nameservers: Nameservers | None = None
    routes: tuple[Route, ...] | None = None
    """Ways to other networks, `to: default` among them."""
    routing_policy: tuple[dict[str, Any], ...] | None = None
    macaddress: str | None = None
    mtu: int | None = None
    """The longest packet, in bytes."""
    optional: Switch | None = None
    """Let the guest boot on without it."""
    accept_ra: Switch | None = None
    critical: Switch | None = None
    ignore_carrier: Switch | None = None
    link_local: tuple[str, ...] | None = None
    optional_addresses: tuple[str, ...] | None = None
    activation_mode: str | None = None
    ipv6_address_generation: str | None = None
    ipv6_address_token: str | None = None
    ipv6_mtu: int | None = None
    ipv6_privacy: Switch | None = None
    neigh_suppress: Switch | None = None
    auth: dict[str, Any] | None = None
    openvswitch: dict[str, Any] | None = None
    link: str | None = None
    virtual_function_count: int | None = None
    embedded_switch_mode: str | None = None
    delay_virtual_functions_rebind: Switch | None = None
    infiniband_mode: str | None = None
    emit_lldp: Switch | None = None
    receive_checksum_offload: Switch | None = None
    transmit_checksum_offload: Switch | None = None
    tcp_segmentation_offload: Switch | None = None
    tcp6_segmentation_offload: Switch | None = None
    generic_segmentation_offload: Switch | None = None
    generic_receive_offload: Switch | None = None
    large_receive_offload: Switch | None = None


class GuestNetwork(Model):
    """Takes the place of DHCP on the first card, which is what a guest does by itself."""

    version: Literal[2] = 2
    """Of cloud-init's format."""
    ethernets: dict[str, Ethernet] = Field(min_length=1)
    """Cards by name."""
