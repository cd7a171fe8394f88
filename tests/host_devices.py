"""Devices of the host's and of whoever watches."""

from __future__ import annotations

from device_sample import CALLS, device_sample

HOST = {
    "usb": device_sample({"usb": {"model": "nec-xhci", "ports": 8}, "hub": "usb"}),
    "redirdev": device_sample(
        {
            "graphics": {"type": "spice"},
            "redirdev": [
                {"bus": "usb", "type": "spicevmc", "boot": 4},
                {"type": "tcp", "source": {**CALLS, "service": 4000}, "protocol": "telnet"},
            ],
        }
    ),
    "hostdevs-pci": device_sample(
        {
            "hostdevs": [
                {
                    "type": "pci",
                    "mode": "subsystem",
                    "managed": "yes",
                    "source": {
                        "domain": "0x0000",
                        "bus": "0x01",
                        "slot": "0x00",
                        "function": "0x0",
                    },
                    "rom": {"bar": "off"},
                    "driver": {"name": "vfio"},
                    "boot": 5,
                },
                {
                    "type": "pci",
                    "managed": "no",
                    "source": {"bus": "0a", "slot": 0x1F, "function": 7},
                    "rom": {"file": "/srv/card.rom"},
                },
            ]
        }
    ),
    "hostdevs-pci-display": device_sample(
        {
            "hostdevs": {
                "type": "pci",
                "source": {"bus": 1, "slot": 0},
                "display": "on",
                "ramfb": "off",
            },
            "graphics": {"type": "vnc"},
        }
    ),
    "hostdevs-pci-variant": device_sample(
        {
            "hostdevs": {
                "type": "pci",
                "source": {"bus": 1, "slot": 0},
                "driver": {"name": "vfio", "model": "mlx5-vfio-pci"},
            }
        }
    ),
    "hostdevs-usb": device_sample(
        {
            "hostdevs": [
                {
                    "type": "usb",
                    "mode": "subsystem",
                    "source": {
                        "vendor": "0x1234",
                        "product": "0xbeef",
                        "startup_policy": "optional",
                        "guest_reset": "off",
                    },
                    "managed": "yes",
                    "boot": 6,
                },
                {"type": "usb", "source": {"bus": "001", "device": "010"}},
            ]
        }
    ),
    "hostdevs-scsi": device_sample(
        {
            "hostdevs": [
                {
                    "type": "scsi",
                    "mode": "subsystem",
                    "managed": "no",
                    "source": {"adapter": "scsi_host0", "bus": 0, "target": 1, "unit": 2},
                    "rawio": "yes",
                    "readonly": True,
                    "boot": 7,
                },
                {
                    "type": "scsi",
                    "source": {
                        "name": "iqn.2026-01.org.example:disks/1",
                        "host": {"name": "127.0.0.1", "port": 3260},
                        "initiator": "iqn.2026-01.org.example:here",
                    },
                    "shareable": True,
                },
            ]
        }
    ),
    "hostdevs-mdev": device_sample(
        {
            "hostdevs": {
                "type": "mdev",
                "mode": "subsystem",
                "managed": "no",
                "model": "vfio-pci",
                "source": {"uuid": "53764d0e-85a0-42b4-af5c-2046b460b1dc"},
                "display": "on",
                "ramfb": "on",
            },
            "graphics": {"type": "vnc"},
        }
    ),
    "smartcard": device_sample(
        {
            "smartcard": [
                {
                    "mode": "passthrough",
                    "type": "tcp",
                    "source": {"mode": "connect", "host": "127.0.0.1", "service": 2001},
                }
            ]
        }
    ),
    "smartcard-host": device_sample({"smartcard": {"mode": "host"}}),
    "smartcard-certificates": device_sample(
        {
            "smartcard": {
                "mode": "host-certificates",
                "certificates": ["cert1", "cert2", "cert3"],
                "database": "/etc/pki/nssdb/",
            }
        }
    ),
}
