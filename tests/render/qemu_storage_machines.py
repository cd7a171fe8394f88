"""Machines that show disks, shared directories and networks on the qemu backend."""

from __future__ import annotations

from dataclasses import replace

from qemu_machine_parts import VIRTIO, devices_of, machine_of
from sample_machine import SLIRP

from charly_vm.model.forwards import PortForward
from charly_vm.model.resolved import Carrier

DISKS = {
    "disks": machine_of(
        {
            "iothreads": 2,
            "devices": {
                "disks": [
                    {
                        "source": "{{.VmStateDir}}/a,1.img",
                        "model": "virtio-non-transitional",
                        "serial": "S1",
                        "boot": 1,
                        "shareable": True,
                        "driver": {
                            "name": "qemu",
                            "type": "raw",
                            "cache": "none",
                            "io": "native",
                            "discard": "unmap",
                            "detect_zeroes": "unmap",
                            "error_policy": "enospace",
                            "rerror_policy": "report",
                            "ioeventfd": "on",
                            "event_idx": "on",
                            "iothread": 1,
                            "queues": 2,
                            "queue_size": 128,
                            **VIRTIO,
                        },
                    },
                    {
                        "source": {"file": "{{.VmStateDir}}/b1.img", "startup_policy": "mandatory"},
                        "target": {"dev": "sda", "bus": "scsi", "rotation_rate": 1},
                        "readonly": True,
                        "wwn": "5000c50015ea71ad",
                        "vendor": "CHARLY",
                        "product": "BED",
                        "driver": {"iothread": 2},
                    },
                    {
                        "source": "{{.VmStateDir}}/b2.img",
                        "target": {"dev": "sdb", "bus": "usb", "removable": "on"},
                        "transient": True,
                        "driver": {"cache": "default", "copy_on_read": "on"},
                    },
                    {
                        "type": "block",
                        "device": "cdrom",
                        "source": "{{.VmStateDir}}/b3.img",
                        "target": {"dev": "sdc", "bus": "sata", "tray": "closed"},
                    },
                    {"device": "cdrom", "target": {"dev": "sdd", "bus": "scsi"}},
                    {
                        "device": "cdrom",
                        "source": "{{.VmStateDir}}/b8.img",
                        "target": {"dev": "sde", "bus": "usb"},
                    },
                    {
                        "type": "dir",
                        "source": "{{.VmStateDir}}/directory",
                        "target": "vdx",
                        "readonly": True,
                    },
                    {"device": "floppy", "source": "{{.VmStateDir}}/b4.img", "target": "fda"},
                ],
            },
        }
    ),
    "disks-pc": devices_of(
        {
            "disks": [
                {"source": "{{.VmStateDir}}/a,1.img", "target": "hdb"},
                {
                    "source": "{{.VmStateDir}}/b5.img",
                    "target": {"dev": "sda", "bus": "sata"},
                },
                {"device": "floppy", "source": "{{.VmStateDir}}/b6.img"},
            ]
        },
        machine="pc",
    ),
    "disk-nbd": devices_of(
        {
            "disks": [
                {
                    "type": "network",
                    "source": {
                        "protocol": "nbd",
                        "name": "export one",
                        "host": {"name": "127.0.0.1", "port": 10810, "transport": "tcp"},
                    },
                }
            ]
        }
    ),
    "disk-nbd-socket": devices_of(
        {
            "disks": {
                "type": "network",
                "source": {
                    "protocol": "nbd",
                    "host": {"transport": "unix", "socket": "{{.VmStateDir}}/nbd.sock"},
                },
            }
        }
    ),
    "disk-lun": devices_of(
        {"disks": {"type": "block", "device": "lun", "source": "{{.VmStateDir}}/sd"}}
    ),
    "filesystems": devices_of(
        {
            "filesystems": [
                {
                    "driver": {"type": "9p", "wrpolicy": "immediate", **VIRTIO},
                    "source": "{{.VmStateDir}}/directory",
                    "target": "tag",
                    "accessmode": "mapped",
                    "multidevs": "remap",
                    "fmode": "0644",
                    "dmode": "0755",
                    "model": "virtio-non-transitional",
                },
                {
                    "driver": "path",
                    "source": "{{.VmStateDir}}/directory",
                    "target": "tag2",
                    "accessmode": "squash",
                    "multidevs": "default",
                    "readonly": True,
                },
                {"source": "{{.VmStateDir}}/directory", "target": "tag3"},
            ]
        }
    ),
    "virtiofsd-socket": machine_of(
        {
            "memory_backing": {"access": "shared"},
            "devices": {
                "filesystems": {
                    "driver": {"type": "virtiofs", "queue": 256},
                    "source": {"socket": "{{.VmStateDir}}/virtiofsd.sock"},
                    "target": "tag",
                    "boot": 4,
                }
            },
        }
    ),
}

NETWORKS = {
    "forwards": machine_of(
        network=replace(
            SLIRP, model="e1000e", forwards=(PortForward(8080, 80), PortForward(5300, 53, "udp"))
        )
    ),
    "bridge": machine_of(network=replace(SLIRP, carrier=Carrier.BRIDGE, source="br0")),
    "interfaces": devices_of(
        {
            "interfaces": [
                {
                    "type": "user",
                    "mac": "52:54:00:00:00:01",
                    "port_forwards": [
                        {"start": 5981, "to": 80},
                        {"proto": "udp", "address": "127.0.0.2", "start": 5981, "end": 5982},
                    ],
                    "mtu": 1400,
                    "link": "up",
                    "driver": {
                        "name": "qemu",
                        "rx_queue_size": 512,
                        "tx_queue_size": 256,
                        "txmode": "timer",
                        "ioeventfd": "on",
                        "event_idx": "on",
                        "rss": "on",
                        "rss_hash_report": "on",
                        **VIRTIO,
                    },
                    "rom": {"bar": "off"},
                },
                {"type": "user", "model": "e1000", "boot": 3, "rom": {"enabled": "no"}},
                {"type": "mcast", "source": {"address": "230.0.0.1", "port": 5980}},
                {"type": "server", "source": {"address": "127.0.0.1", "port": 5980}},
                {"type": "client", "source": {"address": "127.0.0.1", "port": 5979}},
                {
                    "type": "udp",
                    "source": {
                        "address": "127.0.0.1",
                        "port": 5978,
                        "local": {"address": "127.0.0.1", "port": 5977},
                    },
                },
            ]
        }
    ),
    "interface-null": devices_of({"interfaces": {"type": "null"}}),
    "interface-rom": devices_of(
        {"interfaces": {"type": "user", "rom": {"file": "{{.VmStateDir}}/b7.img", "bar": "on"}}}
    ),
    "interface-bridge": devices_of({"interfaces": {"type": "bridge", "source": "br0"}}),
    "interface-tap": devices_of(
        {"interfaces": {"type": "ethernet", "target": {"dev": "charlytap0", "managed": "no"}}}
    ),
    "interface-vdpa": devices_of({"interfaces": {"type": "vdpa", "source": "/dev/vhost-vdpa-90"}}),
}
