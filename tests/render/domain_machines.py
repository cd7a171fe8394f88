"""Machines that show the domain-level elements of the libvirt block, every field of them."""

from __future__ import annotations

from typing import Any

from sample_machine import sample_machine

from charly_vm.model.resolved import ResolvedFirmware, ResolvedMachine

KVM = {"accelerator": "kvm"}

_UEFI = ResolvedFirmware(
    "uefi-insecure", "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"
)
_UEFI_SECURE = ResolvedFirmware(
    "uefi-secure",
    "/usr/share/OVMF/OVMF_CODE_4M.ms.fd",
    "/usr/share/OVMF/OVMF_VARS_4M.ms.fd",
    smm=True,
)
_UEFI_QCOW2 = ResolvedFirmware(
    "uefi-insecure",
    "/usr/share/edk2/ovmf/OVMF_CODE_4M.qcow2",
    "/usr/share/edk2/ovmf/OVMF_VARS_4M.qcow2",
    format="qcow2",
)
_AAVMF = ResolvedFirmware(
    "uefi-insecure", "/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"
)


def _machine(block: dict[str, Any] | None = None, **changes: Any) -> ResolvedMachine:
    """With the CPU that `resolve` chooses under TCG where the block names none."""
    cpu = {"mode": "maximum", **(block or {}).get("cpu", {})}
    return sample_machine(libvirt={**(block or {}), "cpu": cpu}, **changes)


_HYPERV = (
    *("relaxed", "vapic", "vpindex", "runtime", "synic", "reset", "frequencies"),
    *("reenlightenment", "ipi", "evmcs", "avic"),
)

DOMAIN_MACHINES = {
    "firmware-uefi": _machine(firmware=_UEFI),
    "firmware-secure": _machine(firmware=_UEFI_SECURE),
    "firmware-qcow2": _machine(firmware=_UEFI_QCOW2),
    "architecture-aarch64": _machine(
        {"cpu": {"mode": "custom", "model": "cortex-a57"}},
        architecture="aarch64",
        machine="virt",
        emulator="/usr/bin/qemu-system-aarch64",
        firmware=_AAVMF,
    ),
    "architecture-riscv64": _machine(
        {"cpu": {"mode": "custom", "model": "rv64"}},
        architecture="riscv64",
        machine="virt",
        emulator="/usr/bin/qemu-system-riscv64",
    ),
    "lifecycle": _machine(lifecycle="qa", disposable=False),
    "features": _machine(
        {
            "features": {
                "acpi": True,
                "apic": True,
                "pae": True,
                "smm": True,
                "hap": "off",
                "vmport": "no",
                "pmu": "off",
            }
        }
    ),
    "features-ibs": _machine({"features": {"ibs": "workaround"}}),
    "features-without": _machine({"features": {"acpi": False, "apic": False}}),
    "features-kvm": _machine(
        {
            "cpu": {"mode": "host-passthrough"},
            "features": {
                "kvm": {
                    "hidden": "on",
                    "hint_dedicated": "on",
                    "poll_control": "on",
                    "pv_ipi": "off",
                    "dirty_ring_size": 4096,
                }
            },
        },
        **KVM,
    ),
    "features-hyperv": _machine(
        {
            "cpu": {"mode": "host-passthrough"},
            "features": {
                "hyperv": {
                    "mode": "custom",
                    **dict.fromkeys(_HYPERV, "on"),
                    "spinlocks": {"state": "on", "retries": 4096},
                    "stimer": {"state": "on", "direct": "on"},
                    "tlbflush": "on",
                    "vendor_id": {"state": "on", "value": "0123456789ab"},
                }
            },
        },
        **KVM,
    ),
    "features-hyperv-off": _machine(
        {
            "cpu": {"mode": "host-passthrough"},
            "features": {
                "hyperv": {
                    "spinlocks": False,
                    "stimer": "off",
                    "tlbflush": {"state": "off"},
                    "vendor_id": {"state": "off"},
                }
            },
        },
        **KVM,
    ),
    "features-hyperv-tlbflush": _machine(
        {
            "cpu": {"mode": "host-passthrough"},
            "features": {"hyperv": {"tlbflush": {"direct": "on", "extended": "on"}}},
        },
        **KVM,
    ),
    "features-hyperv-passthrough": _machine(
        {"cpu": {"mode": "host-passthrough"}, "features": {"hyperv": {"mode": "passthrough"}}},
        **KVM,
    ),
    "cpu-custom": _machine(
        {
            "cpu": {
                "mode": "custom",
                "model": "Skylake-Client",
                "check": "partial",
                "features": [
                    {"name": "pcid"},
                    {"policy": "disable", "name": "hle"},
                    {"policy": "force", "name": "svm"},
                ],
                "cache": {"mode": "emulate", "level": 3},
            }
        }
    ),
    "cpu-passthrough": _machine(
        {
            "cpu": {
                "mode": "host-passthrough",
                "check": "none",
                "migratable": "off",
                "cache": {"mode": "passthrough"},
            }
        },
        **KVM,
    ),
    "cpu-topology": _machine(
        {"cpu": {"topology": {"sockets": 2, "dies": 3, "cores": 4, "threads": 5}}}, cpus=120
    ),
    "cpu-numa": _machine(
        {
            "cpu": {
                "numa": [
                    {"id": 1, "cpus": "2-3", "memory": 512, "unit": "MiB", "memaccess": "shared"},
                    {"id": 0, "cpus": "0,1", "memory": "512M", "memaccess": "private"},
                ]
            }
        },
        cpus=4,
    ),
    "clock-timers": _machine(
        {
            "clock": {
                "offset": "localtime",
                "adjustment": "reset",
                "timers": [
                    {"name": "rtc", "tickpolicy": "catchup", "track": "guest"},
                    {"name": "pit", "tickpolicy": "delay"},
                    {"name": "hpet", "present": False},
                    {"name": "tsc", "frequency": 2_400_000_000, "mode": "native"},
                    {"name": "kvmclock", "present": "no"},
                    {"name": "hypervclock", "present": "yes"},
                    {"name": "armvtimer", "tickpolicy": "discard"},
                ],
            }
        }
    ),
    "clock-timezone": _machine({"clock": {"offset": "timezone", "timezone": "Europe/Berlin"}}),
    "clock-variable": _machine(
        {"clock": {"offset": "variable", "adjustment": -3600, "basis": "localtime"}}
    ),
    "clock-absolute": _machine({"clock": {"offset": "absolute", "start": 946684800}}),
    "memory-backing": _machine(
        {
            "memory_backing": {
                "nosharepages": True,
                "locked": "on",
                "source": "memfd",
                "access": "shared",
                "allocation": "immediate",
                "discard": "yes",
            }
        }
    ),
    "memory-hugepages": _machine(
        {
            "cpu": {
                "numa": [{"cpus": 0, "memory": "512M"}, {"cpus": 1, "memory": "512M"}],
            },
            "memory_backing": {
                "hugepages": [{"size": "2M", "nodeset": 0}, {"size": 1048576, "nodeset": "1"}]
            },
        }
    ),
    "memory-hugepages-default": _machine({"memory_backing": {"hugepages": True}}),
    "memtune": _machine(
        {"memtune": {"hard_limit": "2G", "soft_limit": 1572864, "swap_hard_limit": "3G"}}
    ),
    "numatune": _machine(
        {
            "cpu": {
                "numa": [{"cpus": 0, "memory": "512M"}, {"cpus": 1, "memory": "512M"}],
            },
            "numatune": {
                "memory": {"mode": "preferred", "nodeset": "0"},
                "memnode": [
                    {"cellid": 0, "mode": "strict", "nodeset": "0-3,^2"},
                    {"cellid": 1, "mode": "interleave", "nodeset": 1},
                ],
            },
        }
    ),
    "numatune-auto": _machine({"numatune": {"memory": {"placement": "auto"}}}),
    "cputune": _machine(
        {
            "iothreads": 2,
            "cputune": {
                "shares": 2048,
                "period": 100_000,
                "quota": -1,
                "global_period": 200_000,
                "global_quota": 300_000,
                "emulator_period": 400_000,
                "emulator_quota": 500_000,
                "iothread_period": 600_000,
                "iothread_quota": 700_000,
                "vcpupin": [{"vcpu": 0, "cpuset": "0-3,^2"}, {"vcpu": 1, "cpuset": 1}],
                "emulatorpin": {"cpuset": "1-3"},
                "iothreadpin": [{"iothread": 1, "cpuset": "5,6"}],
                "vcpusched": [{"vcpus": "0", "scheduler": "fifo", "priority": 5}],
                "iothreadsched": [{"iothreads": 2, "scheduler": "rr", "priority": 9}],
                "emulatorsched": {"scheduler": "rr", "priority": 1},
            },
        }
    ),
    "seclabel-static": _machine(
        {
            "seclabel": {
                "type": "static",
                "model": "selinux",
                "relabel": "no",
                "label": "system_u:system_r:svirt_t:s0:c1,c2",
            }
        }
    ),
    "seclabel-several": _machine(
        {
            "seclabel": [
                {"model": "selinux", "baselabel": "system_u:system_r:svirt_t:s0"},
                {"type": "none", "model": "dac"},
            ]
        }
    ),
    "launch-security-sev": _machine(
        {
            "cpu": {"mode": "host-passthrough"},
            "launch_security": {
                "type": "sev",
                "cbitpos": 47,
                "reduced_phys_bits": 1,
                "policy": "0x5",
                "dh_cert": "QUJD",
                "session": "REVG",
                "kernel_hashes": "on",
            },
        },
        firmware=_UEFI,
        **KVM,
    ),
    "launch-security-sev-es": _machine(
        {"cpu": {"mode": "host-passthrough"}, "launch_security": {"type": "sev-es"}},
        firmware=_UEFI,
        **KVM,
    ),
    "launch-security-sev-snp": _machine(
        {
            "cpu": {"mode": "host-passthrough"},
            "launch_security": {"type": "sev-snp", "kernel_hashes": False},
        },
        firmware=_UEFI,
        **KVM,
    ),
    "launch-security-tdx": _machine(
        {
            "cpu": {"mode": "host-passthrough"},
            "launch_security": {"type": "tdx", "policy": 0x10000001},
        },
        firmware=_UEFI,
        **KVM,
    ),
    "resource": _machine(
        {"resource": {"partition": "/machine/beds", "fibrechannel": {"appid": "beds 1"}}}
    ),
    "sysinfo": _machine(
        {
            "sysinfo": {
                "type": "smbios",
                "bios": {
                    "vendor": "LENOVO",
                    "version": "6FET82WW (3.12 )",
                    "date": "11/24/2026",
                    "release": "3.12",
                },
                "system": {
                    "manufacturer": "Fedora & Söhne",
                    "product": "Virt-Manager",
                    "version": "0.9.4",
                    "serial": "W9 12",
                    "sku": "IMAGE_3.0",
                    "family": "Red Hat",
                },
                "baseboard": {
                    "manufacturer": "LENOVO",
                    "product": "20BE0061MC",
                    "version": "0B98401 Pro",
                    "serial": "W1KS427111E",
                    "asset": "none",
                    "location": "slot <1>",
                },
                "chassis": {
                    "manufacturer": "Dell Inc.",
                    "version": "2.12",
                    "serial": "65X0XF2",
                    "asset": "40000101",
                    "sku": "Type3Sku1",
                },
                "processor": {
                    "socket_destination": "CPU",
                    "manufacturer": "charly, and others",
                    "version": "pc-q35",
                    "serial": "00:11",
                    "asset": "tag",
                    "part": "p1",
                    "max_speed": 2000,
                    "current_speed": 1800,
                },
                "oem_strings": ["author's & own", "second"],
            }
        },
        oem_strings=("io.systemd.credential:charly=1",),
    ),
    "sysinfo-own": _machine(oem_strings=("io.systemd.credential:charly=1",)),
    "snippets": _machine(
        {
            "snippets": [
                "<channel type='unix'>"
                "<target type='virtio' name='org.qemu.guest_agent.0'/></channel>",
                "<panic model='isa'/>",
                " <panic model='isa'/>\n",
                "<blkiotune><weight>800</weight></blkiotune>",
                "<features>\n  <vmcoreinfo state='on'/>\n</features>",
                "<metadata><app:own xmlns:app='urn:example:app'>we &amp; you</app:own></metadata>",
                "<devices><sound model='ich9'/><memory model='dimm'><target>"
                "<size unit='MiB'>512</size></target></memory></devices><title>ours</title>",
                "<maxMemory slots='2' unit='GiB'>4</maxMemory>",
                "<memballoon model='virtio'/>",
            ],
            "xml_passthrough": (
                "<qemu:commandline><qemu:arg value='-global'/>"
                "<qemu:env name='CHARLY' value='1'/></qemu:commandline>"
            ),
        }
    ),
}
"""By the name of their golden file."""

SINCE: dict[str, tuple[tuple[int, int, int], str]] = {
    "firmware-qcow2": ((10, 10, 0), "os"),
    "features-hyperv-tlbflush": ((11, 0, 0), "features"),
    "launch-security-sev-snp": ((10, 5, 0), "launchSecurity"),
    "launch-security-tdx": ((11, 6, 0), "launchSecurity"),
}
"""The libvirt that knows what is in it, and a word of what an older one says."""
