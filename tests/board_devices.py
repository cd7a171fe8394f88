"""Everything else on the board."""

from __future__ import annotations

from device_sample import ARM, CALLS, RISCV, VIRTIO, device_sample
from sample_machine import sample_machine

BOARD = {
    "none": device_sample(),
    "aarch64": device_sample({"graphics": {"type": "vnc"}}, **ARM),
    "riscv64": device_sample(**RISCV),
    "emulator": device_sample({"emulator": "/opt/qemu/bin/qemu-system-x86_64"}),
    "rng": device_sample(
        {
            "rng": [
                {
                    "model": "virtio-transitional",
                    "backend": {"model": "random", "source": "/dev/hwrng"},
                    "rate": {"bytes": 1024, "period": 2000},
                    "driver": VIRTIO,
                },
                {"backend": "builtin", "rate": 512},
                {
                    "backend": {
                        "model": "egd",
                        "type": "tcp",
                        "source": {**CALLS, "service": 1234},
                    }
                },
            ]
        }
    ),
    "tpm-emulator": device_sample(
        {
            "tpm": {
                "model": "tpm-crb",
                "backend": {
                    "type": "emulator",
                    "version": "2.0",
                    "encryption": "6dd3e4a5-1d76-44ce-961f-f119f5aad935",
                    "active_pcr_banks": ["sha256", "sha512"],
                    "persistent_state": "yes",
                },
            }
        }
    ),
    "tpm-emulator-state": device_sample(
        {
            "tpm": {
                "backend": {
                    "source": {"type": "dir", "path": "{{.VmStateDir}}/tpm"},
                    "debug": 3,
                    "profile": {
                        "source": "local:restricted",
                        "remove_disabled": "check",
                        "name": "custom:restricted",
                    },
                }
            }
        }
    ),
    "tpm-passthrough": device_sample(
        {"tpm": {"model": "tpm-tis", "backend": {"type": "passthrough", "device": "/dev/tpm0"}}}
    ),
    "tpm-external": device_sample(
        {
            "tpm": {
                "backend": {"type": "external", "source": {"type": "unix", "path": "/run/t.sock"}}
            }
        }
    ),
    "watchdog": device_sample({"watchdog": {"model": "i6300esb", "action": "inject-nmi"}}),
    "watchdog-isa": device_sample({"watchdog": "ib700"}, machine="pc"),
    "watchdog-several": device_sample(
        {"watchdog": [{"model": "itco", "action": "reset"}, {"model": "i6300esb"}]}
    ),
    "memballoon": device_sample(
        {
            "memballoon": {
                "model": "virtio-non-transitional",
                "autodeflate": "on",
                "free_page_reporting": "on",
                "stats": 10,
                "driver": VIRTIO,
            }
        }
    ),
    "shmem": device_sample(
        {
            "shmem": [
                {"name": "shared", "role": "master", "size": "4M"},
                {
                    "name": "ringing",
                    "model": "ivshmem-doorbell",
                    "server": "/run/shmem.sock",
                    "msi": {"vectors": 16, "ioeventfd": "on"},
                },
            ]
        }
    ),
    "iommu": sample_machine(
        libvirt={
            "devices": {
                "iommu": {
                    "model": "intel",
                    "driver": {
                        "intremap": "on",
                        "caching_mode": "on",
                        "eim": "on",
                        "iotlb": "on",
                        "aw_bits": 48,
                    },
                }
            },
            "snippets": ["<features><ioapic driver='qemu'/></features>"],
        }
    ),
    "iommu-translation": device_sample(
        {"iommu": {"model": "intel", "driver": {"dma_translation": "off"}}}
    ),
    "iommu-virtio": device_sample({"iommu": {"model": "virtio"}}),
    "iommu-smmuv3": device_sample({"iommu": {"model": "smmuv3"}}, **ARM),
    "vsock": device_sample({"vsock": {"model": "virtio-transitional", "cid": 4, "driver": VIRTIO}}),
    "vsock-auto": device_sample({"vsock": {"model": "virtio", "cid": {"auto": "yes"}}}),
    "panic": device_sample({"panic": ["isa", {"model": "hyperv"}]}),
    "panic-pci": device_sample({"panic": "pvpanic"}),
}
