"""Events in words: QEMU's as libvirt would tell them, and libvirt's numbers by their names."""

from __future__ import annotations

import time
from typing import Any

import pytest

from charly_vm.backend.libvirt_event_words import descriptions
from charly_vm.backend.qemu_event_words import describe_event
from charly_vm.model.live import EVENTS


@pytest.mark.parametrize(
    ("name", "data", "event", "detail"),
    [
        ("RESET", {"guest": True, "reason": "guest-reset"}, "reboot", ""),
        ("SHUTDOWN", {"guest": True, "reason": "guest-shutdown"}, "lifecycle", "shutdown guest"),
        ("SHUTDOWN", {"guest": False, "reason": "host-signal"}, "lifecycle", "shutdown host"),
        ("STOP", None, "lifecycle", "suspended paused"),
        ("RESUME", None, "lifecycle", "resumed unpaused"),
        ("GUEST_PANICKED", {"action": "pause"}, "lifecycle", "crashed panicked"),
        ("WATCHDOG", {"action": "inject-nmi"}, "watchdog", "injectnmi"),
        ("VSERPORT_CHANGE", {"id": "agent-port", "open": True}, "agent-lifecycle",
         "connected channel"),
        ("VSERPORT_CHANGE", {"id": "other", "open": True}, "vserport-change",
         '{"id": "other", "open": true}'),
        ("DEVICE_DELETED", {"path": "/machine/x"}, "device-removed", "/machine/x"),
        ("BLOCK_JOB_COMPLETED", {"device": "disk", "type": "commit"}, "block-job",
         "disk commit completed"),
        ("BALLOON_CHANGE", {"actual": 1024**3}, "balloon-change", "1048576 KiB"),
        ("NIC_RX_FILTER_CHANGED", {"path": "/p"}, "nic-rx-filter-changed", '{"path": "/p"}'),
        ("POWERDOWN", None, "powerdown", ""),
    ],
)  # fmt: skip
def test_an_event_of_qemus_is_told_as_libvirt_would(
    name: str, data: dict[str, Any] | None, event: str, detail: str
) -> None:
    message: dict[str, Any] = {
        "event": name,
        "timestamp": {"seconds": 1796041819, "microseconds": 145136},
    }
    if data is not None:
        message["data"] = data
    told = describe_event(message)
    assert (told.event, told.detail) == (event, detail)
    assert told.time == 1796041819.145136


def test_an_event_without_a_time_happened_now() -> None:
    for stamp in ({"seconds": -1, "microseconds": -1}, None):
        told = describe_event({"event": "RESET", "timestamp": stamp})
        assert abs(told.time - time.time()) < 60


def test_libvirts_numbers_have_their_names() -> None:
    libvirt = pytest.importorskip("libvirt")
    told = {name: describe for _, name, describe in descriptions(libvirt)}
    assert told["lifecycle"](libvirt.VIR_DOMAIN_EVENT_STOPPED, 0) == "stopped shutdown"
    assert told["lifecycle"](libvirt.VIR_DOMAIN_EVENT_SUSPENDED, 5) == "suspended from-snapshot"
    assert told["lifecycle"](99, 7) == "99 7"
    assert told["watchdog"](2) == "reset"
    assert told["agent-lifecycle"](1, 2) == "connected channel"
    assert told["block-job"]("vda", 3, 0) == "vda commit completed"
    assert told["tray-change"]("ide0", 0) == "ide0 open"
    assert told["io-error"]("/disk", "virtio-disk0", 1, "enospc") == "virtio-disk0 pause enospc"
    assert told["graphics"](0, {}, {}, "spice", {}) == "connect spice"
    assert told["reboot"]() == ""
    assert told["rtc-change"](3600) == "3600"
    assert told["tunable"]({"b": 1, "a": 2}) == "a=2 b=1"
    assert set(told) < set(EVENTS)
    newer = {"channel-lifecycle", "nic-mac-change", "vcpu-removed"}
    assert set(EVENTS) - set(told) - newer == {"disconnected"}
