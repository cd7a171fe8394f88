"""Disks and shared directories."""

from __future__ import annotations

from device_sample import VIRTIO, device_sample, sharing_sample
from sample_machine import sample_machine

STORAGE = {
    "disks": device_sample(
        {
            "disks": [
                {
                    "source": "{{.VmStateDir}}/data.qcow2",
                    "model": "virtio-non-transitional",
                    "snapshot": "no",
                    "target": {"dev": "vdd"},
                    "driver": {
                        "name": "qemu",
                        "type": "qcow2",
                        "cache": "none",
                        "io": "io_uring",
                        "discard": "unmap",
                        "detect_zeroes": "unmap",
                    },
                    "serial": "WD-WMAP9A966149",
                    "boot": 1,
                },
                {
                    "source": "/srv/next.qcow2",
                    "driver": {
                        "error_policy": "stop",
                        "rerror_policy": "report",
                        "ioeventfd": "on",
                        "event_idx": "off",
                        "copy_on_read": "on",
                    },
                },
                {
                    "source": "/srv/raw",
                    "driver": {"queues": 4, "queue_size": 256, **VIRTIO},
                    "shareable": True,
                },
                {
                    "type": "block",
                    "source": {"dev": "/dev/mapper/data", "startup_policy": "optional"},
                    "device": "lun",
                    "target": "sdb",
                    "boot": 3,
                },
                {
                    "type": "volume",
                    "source": {"pool": "default", "volume": "data.img", "mode": "host"},
                    "target": {"dev": "sda", "bus": "scsi", "rotation_rate": 7200},
                    "driver": {"type": "raw"},
                    "wwn": "5000c50015ea71ad",
                    "vendor": "Seagate",
                    "product": "ST3500418AS",
                },
                {
                    "device": "cdrom",
                    "source": "/srv/install.iso",
                    "target": {"dev": "sdc", "bus": "sata", "tray": "open"},
                },
                {"device": "cdrom"},
                {"device": "floppy", "source": "/srv/drivers.img"},
                {
                    "source": "/srv/stick.img",
                    "target": {"dev": "sde", "bus": "usb", "removable": "on"},
                    "readonly": "yes",
                },
                {"source": "/srv/scratch", "transient": True},
                {"type": "dir", "source": "/srv/files", "readonly": True},
            ]
        }
    ),
    "disks-network": device_sample(
        {
            "disks": [
                {
                    "type": "network",
                    "source": {
                        "protocol": "nbd",
                        "name": "export",
                        "tls": "no",
                        "host": {"name": "127.0.0.1", "port": 10809, "transport": "tcp"},
                    },
                },
                {
                    "type": "network",
                    "source": {
                        "protocol": "nbd",
                        "host": {"transport": "unix", "socket": "/run/nbd.sock"},
                    },
                },
                {
                    "type": "network",
                    "source": {
                        "protocol": "http",
                        "name": "image.raw",
                        "query": "version=1&part=2",
                        "host": "127.0.0.1",
                    },
                    "readonly": True,
                },
            ]
        }
    ),
    "disks-iothread": sample_machine(
        libvirt={
            "iothreads": 2,
            "devices": {"disks": {"source": "/srv/quick.raw", "driver": {"iothread": 2}}},
        }
    ),
    "disks-vhostuser": sharing_sample({"disks": {"type": "vhostuser", "source": "/run/blk.sock"}}),
    "disks-discard": device_sample(
        {"disks": {"source": "/srv/a.qcow2", "driver": {"discard_no_unref": "on"}}}
    ),
    "filesystems-9p": device_sample(
        {
            "filesystems": [
                {
                    "driver": {"type": "9p", "wrpolicy": "immediate", **VIRTIO},
                    "accessmode": "mapped",
                    "source": "/srv/work",
                    "target": "work",
                    "model": "virtio-non-transitional",
                    "multidevs": "remap",
                    "fmode": "0644",
                    "dmode": "0755",
                },
                {
                    "accessmode": "squash",
                    "source": {"dir": "{{.VmStateDir}}"},
                    "target": {"dir": "state"},
                    "readonly": True,
                },
            ]
        }
    ),
    "filesystems-virtiofs": sharing_sample(
        {
            "filesystems": [
                {
                    "type": "mount",
                    "driver": {"type": "virtiofs", "queue": 1024},
                    "accessmode": "passthrough",
                    "binary": {
                        "path": "/usr/libexec/virtiofsd",
                        "xattr": "on",
                        "cache": "always",
                        "sandbox": "chroot",
                        "lock": {"posix": "on", "flock": "on"},
                        "thread_pool": 16,
                    },
                    "source": "/srv/work",
                    "target": "work",
                    "idmap": {},
                    "boot": 9,
                },
                {"driver": "virtiofs", "source": {"socket": "/run/fs.sock"}, "target": "other"},
            ]
        }
    ),
    "filesystems-idmap": sharing_sample(
        {
            "filesystems": [
                {"driver": "virtiofs", "source": "/srv/work", "target": "work"},
                {
                    "driver": "virtiofs",
                    "source": "/srv/more",
                    "target": "more",
                    "idmap": {
                        "uid": [
                            {"start": 0, "target": 1000, "count": 1},
                            {"start": 1, "target": 100000, "count": 65535},
                        ],
                        "gid": {"start": 0, "target": 1000, "count": 1},
                    },
                },
            ]
        }
    ),
    "filesystems-openfiles": sharing_sample(
        {
            "filesystems": {
                "driver": "virtiofs",
                "source": "/srv/work",
                "target": "work",
                "binary": {"openfiles": 1024},
                "idmap": {},
            }
        }
    ),
}
