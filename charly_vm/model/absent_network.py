"""The errors for a network of libvirt's that no guest can be put on, and how to come by one."""

from __future__ import annotations

from charly_vm.errors import HostError

NAT_NETWORK = "default"
"""libvirt's own name of the NAT network that it comes with."""


def idle_network(name: str, uri: str) -> HostError:
    """The error for a network that libvirt knows and that no guest can be on."""
    return HostError(
        f"libvirt's network {name!r} at {uri} is not active",
        hint=f"`virsh -c '{uri}' net-start {name}` starts it, and `net-autostart` in place of "
        "`net-start` has it start with libvirt",
    )


def missing_network(name: str, uri: str, known: str = "") -> HostError:
    """The error for a network that libvirt does not know; `known` says which it does."""
    origin = "in the package libvirt-daemon-config-network" if name == NAT_NETWORK else "of yours"
    return HostError(
        f"libvirt at {uri} has no network {name!r}{known and '; '}{known}",
        hint=f"name another one with `bridge:` under `network:`, or make it: `virsh -c '{uri}' "
        f"net-define FILE` with a definition {origin}, then `net-start {name}`",
    )
