"""`<interface>`: network cards beside the machine's own, which `network:` describes."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from charly_vm.model.base import Model
from charly_vm.model.libvirt.devices.notation import Several, Short, Typed
from charly_vm.model.libvirt.devices.values import (
    AbsolutePath,
    BootOrder,
    Hexadecimal,
    Port,
    Rom,
    VirtioOptions,
)
from charly_vm.model.libvirt.numbers import Count
from charly_vm.model.libvirt.switches import OnOff, YesNo
from charly_vm.model.network import MacAddress

MAIN_KEYS = {
    "network": "network",
    "bridge": "bridge",
    "direct": "dev",
    "user": "dev",
    "vdpa": "dev",
    "vhostuser": "path",
}
"""Which key of its source an interface's bare text is."""

_POINT_TO_POINT = ("mcast", "udp", "server", "client")
_PCI = ("domain", "bus", "slot", "function")


class LocalAddress(Model):
    """This host's end of a udp tunnel."""

    address: str
    port: Port


class InterfaceSource(Model):
    """What the card is plugged into; which keys it has depends on the interface's type."""

    network: str | None = None
    portgroup: str | None = None
    bridge: str | None = None
    dev: str | None = None
    mode: Literal["vepa", "bridge", "private", "passthrough", "server", "client"] | None = None
    """Of macvtap (the first four), or of a vhost-user socket."""
    path: AbsolutePath | None = None
    address: str | None = None
    port: Port | None = None
    local: LocalAddress | None = None
    domain: Annotated[Hexadecimal, Field(ge=0, le=0xFFFFFFFF)] | None = None
    bus: Annotated[Hexadecimal, Field(ge=0, le=0xFF)] | None = None
    slot: Annotated[Hexadecimal, Field(ge=0, le=0x1F)] | None = None
    function: Annotated[Hexadecimal, Field(ge=0, le=7)] | None = None


class InterfaceTarget(Short):
    """The host's end: the name of the tap device."""

    short_for: ClassVar[str] = "dev"
    dev: str | None = None
    managed: YesNo | None = None
    """Whether libvirt makes and removes it (ethernet)."""


class Link(Short):
    """Whether the cable is plugged in."""

    short_for: ClassVar[str] = "state"
    state: Literal["up", "down"]


class Mtu(Short):
    short_for: ClassVar[str] = "size"
    size: int = Field(strict=True, ge=68, le=65535)


class InterfaceDriver(VirtioOptions):
    name: Literal["qemu", "vhost", "vfio"] | None = None
    """vfio belongs to hostdev, the others to virtio."""
    queues: Count | None = None
    rx_queue_size: Count | None = None
    tx_queue_size: Count | None = None
    txmode: Literal["iothread", "timer"] | None = None
    ioeventfd: OnOff | None = None
    event_idx: OnOff | None = None
    rss: OnOff | None = None
    rss_hash_report: OnOff | None = None


class PortRange(Model):
    """Ports of the host that lead to the guest: `start` is the host's, `to` the guest's."""

    proto: Literal["tcp", "udp"] = "tcp"
    address: str = "127.0.0.1"
    start: Port
    end: Port | None = None
    """The last of a range, which the guest has from `to` onwards."""
    to: Port | None = None
    """The same as `start` where it is not given."""


class VirtualPort(Short):
    """How a bridge that is not Linux's own knows the card."""

    short_for: ClassVar[str] = "type"
    type: Literal["openvswitch", "midonet", "802.1Qbg", "802.1Qbh"]
    profileid: str | None = None
    interfaceid: str | None = None


class Interface(Typed):
    only: ClassVar = {
        "source.network": ("network",),
        "source.portgroup": ("network",),
        "source.bridge": ("bridge",),
        "source.dev": ("direct", "user", "vdpa"),
        "source.mode": ("direct", "vhostuser"),
        "source.path": ("vhostuser",),
        "source.address": _POINT_TO_POINT,
        "source.port": _POINT_TO_POINT,
        "source.local": ("udp",),
        **{f"source.{key}": ("hostdev",) for key in _PCI},
        "managed": ("hostdev",),
        "port_forwards": ("user",),
        "virtualport": ("network", "bridge", "direct", "hostdev"),
        "trust_guest_rx_filters": ("network", "direct"),
    }
    needs: ClassVar = {
        "network": ("source.network",),
        "bridge": ("source.bridge",),
        "direct": ("source.dev",),
        "vdpa": ("source.dev",),
        "vhostuser": ("source.path", "source.mode"),
        "mcast": ("source.address", "source.port"),
        "client": ("source.address", "source.port"),
        "server": ("source.port",),
        "udp": ("source.address", "source.port", "source.local"),
        "hostdev": ("source.bus", "source.slot"),
    }
    type: Literal[
        "user",
        "network",
        "bridge",
        "direct",
        "ethernet",
        "vhostuser",
        "vdpa",
        "hostdev",
        "mcast",
        "udp",
        "server",
        "client",
        "null",
    ]
    source: InterfaceSource | None = None
    managed: YesNo | None = None
    model: str = Field(default="virtio", pattern=r"^[a-z0-9][a-z0-9._-]*$")
    mac: MacAddress | None = None
    """One that stays the same for the life of the machine where it is not given."""
    mtu: Mtu | None = None
    driver: InterfaceDriver | None = None
    boot: BootOrder | None = None
    port_forwards: Several[PortRange] = ()
    link: Link | None = None
    target: InterfaceTarget | None = None
    virtualport: VirtualPort | None = None
    trust_guest_rx_filters: YesNo | None = None
    rom: Rom | None = None

    @field_validator("source", mode="before", json_schema_input_type=InterfaceSource | str | None)
    @classmethod
    def _expand(cls, written: object, info: ValidationInfo) -> object:
        """`source: br0` is the key that the type has."""
        if not isinstance(written, str):
            return written
        return {MAIN_KEYS.get(info.data.get("type", ""), "address"): written}
