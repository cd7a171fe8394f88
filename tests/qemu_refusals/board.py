"""What the qemu backend refuses of the board: processors, memory, firmware, time."""

from __future__ import annotations

from sample_machine import PASST

from qemu_refusals.refused import block

RISCV = {"architecture": "riscv64", "machine": "virt"}
AGENT = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"

BOARD = {
    "passt": block({}, "network", network=PASST),
    "hap": block({"features": {"hap": "on"}}, "features.hap"),
    "ibs": block({"features": {"ibs": "workaround"}}, "features.ibs"),
    "hyperv-vpindex": block({"features": {"hyperv": {"vpindex": "on"}}}, "features.hyperv.vpindex"),
    "dirty-ring": block(
        {"features": {"kvm": {"dirty_ring_size": 1024}}}, "features.kvm.dirty_ring_size"
    ),
    "cpu-forbid": block(
        {"cpu": {"model": "Nehalem", "features": [{"name": "aes", "policy": "forbid"}]}},
        "cpu.features",
    ),
    "cpu-optional-checked": block(
        {
            "cpu": {
                "model": "Nehalem",
                "check": "partial",
                "features": [{"name": "avx"}, {"name": "aes", "policy": "optional"}],
            }
        },
        "cpu.features[1]",
    ),
    "features-riscv64": block(
        {"features": {"acpi": False, "pmu": "on", "kvm": {"hidden": "on"}}},
        "features.kvm",
        "features.acpi",
        "features.pmu",
        **RISCV,
    ),
    "timezone": block(
        {"clock": {"offset": "timezone", "timezone": "Europe/Berlin"}}, "clock.timezone"
    ),
    "adjustment": block({"clock": {"offset": "utc", "adjustment": 60}}, "clock.adjustment"),
    "timer-mode": block(
        {"clock": {"timers": [{"name": "tsc", "mode": "native"}]}}, "clock.timers (tsc)"
    ),
    "timer-left-out": block(
        {"clock": {"timers": [{"name": "hpet"}, {"name": "rtc", "present": "no"}]}},
        "clock.timers[1] (rtc)",
    ),
    "memtune": block(
        {
            "memtune": {
                "hard_limit": "4G",
                "soft_limit": "3G",
                "swap_hard_limit": "5G",
            }
        },
        "memtune",
    ),
    "cputune": block(
        {
            "cputune": {
                "shares": 1024,
                "vcpupin": [{"vcpu": 0, "cpuset": "0"}],
                "emulatorpin": {"cpuset": "0"},
            }
        },
        "cputune",
    ),
    "numatune": block(
        {"numatune": {"memory": {"mode": "strict", "placement": "auto"}}},
        "numatune.memory.placement",
    ),
    "numatune-restrictive": block(
        {
            "numatune": {
                "memory": {"mode": "restrictive", "nodeset": "0"},
                "memnode": [{"cellid": 0, "mode": "restrictive", "nodeset": "0"}],
            }
        },
        "numatune.memory.mode",
        "numatune.memnode",
    ),
    "seclabel": block(
        {"seclabel": {"type": "static", "model": "dac", "label": "+1000:+1000"}}, "seclabel"
    ),
    "launch-security": block(
        {"launch_security": {"type": "sev", "policy": "0x3"}}, "launch_security"
    ),
    "resource": block(
        {"resource": {"partition": "/machine", "fibrechannel": {"appid": "a"}}}, "resource"
    ),
    "snippets": block({"snippets": ["<channel type='null'/>"]}, "snippets"),
    "snippets-beside-the-agents": block(
        {"snippets": [AGENT, AGENT.replace("guest_agent", "other")]}, "snippets[1]"
    ),
    "xml": block({"xml_passthrough": "<channel type='null'/>"}, "xml_passthrough"),
    "sysinfo-riscv64": block(
        {"sysinfo": {"system": {"serial": "S1"}, "oem_strings": ["a"]}},
        "sysinfo.system",
        "sysinfo.oem_strings",
        "ssh.key_injection.smbios",
        oem_strings=("a",),
        **RISCV,
    ),
}
