"""What the qemu backend refuses of disks and file systems."""

from __future__ import annotations

from qemu_refusals.refused import devices

IMAGE = "/var/lib/images/a.img"

STORAGE = {
    "disk-volume": devices(
        {
            "disks": {
                "type": "volume",
                "source": {"pool": "default", "volume": "a.img", "mode": "host"},
            }
        },
        "devices.disks.type",
    ),
    "disk-vhostuser": devices(
        {"disks": {"type": "vhostuser", "source": {"path": "/run/vhost.sock"}}},
        "devices.disks.type",
    ),
    "disk-directory": devices(
        {"disks": {"type": "dir", "source": "/srv"}},
        "devices.disks",
    ),
    "disk-iscsi": devices(
        {
            "disks": {
                "type": "network",
                "source": {
                    "protocol": "iscsi",
                    "name": "iqn.2026-01.example:a/1",
                    "tls": "yes",
                    "query": "a=b",
                    "host": [
                        {"name": "one", "transport": "rdma"},
                        {"name": "two"},
                    ],
                },
            }
        },
        "devices.disks.source.query",
        "devices.disks.source.tls",
        "devices.disks.source.protocol",
        "devices.disks.source.host",
        "devices.disks.source.host",
    ),
    "disk-optional": devices(
        {"disks": {"source": {"file": IMAGE, "startup_policy": "optional"}}},
        "devices.disks.source.startup_policy",
    ),
    "disk-snapshot": devices(
        {"disks": {"source": IMAGE, "snapshot": "no"}}, "devices.disks.snapshot"
    ),
    "disk-driver": devices(
        {"disks": {"source": IMAGE, "driver": {"name": "tap", "type": "luks"}}},
        "devices.disks.driver.name",
        "devices.disks.driver.type",
    ),
    "disk-no-unref": devices(
        {"disks": {"source": IMAGE, "driver": {"type": "qcow2", "discard_no_unref": "on"}}},
        "devices.disks.driver.discard_no_unref",
    ),
    "disk-empty": devices(
        {"disks": [{"target": "sda"}, {"device": "cdrom", "target": {"dev": "sdb", "bus": "usb"}}]},
        "devices.disks[0].source",
        "devices.disks[1].source",
    ),
    "disk-places": devices(
        {
            "disks": [
                {"source": IMAGE, "target": {"dev": "sdg", "bus": "sata"}},
                {"device": "floppy", "target": "fdc"},
            ]
        },
        "devices.disks[0].target",
        "devices.disks[1].target",
    ),
    "disk-readonly": devices(
        {"disks": {"source": IMAGE, "readonly": True, "target": {"dev": "sda", "bus": "sata"}}},
        "devices.disks.readonly",
    ),
    "disk-tray": devices(
        {"disks": {"device": "cdrom", "target": {"dev": "sda", "tray": "open"}}},
        "devices.disks.target.tray",
    ),
    "disk-sd": devices(
        {"disks": {"source": IMAGE, "target": {"dev": "sda", "bus": "sd"}}},
        "devices.disks.target.bus",
    ),
    "disk-lun": devices(
        {"disks": {"type": "block", "device": "lun", "source": "/dev/sda", "target": "vdc"}},
        "devices.disks.device",
    ),
    "disk-bus": devices(
        {
            "disks": [
                {"source": IMAGE, "wwn": "5000c50015ea71ad", "vendor": "A", "product": "B"},
                {"source": IMAGE, "target": "sda", "driver": {"queues": 2}},
            ]
        },
        "devices.disks[0].wwn",
        "devices.disks[0].vendor",
        "devices.disks[0].product",
        "devices.disks[1].driver.queues",
    ),
    "virtiofs": devices(
        {
            "filesystems": {
                "driver": "virtiofs",
                "source": "/srv",
                "target": "srv",
                "binary": {"path": "/usr/libexec/virtiofsd", "xattr": "on"},
            }
        },
        "devices.filesystems.driver",
    ),
    "virtiofs-private": devices(
        {
            "filesystems": {
                "driver": "virtiofs",
                "source": {"socket": "/run/virtiofsd.sock"},
                "target": "srv",
                "readonly": True,
                "binary": {"xattr": "on"},
                "idmap": {"uid": {"start": 0, "target": 1000, "count": 1}},
            }
        },
        "devices.filesystems.driver",
        "devices.filesystems.binary",
        "devices.filesystems.idmap",
        "devices.filesystems.readonly",
    ),
}
