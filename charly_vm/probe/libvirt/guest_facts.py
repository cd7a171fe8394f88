"""What the guest agent tells about its guest, and how that is read from its answers.

The keys are those of QEMU's documentation (interop/qemu-ga-ref). Sizes are bytes; a text is empty
and a number None where the guest does not say it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from charly_vm.probe.libvirt.answer import Answer

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = 253_402_300_799
"""The end of the year 9999, in seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Pong:
    """The agent answers; `seconds` is how long it took."""

    seconds: float


@dataclass(frozen=True, slots=True)
class AgentCommand:
    """Something that the agent can do; not `enabled` where its configuration forbids it."""

    name: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class AgentInfo:
    version: str
    commands: tuple[AgentCommand, ...]


@dataclass(frozen=True, slots=True)
class OsInfo:
    """What os-release(5) and uname(2) say in the guest."""

    id: str
    name: str
    pretty_name: str
    version: str
    version_id: str
    variant: str
    variant_id: str
    machine: str
    kernel_release: str
    kernel_version: str


@dataclass(frozen=True, slots=True)
class GuestTime:
    """The guest's clock: nanoseconds since the epoch, the same as text, and how many seconds it
    is ahead of this host's."""

    nanoseconds: int
    utc: str
    ahead: float


@dataclass(frozen=True, slots=True)
class GuestUser:
    """Somebody who is logged in, since `login_time` in seconds since the epoch."""

    user: str
    domain: str
    login_time: float


@dataclass(frozen=True, slots=True)
class Address:
    type: str
    """ipv4 or ipv6."""
    address: str
    prefix: int


@dataclass(frozen=True, slots=True)
class Interface:
    name: str
    mac: str
    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Disk:
    name: str
    partition: bool
    dependencies: tuple[str, ...]
    """The disks on which it is."""
    alias: str


@dataclass(frozen=True, slots=True)
class FileSystem:
    name: str
    mountpoint: str
    type: str
    used: int | None
    total: int | None
    devices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vcpu:
    id: int
    online: bool
    can_offline: bool


@dataclass(frozen=True, slots=True)
class Trimmed:
    """A file system after its free blocks were given back; `error` where they were not."""

    path: str
    trimmed: int | None
    error: str


def read_agent_info(answer: Answer) -> AgentInfo:
    commands = [
        AgentCommand(one.at("name").text(), one.at("enabled").flag())
        for one in answer.items("supported_commands")
    ]
    return AgentInfo(answer.at("version").text(), tuple(commands))


def read_os_info(answer: Answer) -> OsInfo:
    return OsInfo(
        id=answer.text_at("id"),
        name=answer.text_at("name"),
        pretty_name=answer.text_at("pretty-name"),
        version=answer.text_at("version"),
        version_id=answer.text_at("version-id"),
        variant=answer.text_at("variant"),
        variant_id=answer.text_at("variant-id"),
        machine=answer.text_at("machine"),
        kernel_release=answer.text_at("kernel-release"),
        kernel_version=answer.text_at("kernel-version"),
    )


def read_time(answer: Answer) -> GuestTime:
    nanoseconds = answer.number(0, LATEST * 10**9)
    utc = EPOCH + timedelta(microseconds=nanoseconds // 1000)
    return GuestTime(
        nanoseconds=nanoseconds,
        utc=utc.isoformat(timespec="seconds").replace("+00:00", "Z"),
        ahead=round(nanoseconds / 10**9 - time.time(), 3),
    )


def read_users(answer: Answer) -> tuple[GuestUser, ...]:
    return tuple(
        GuestUser(one.at("user").text(), one.text_at("domain"), _seconds(one.at("login-time")))
        for one in answer.items()
    )


def _seconds(answer: Answer) -> float:
    if isinstance(answer.value, float) and 0 <= answer.value <= LATEST:
        return answer.value
    return float(answer.number(0, LATEST))


def read_interfaces(answer: Answer) -> tuple[Interface, ...]:
    return tuple(
        Interface(
            name=one.at("name").text(),
            mac=one.text_at("hardware-address"),
            addresses=tuple(
                Address(
                    type=address.at("ip-address-type").text(),
                    address=address.at("ip-address").text(),
                    prefix=address.at("prefix").number(0, 128),
                )
                for address in one.items("ip-addresses")
            ),
        )
        for one in answer.items()
    )


def read_disks(answer: Answer) -> tuple[Disk, ...]:
    return tuple(
        Disk(
            name=one.at("name").text(),
            partition=one.at("partition").flag(),
            dependencies=tuple(below.text() for below in one.items("dependencies")),
            alias=one.text_at("alias"),
        )
        for one in answer.items()
    )


def read_file_systems(answer: Answer) -> tuple[FileSystem, ...]:
    return tuple(
        FileSystem(
            name=one.at("name").text(),
            mountpoint=one.at("mountpoint").text(),
            type=one.at("type").text(),
            used=one.number_at("used-bytes"),
            total=one.number_at("total-bytes"),
            devices=tuple(disk.text_at("dev") for disk in one.items("disk")),
        )
        for one in answer.items()
    )


def read_vcpus(answer: Answer) -> tuple[Vcpu, ...]:
    return tuple(
        Vcpu(one.at("logical-id").number(), one.at("online").flag(), one.flag_at("can-offline"))
        for one in answer.items()
    )


def read_trimmed(answer: Answer) -> tuple[Trimmed, ...]:
    return tuple(
        Trimmed(one.at("path").text(), one.number_at("trimmed"), one.text_at("error"))
        for one in answer.items("paths")
    )
