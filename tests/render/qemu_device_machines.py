"""Machines that show all other devices on the qemu backend."""

from __future__ import annotations

from qemu_machine_parts import ARM, KVM, RISCV, SPICE_SOCKET, UEFI, VIRTIO, devices_of, machine_of

CHARACTERS = {
    "channels": devices_of(
        {
            "graphics": SPICE_SOCKET,
            "channels": [
                {"type": "unix", "name": "org.qemu.guest_agent.0"},
                {"type": "unix", "name": "org.charly.own"},
                {"type": "unix", "name": "org.charly.a", "path": "{{.VmStateDir}}/a.sock"},
                {
                    "type": "unix",
                    "name": "org.charly.b",
                    "source": {
                        "path": "{{.VmStateDir}}/b.sock",
                        "mode": "connect",
                        "reconnect": {"enabled": "yes", "timeout": 5},
                    },
                },
                {
                    "type": "unix",
                    "name": "org.charly.g",
                    "source": {
                        "path": "{{.VmStateDir}}/b.sock",
                        "mode": "connect",
                        "reconnect": {"enabled": "no", "timeout": 5},
                    },
                },
                {"type": "spicevmc", "name": "com.redhat.spice.0"},
                {"type": "spiceport", "name": "org.charly.c", "source": {"channel": "a.b.c"}},
                {
                    "type": "file",
                    "name": "org.charly.d",
                    "source": {"path": "{{.VmStateDir}}/channel.txt", "append": "on"},
                },
                {"type": "pty", "name": "org.charly.e", "log": "{{.VmStateDir}}/pty.log"},
                {
                    "type": "unix",
                    "source": {"path": "{{.VmStateDir}}/f.sock"},
                    "target": {"type": "guestfwd", "address": "10.0.2.100", "port": 4600},
                },
            ],
        }
    ),
    "channel-vdagent": devices_of(
        {
            "channels": {
                "type": "qemu-vdagent",
                "name": "com.redhat.spice.0",
                "source": {"clipboard": "yes", "mouse": "client"},
            }
        }
    ),
    "serial": devices_of(
        {
            "serial": [
                {"type": "pty"},
                {
                    "type": "tcp",
                    "source": {"host": "127.0.0.1", "service": 5985, "mode": "bind"},
                    "protocol": "telnet",
                    "target": {"type": "isa-serial", "port": 2, "model": "isa-serial"},
                },
                {
                    "type": "udp",
                    "source": {
                        "host": "127.0.0.1",
                        "service": 5984,
                        "bind": {"host": "127.0.0.2", "service": 5983},
                    },
                    "target": "usb-serial",
                },
                {"type": "null", "target": "pci-serial"},
                {
                    "type": "file",
                    "source": "{{.VmStateDir}}/debug.log",
                    "log": {"file": "{{.VmStateDir}}/debug-log.log", "append": "on"},
                    "target": "isa-debug",
                },
            ],
            "parallel": [{"type": "null", "target": {"port": 0}}],
            "console": [
                {"type": "pty", "target": "serial"},
                {"type": "vc", "target": "virtio"},
            ],
        }
    ),
    "serial-device": devices_of({"serial": {"type": "dev", "source": "/dev/ttyS9"}}),
    "serial-pipe": devices_of({"serial": {"type": "pipe", "source": "{{.VmStateDir}}/pipe"}}),
    "parallel-device": devices_of({"parallel": {"type": "dev", "source": "/dev/parport9"}}),
}

USB = {
    "inputs": devices_of(
        {
            "inputs": [
                {"type": "tablet", "bus": "usb"},
                {"type": "mouse", "bus": "usb"},
                {"type": "keyboard", "bus": "usb"},
                {"type": "keyboard"},
                {"type": "tablet", "bus": "virtio", "driver": VIRTIO},
                {"type": "mouse", "bus": "virtio"},
                {"type": "keyboard", "bus": "virtio"},
            ]
        }
    ),
    "inputs-host": devices_of(
        {
            "inputs": [
                {
                    "type": "passthrough",
                    "source": "/dev/input/event90",
                    "driver": VIRTIO,
                },
                {
                    "type": "evdev",
                    "source": {
                        "dev": "/dev/input/event91",
                        "grab": "all",
                        "grab_toggle": "ctrl-ctrl",
                        "repeat": "on",
                    },
                },
            ]
        }
    ),
    "usb": devices_of(
        {
            "graphics": SPICE_SOCKET,
            "usb": {"model": "qemu-xhci", "ports": 15},
            "hub": "usb",
            "redirdev": [
                {"type": "spicevmc", "boot": 2},
                {"type": "tcp", "source": {"host": "127.0.0.1", "service": 5976}},
            ],
            "smartcard": {"mode": "passthrough", "type": "spicevmc"},
        }
    ),
    **{
        f"usb-{model}": devices_of({"usb": model})
        for model in ("nec-xhci", "ich9-ehci1", "ehci", "piix3-uhci", "piix4-uhci", "pci-ohci")
    },
    "smartcard-host": devices_of({"smartcard": {"mode": "host"}}),
    "smartcard-certificates": devices_of(
        {
            "smartcard": {
                "mode": "host-certificates",
                "certificates": ["one", "two", "three"],
                "database": "/etc/pki/nssdb",
            }
        }
    ),
    "smartcard-socket": devices_of(
        {
            "smartcard": {
                "mode": "passthrough",
                "type": "unix",
                "source": {"path": "{{.VmStateDir}}/card.sock"},
            }
        }
    ),
}

GPU = {"domain": "0x0000", "bus": "0x01", "slot": "0x00", "function": "0x0"}

HOSTDEVS = {
    "hostdev-pci": devices_of(
        {
            "hostdevs": [
                {
                    "type": "pci",
                    "mode": "subsystem",
                    "managed": "yes",
                    "source": GPU,
                    "rom": {"bar": "on", "file": "/usr/share/vbios/card.rom"},
                    "driver": "vfio",
                    "boot": 5,
                    "display": "off",
                    "ramfb": "off",
                },
                {
                    "type": "pci",
                    "managed": "no",
                    "source": {**GPU, "function": "0x1"},
                    "display": "on",
                    "ramfb": "on",
                },
            ]
        },
        firmware=UEFI,
    ),
    "hostdev-pci-board": devices_of(
        {
            "hostdevs": [
                {"type": "pci", "source": {**GPU, "domain": "0x0001"}, "rom": {"enabled": "no"}}
            ]
        },
        machine="pc",
    ),
    "hostdev-usb": devices_of(
        {
            "hostdevs": [
                {
                    "type": "usb",
                    "source": {"vendor": "0x1d6b", "product": "0x0104", "guest_reset": "off"},
                    "boot": 6,
                },
                {"type": "usb", "source": {"bus": 1, "device": 77, "guest_reset": "on"}},
                {
                    "type": "usb",
                    "source": {"bus": 1, "device": 78, "guest_reset": "uninitialized"},
                },
            ]
        }
    ),
    "hostdev-mdev": devices_of(
        {
            "hostdevs": [
                {
                    "type": "mdev",
                    "model": "vfio-pci",
                    "source": "c2177883-f1bb-47f0-914d-32a22e3a8804",
                    "display": "on",
                    "ramfb": "on",
                }
            ]
        }
    ),
}

OTHERS = {
    "rng": devices_of(
        {
            "rng": [
                {
                    "model": "virtio-non-transitional",
                    "backend": {"model": "random", "source": "/dev/random"},
                    "rate": {"bytes": 1024, "period": 2000},
                    "driver": VIRTIO,
                },
                {"backend": "builtin", "rate": 2048},
            ]
        }
    ),
    "rng-egd": devices_of(
        {
            "rng": {
                "backend": {
                    "model": "egd",
                    "type": "unix",
                    "source": {"path": "{{.VmStateDir}}/egd.sock", "mode": "connect"},
                }
            }
        }
    ),
    "watchdog": devices_of(
        {
            "watchdog": [
                {"model": "i6300esb", "action": "poweroff"},
                {"model": "ib700", "action": "poweroff"},
            ]
        }
    ),
    "watchdog-itco": devices_of({"watchdog": {"model": "itco", "action": "inject-nmi"}}),
    "memballoon": devices_of(
        {
            "memballoon": {
                "model": "virtio",
                "autodeflate": "on",
                "free_page_reporting": "on",
                "stats": 5,
                "driver": VIRTIO,
            }
        }
    ),
    "panic": devices_of({"panic": "isa"}),
    "panic-pci": devices_of({"panic": "pvpanic"}),
    "shmem": devices_of({"shmem": [{"name": "charly-test", "size": "1M", "role": "master"}]}),
    "shmem-server": devices_of(
        {
            "shmem": [
                {
                    "name": "charly-server",
                    "model": "ivshmem-doorbell",
                    "role": "peer",
                    "server": "{{.VmStateDir}}/ivshmem.sock",
                    "msi": {"vectors": 4, "ioeventfd": "on"},
                }
            ]
        }
    ),
    "iommu-intel": devices_of(
        {
            "iommu": {
                "model": "intel",
                "driver": {
                    "intremap": "on",
                    "caching_mode": "on",
                    "eim": "off",
                    "iotlb": "on",
                    "aw_bits": 48,
                    "dma_translation": "on",
                },
            }
        }
    ),
    "iommu-intel-kvm": devices_of(
        {"iommu": {"model": "intel", "driver": {"intremap": "on"}}}, **KVM
    ),
    "iommu-virtio": devices_of({"iommu": {"model": "virtio"}}),
    "iommu-smmuv3": devices_of({"iommu": {"model": "smmuv3"}}, **ARM),
    "vsock": devices_of(
        {"vsock": {"cid": 77, "model": "virtio-non-transitional", "driver": VIRTIO}}
    ),
    "vsock-auto": devices_of({"vsock": {"cid": {"auto": "yes"}}}),
    "tpm-passthrough": devices_of(
        {"tpm": {"model": "tpm-crb", "backend": {"type": "passthrough", "device": "/dev/tpm90"}}}
    ),
    "unlabelled": machine_of({"seclabel": {"type": "none"}}),
    "emulator": devices_of(
        {"emulator": "/usr/bin/qemu-system-x86_64"}, emulator="/opt/bin/qemu-system-x86_64"
    ),
    "aarch64-screen": devices_of({"graphics": {"type": "vnc"}}, **ARM),
    "riscv64-screen": devices_of({"graphics": {"type": "vnc"}}, **RISCV),
}
