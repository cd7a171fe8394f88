"""libvirt's domain events in words: the names of `virsh event`, and what each one tells.

Pure, but for reading the constants of libvirt's module, of which an older one has fewer.
https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainEventID
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Description = Callable[..., str]
"""From the arguments of a callback, between the domain and the opaque one, to words."""

LIFECYCLE = (
    "DEFINED",
    "UNDEFINED",
    "STARTED",
    "SUSPENDED",
    "RESUMED",
    "STOPPED",
    "SHUTDOWN",
    "PMSUSPENDED",
    "CRASHED",
)
"""The kinds of `virDomainEventType`, each of which has details of its own."""


def descriptions(libvirt: Any) -> Iterator[tuple[int, str, Description]]:
    """Every event that this libvirt knows: its number, its name and how it is described."""
    for constant, name, describe in _table(libvirt):
        number = getattr(libvirt, f"VIR_DOMAIN_EVENT_ID_{constant}", None)
        if number is not None:
            yield number, name, describe


def _table(libvirt: Any) -> Iterator[tuple[str, str, Description]]:
    def words(prefix: str) -> Description:
        return lambda number, *more: _join(_word(libvirt, prefix, number), *more)

    yield "LIFECYCLE", "lifecycle", lambda kind, detail: _lifecycle(libvirt, kind, detail)
    yield "REBOOT", "reboot", _join
    yield "RTC_CHANGE", "rtc-change", _join
    yield "WATCHDOG", "watchdog", words("WATCHDOG")
    yield "IO_ERROR_REASON", "io-error", _io_error(libvirt)
    yield "GRAPHICS", "graphics", _graphics(libvirt)
    yield "CONTROL_ERROR", "control-error", _join
    yield "BLOCK_JOB_2", "block-job", _block_job(libvirt)
    yield "DISK_CHANGE", "disk-change", lambda old, new, alias, reason: _join(alias, old, new)
    yield (
        "TRAY_CHANGE",
        "tray-change",
        lambda alias, reason: _join(alias, _word(libvirt, "TRAY_CHANGE", reason)),
    )
    yield "PMWAKEUP", "pm-wakeup", lambda reason: ""
    yield "PMSUSPEND", "pm-suspend", lambda reason: ""
    yield "PMSUSPEND_DISK", "pm-suspend-disk", lambda reason: ""
    yield "BALLOON_CHANGE", "balloon-change", lambda size: f"{size} KiB"
    yield "DEVICE_ADDED", "device-added", _join
    yield "DEVICE_REMOVED", "device-removed", _join
    yield "DEVICE_REMOVAL_FAILED", "device-removal-failed", _join
    yield "TUNABLE", "tunable", _pairs
    yield "AGENT_LIFECYCLE", "agent-lifecycle", lambda state, reason: _agent(libvirt, state, reason)
    yield "MIGRATION_ITERATION", "migration-iteration", _join
    yield "JOB_COMPLETED", "job-completed", _pairs
    yield "METADATA_CHANGE", "metadata-change", words("METADATA_CHANGE")
    yield "BLOCK_THRESHOLD", "block-threshold", lambda device, path, *sizes: _join(device, *sizes)
    yield "MEMORY_FAILURE", "memory-failure", lambda *details: _join(*details)
    yield "MEMORY_DEVICE_SIZE_CHANGE", "memory-device-size-change", _join
    # Of libvirt 11 and later.
    yield "NIC_MAC_CHANGE", "nic-mac-change", _join
    yield "VCPU_REMOVED", "vcpu-removed", _join
    yield "CHANNEL_LIFECYCLE", "channel-lifecycle", _join


def _lifecycle(libvirt: Any, kind: int, detail: int) -> str:
    """Such as `stopped shutdown`: what became of it, and by what."""
    for name in LIFECYCLE:
        if getattr(libvirt, f"VIR_DOMAIN_EVENT_{name}") == kind:
            return _join(name.lower(), _word(libvirt, name, detail))
    return _join(kind, detail)


def _agent(libvirt: Any, state: int, reason: int) -> str:
    constants = "CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE"
    return _join(
        _word(libvirt, f"{constants}_STATE", state, domain=False),
        _word(libvirt, f"{constants}_REASON", reason, domain=False),
    )


def _io_error(libvirt: Any) -> Description:
    return lambda path, alias, action, reason: _join(
        alias, _word(libvirt, "IO_ERROR", action), reason
    )


def _graphics(libvirt: Any) -> Description:
    return lambda phase, local, remote, scheme, subject: _join(
        _word(libvirt, "GRAPHICS", phase), scheme
    )


def _block_job(libvirt: Any) -> Description:
    return lambda disk, kind, status: _join(
        disk,
        _word(libvirt, "BLOCK_JOB_TYPE", kind, event=False),
        _word(libvirt, "BLOCK_JOB", status, event=False),
    )


def _word(
    libvirt: Any, prefix: str, number: int, *, domain: bool = True, event: bool = True
) -> str:
    """The end of the name of the constant with this value: `shutdown` of ..._STOPPED_SHUTDOWN."""
    beginning = f"VIR_{'DOMAIN_' if domain else ''}{'EVENT_' if domain and event else ''}{prefix}_"
    endings = [
        name.removeprefix(beginning)
        for name in dir(libvirt)
        if name.startswith(beginning) and getattr(libvirt, name) == number
    ]
    # Other constants may begin in the same way, and go on: ..._BLOCK_JOB_TYPE_PULL.
    word = min(endings, key=lambda ending: ending.count("_"), default=str(number))
    return word.lower().replace("_", "-")


def _pairs(parameters: Any) -> str:
    if not isinstance(parameters, dict):
        return str(parameters or "")
    return _join(*(f"{key}={value}" for key, value in sorted(parameters.items())))


def _join(*words: object) -> str:
    return " ".join(str(word) for word in words if word not in (None, ""))
