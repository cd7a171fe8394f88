"""Machines that show boards, processors, clocks, memory and firmware tables on the qemu backend."""

from __future__ import annotations

from qemu_machine_parts import ARM, KVM, RISCV, UEFI, UEFI_SECURE, machine_of

BOARDS = {
    "pc": machine_of(machine="pc"),
    "uefi": machine_of(firmware=UEFI),
    "uefi-secure": machine_of(firmware=UEFI_SECURE),
    "aarch64": machine_of(**ARM),
    "aarch64-many-cpus": machine_of(cpus=12, **ARM),
    "aarch64-named-cpu": machine_of({"cpu": {"model": "cortex-a57", "mode": "custom"}}, **ARM),
    "aarch64-kvm": machine_of(
        {
            "cpu": {"mode": "host-passthrough"},
            "clock": {"timers": [{"name": "armvtimer", "tickpolicy": "discard"}]},
        },
        **ARM,
        **KVM,
    ),
    "riscv64": machine_of(**RISCV),
    "features": machine_of(
        {
            "features": {
                "acpi": False,
                "apic": False,
                "pae": True,
                "smm": "on",
                "vmport": "on",
                "pmu": "on",
            }
        }
    ),
    "host-model": machine_of({"cpu": {"mode": "host-model"}}, **KVM),
    "cpu": machine_of(
        {
            "cpu": {
                "mode": "custom",
                "model": "Nehalem",
                "check": "full",
                "topology": {"sockets": 2, "dies": 2, "cores": 2, "threads": 2},
                "features": [
                    {"name": "aes", "policy": "require"},
                    {"name": "avx", "policy": "force"},
                    {"name": "pcid", "policy": "disable"},
                ],
                "cache": {"mode": "emulate", "level": 3},
            }
        },
        cpus=16,
    ),
    "cpu-cache-passthrough": machine_of(
        {"cpu": {"mode": "maximum", "cache": {"mode": "passthrough"}, "migratable": "off"}}
    ),
    "cpu-cache-disabled": machine_of({"cpu": {"mode": "maximum", "cache": {"mode": "disable"}}}),
    "cpu-optional": machine_of(
        {
            "cpu": {
                "mode": "custom",
                "model": "Nehalem",
                "features": [{"name": "aes", "policy": "optional"}],
            }
        }
    ),
    "hyperv": machine_of(
        {
            "features": {
                "hyperv": {
                    **dict.fromkeys(
                        (
                            *("relaxed", "vapic", "vpindex", "runtime", "synic", "reset"),
                            *("frequencies", "reenlightenment", "ipi", "evmcs", "avic"),
                        ),
                        "on",
                    ),
                    "mode": "custom",
                    "spinlocks": {"state": "on", "retries": 4096},
                    "stimer": {"state": "on", "direct": "on"},
                    "tlbflush": {"state": "on", "direct": "on", "extended": "on"},
                    "vendor_id": {"state": "on", "value": "KVM Hv"},
                }
            },
            "clock": {"timers": [{"name": "hypervclock", "present": "yes"}]},
            "devices": {"panic": "hyperv"},
        },
        **KVM,
    ),
    "hyperv-off": machine_of(
        {
            "features": {
                "hyperv": {
                    "spinlocks": "off",
                    "stimer": "off",
                    "tlbflush": "off",
                    "vendor_id": {"state": "off", "value": "nobody"},
                }
            }
        }
    ),
    "hyperv-passthrough": machine_of({"features": {"hyperv": {"mode": "passthrough"}}}, **KVM),
    "kvm-features": machine_of(
        {
            "features": {
                "kvm": {
                    "hidden": "on",
                    "hint_dedicated": "on",
                    "poll_control": "on",
                    "pv_ipi": "off",
                    "dirty_ring_size": 4096,
                }
            },
            "clock": {"timers": [{"name": "kvmclock", "present": "no"}]},
        },
        **KVM,
    ),
    "kvm-features-tcg": machine_of({"features": {"kvm": {"hidden": "on", "poll_control": "on"}}}),
    "clock": machine_of(
        {
            "clock": {
                "offset": "localtime",
                "timers": [
                    {"name": "rtc", "track": "guest", "tickpolicy": "catchup"},
                    {"name": "pit", "tickpolicy": "delay", "present": "yes"},
                    {"name": "hpet", "present": "no"},
                    {"name": "tsc", "present": "yes", "frequency": 2_000_000_000},
                ],
            }
        }
    ),
    "clock-absolute": machine_of({"clock": {"offset": "absolute", "start": 1_000_000_000}}),
    "clock-variable": machine_of(
        {"clock": {"offset": "variable", "basis": "localtime", "adjustment": 0}}
    ),
    "sysinfo": machine_of(
        {
            "sysinfo": {
                "bios": {
                    "vendor": "Charly, Inc.",
                    "version": "1",
                    "date": "01/31/2026",
                    "release": "1.2",
                },
                "system": {
                    "manufacturer": "Charly",
                    "product": "Bed",
                    "version": "2",
                    "serial": "S1",
                    "sku": "K1",
                    "family": "F",
                },
                "baseboard": {
                    "manufacturer": "Charly",
                    "product": "Board",
                    "version": "3",
                    "serial": "B1",
                    "asset": "A1",
                    "location": "L1",
                },
                "chassis": {
                    "manufacturer": "Charly",
                    "version": "4",
                    "serial": "C1",
                    "asset": "A2",
                    "sku": "K2",
                },
                "processor": {
                    "socket_destination": "CPU",
                    "manufacturer": "Charly",
                    "version": "5",
                    "serial": "P1",
                    "asset": "A3",
                    "part": "N1",
                    "max_speed": 3000,
                    "current_speed": 2000,
                },
                "oem_strings": ["author: one, two", "author: three"],
            }
        },
        oem_strings=("io.systemd.credential:charly=" + "A" * 900,),
    ),
    "uefi-aarch64-sysinfo": machine_of({"sysinfo": {"oem_strings": ["author: one"]}}, **ARM),
}

MEMORY = {
    "memory-memfd": machine_of(
        {
            "memory_backing": {
                "source": "memfd",
                "access": "shared",
                "allocation": "immediate",
                "nosharepages": True,
                "locked": True,
            },
            "numatune": {"memory": {"mode": "strict", "nodeset": "0"}},
        }
    ),
    "memory-file": machine_of(
        {"memory_backing": {"source": "file", "access": "private", "discard": True}}
    ),
    "memory-anonymous": machine_of(
        {"memory_backing": {"source": "anonymous", "allocation": "ondemand"}}
    ),
    "memory-shared": machine_of({"memory_backing": {"access": "shared"}}),
    "hugepages": machine_of({"memory_backing": {"hugepages": True}}),
    "hugepages-sized": machine_of({"memory_backing": {"hugepages": {"size": "2M"}}}),
    "numa": machine_of(
        {
            "cpu": {
                "mode": "maximum",
                "numa": [
                    {
                        "id": 0,
                        "cpus": "0,2-3",
                        "memory": 32,
                        "unit": "MiB",
                        "memaccess": "shared",
                    },
                    {"id": 1, "cpus": "1", "memory": "32M", "memaccess": "private"},
                ],
            },
            "memory_backing": {"access": "private"},
            "numatune": {
                "memory": {"nodeset": "0"},
                "memnode": [{"cellid": 1, "mode": "preferred", "nodeset": "0"}],
            },
        },
        cpus=4,
        ram=64 * 1024**2,
    ),
    "numa-hugepages": machine_of(
        {
            "cpu": {
                "mode": "maximum",
                "numa": [{"cpus": "0", "memory": "1G"}, {"cpus": "1", "memory": "1G"}],
            },
            "memory_backing": {
                "hugepages": [{"size": "1G"}, {"size": "2M", "nodeset": "1"}],
            },
        },
        ram=2 * 1024**3,
    ),
}
