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
    """Its address."""
    port: Port
    """Its port."""


class InterfaceSource(Model):
    """What the card is plugged into; which keys it has depends on the interface's type."""

    network: str | None = None
    """libvirt's network."""
    portgroup: str | None = None
    """A group of ports in the network."""
    bridge: str | None = None
    """The host's bridge."""
    dev: str | None = None
    """The host's interface, or the device of vDPA."""
    mode: Literal["vepa", "bridge", "private", "passthrough", "server", "client"] | None = None
    """Of macvtap (the first four), or of a vhost-user socket."""
    path: AbsolutePath | None = None
    """The socket of a vhost-user program."""
    address: str | None = None
    """The other side's address."""
    port: Port | None = None
    """The other side's port."""
    local: LocalAddress | None = None
    domain: Annotated[Hexadecimal, Field(ge=0, le=0xFFFFFFFF)] | None = None
    """Of the PCI address, which is that of a network card of the host."""
    bus: Annotated[Hexadecimal, Field(ge=0, le=0xFF)] | None = None
    """Of the PCI address."""
    slot: Annotated[Hexadecimal, Field(ge=0, le=0x1F)] | None = None
    """Of the PCI address."""
    function: Annotated[Hexadecimal, Field(ge=0, le=7)] | None = None
    """Of the PCI address."""


class InterfaceTarget(Short):
    """The host's end: the name of the tap device."""

    short_for: ClassVar[str] = "dev"
    dev: str | None = None
    """The name."""
    managed: YesNo | None = None
    """Whether libvirt makes and removes it (ethernet)."""


class Link(Short):
    """Whether the cable is plugged in."""

    short_for: ClassVar[str] = "state"
    state: Literal["up", "down"]


class Mtu(Short):
    """The longest packet, in bytes."""

    short_for: ClassVar[str] = "size"
    size: int = Field(strict=True, ge=68, le=65535)


class InterfaceDriver(VirtioOptions):
    """How packets are handled."""

    name: Literal["qemu", "vhost", "vfio"] | None = None
    """vfio belongs to hostdev, the others to virtio."""
    queues: Count | None = None
    """How many queues the card has."""
    rx_queue_size: Count | None = None
    """How many packets each holds on the way in."""
    tx_queue_size: Count | None = None
    """How many packets each holds on the way out."""
    txmode: Literal["iothread", "timer"] | None = None
    """Who sends them."""
    ioeventfd: OnOff | None = None
    """Whether packets are handled outside of the CPU's thread."""
    event_idx: OnOff | None = None
    """Whether interrupts are kept few."""
    rss: OnOff | None = None
    """Whether packets are spread over the queues by a hash."""
    rss_hash_report: OnOff | None = None
    """Whether the guest is told the hash."""


class PortRange(Model):
    """Ports of the host that lead to the guest: `start` is the host's, `to` the guest's."""

    proto: Literal["tcp", "udp"] = "tcp"
    """What is forwarded."""
    address: str = "127.0.0.1"
    """The host's address."""
    start: Port
    """The host's port, or the first of a range."""
    end: Port | None = None
    """The last of a range, which the guest has from `to` onwards."""
    to: Port | None = None
    """The guest's port; the same as `start` where it is not given."""


class VirtualPort(Short):
    """How a bridge that is not Linux's own knows the card."""

    short_for: ClassVar[str] = "type"
    type: Literal["openvswitch", "midonet", "802.1Qbg", "802.1Qbh"]
    """What kind of bridge it is."""
    profileid: str | None = None
    """The profile that the bridge applies."""
    interfaceid: str | None = None
    """The card's UUID there."""


class Interface(Typed):
    """A network card beside the machine's own."""

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
    """What the card is plugged into."""
    source: InterfaceSource | None = None
    """Where exactly; text is the key that the type has."""
    managed: YesNo | None = None
    """Have libvirt bind the driver."""
    model: str = Field(default="virtio", pattern=r"^[a-z0-9][a-z0-9._-]*$")
    """The card, as libvirt calls it."""
    mac: MacAddress | None = None
    """One that stays the same for the life of the machine where it is not given."""
    mtu: Mtu | None = None
    """The longest packet, in bytes."""
    driver: InterfaceDriver | None = None
    """How packets are handled."""
    boot: BootOrder | None = None
    """When firmware tries it."""
    port_forwards: Several[PortRange] = ()
    """Ports of the host that lead to the guest."""
    link: Link | None = None
    target: InterfaceTarget | None = None
    virtualport: VirtualPort | None = None
    """How a bridge that is not Linux's own knows the card."""
    trust_guest_rx_filters: YesNo | None = None
    """Whether the guest may change which packets it gets."""
    rom: Rom | None = None

    @field_validator("source", mode="before", json_schema_input_type=InterfaceSource | str | None)
    @classmethod
    def _expand(cls, written: object, info: ValidationInfo) -> object:
        """`source: br0` is the key that the type has."""
        if not isinstance(written, str):
            return written
        return {MAIN_KEYS.get(info.data.get("type", ""), "address"): written}
