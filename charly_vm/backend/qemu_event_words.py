"""QEMU's events as libvirt would tell them, so that a check need not know its backend.

The events are in QEMU's documentation (interop/qemu-qmp-ref). One that libvirt has no name for
keeps QEMU's, in small letters with hyphens, and its data as JSON.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from charly_vm.model.live import DomainEvent
from charly_vm.render.qemu_argv import AGENT_PORT_ID

Data = Mapping[str, Any]


def describe_event(message: Mapping[str, Any]) -> DomainEvent:
    """A message of QEMU's monitor that has an `event`."""
    name = str(message.get("event", ""))
    data = message.get("data") or {}
    known = _WORDS.get(name)
    event, detail = (known(data) if known else None) or (_own_name(name), _own_words(data))
    return DomainEvent(_moment(message), event, detail)


def _moment(message: Mapping[str, Any]) -> float:
    stamp = message.get("timestamp") or {}
    seconds, more = stamp.get("seconds", -1), stamp.get("microseconds", 0)
    # -1 is what QEMU says where the host has no clock for it.
    return seconds + more / 1_000_000 if seconds >= 0 else time.time()


def _own_name(name: str) -> str:
    return name.lower().replace("_", "-")


def _own_words(data: Data) -> str:
    return json.dumps(data, sort_keys=True) if data else ""


def _port(data: Data) -> tuple[str, str] | None:
    if data.get("id") != AGENT_PORT_ID:
        return None
    return "agent-lifecycle", f"{'connected' if data.get('open') else 'disconnected'} channel"


def _shutdown(data: Data) -> tuple[str, str]:
    return "lifecycle", f"shutdown {'guest' if data.get('guest') else 'host'}"


def _device(data: Data) -> str:
    return str(data.get("device") or data.get("path", ""))


def _fixed(event: str, detail: str = "") -> Callable[[Data], tuple[str, str]]:
    return lambda data: (event, detail)


def _job(status: str) -> Callable[[Data], tuple[str, str]]:
    return lambda data: ("block-job", f"{_device(data)} {data.get('type', '')} {status}")


_WORDS: Mapping[str, Callable[[Data], tuple[str, str] | None]] = {
    "SHUTDOWN": _shutdown,
    "STOP": _fixed("lifecycle", "suspended paused"),
    "RESUME": _fixed("lifecycle", "resumed unpaused"),
    "GUEST_PANICKED": _fixed("lifecycle", "crashed panicked"),
    "GUEST_CRASHLOADED": _fixed("lifecycle", "crashed crashloaded"),
    "RESET": _fixed("reboot"),
    "SUSPEND": _fixed("pm-suspend"),
    "SUSPEND_DISK": _fixed("pm-suspend-disk"),
    "WAKEUP": _fixed("pm-wakeup"),
    "VSERPORT_CHANGE": _port,
    "WATCHDOG": lambda data: ("watchdog", str(data.get("action", "")).replace("-", "")),
    "RTC_CHANGE": lambda data: ("rtc-change", str(data.get("offset", ""))),
    "BALLOON_CHANGE": lambda data: ("balloon-change", f"{data.get('actual', 0) // 1024} KiB"),
    "BLOCK_IO_ERROR": lambda data: (
        "io-error",
        f"{data.get('node-name') or _device(data)} {data.get('action', '')} "
        f"{data.get('reason', '')}",
    ),
    "BLOCK_JOB_COMPLETED": _job("completed"),
    "BLOCK_JOB_CANCELLED": _job("canceled"),
    "BLOCK_JOB_READY": _job("ready"),
    "BLOCK_JOB_ERROR": _job("failed"),
    "BLOCK_WRITE_THRESHOLD": lambda data: ("block-threshold", str(data.get("node-name", ""))),
    "DEVICE_DELETED": lambda data: ("device-removed", _device(data)),
    "DEVICE_UNPLUG_GUEST_ERROR": lambda data: ("device-removal-failed", _device(data)),
    "DEVICE_TRAY_MOVED": lambda data: (
        "tray-change",
        f"{data.get('id', '')} {'open' if data.get('tray-open') else 'close'}",
    ),
    "VNC_CONNECTED": _fixed("graphics", "connect vnc"),
    "VNC_INITIALIZED": _fixed("graphics", "initialize vnc"),
    "VNC_DISCONNECTED": _fixed("graphics", "disconnect vnc"),
    "SPICE_CONNECTED": _fixed("graphics", "connect spice"),
    "SPICE_INITIALIZED": _fixed("graphics", "initialize spice"),
    "SPICE_DISCONNECTED": _fixed("graphics", "disconnect spice"),
    "MEMORY_FAILURE": lambda data: ("memory-failure", _own_words(data)),
    "MEMORY_DEVICE_SIZE_CHANGE": lambda data: (
        "memory-device-size-change",
        f"{data.get('id', '')} {data.get('size', '')}",
    ),
}
"""From an event's data to libvirt's name and words; None where it means nothing to libvirt."""
