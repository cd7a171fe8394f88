"""What the qemu backend refuses of all other devices."""

from __future__ import annotations

from qemu_refusals.refused import devices

GPU = {"bus": "0x01", "slot": "0x00"}

DEVICES = {
    **{
        f"interface-{kind}": devices(
            {"interfaces": {"type": kind, "source": source}}, "devices.interfaces.type"
        )
        for kind, source in (
            ("network", {"network": "default", "portgroup": "a"}),
            ("direct", {"dev": "eth0", "mode": "bridge"}),
            ("vhostuser", {"path": "/run/vhost.sock", "mode": "client"}),
            ("hostdev", {"bus": 1, "slot": 0, "domain": 1, "function": 1}),
        )
    },
    "interface-passt": devices(
        {"interfaces": {"type": "user", "source": "eth0"}}, "devices.interfaces.source"
    ),
    "interface-tap": devices({"interfaces": {"type": "ethernet"}}, "devices.interfaces.target"),
    "interface-tap-managed": devices(
        {"interfaces": {"type": "ethernet", "target": {"dev": "tap0", "managed": "yes"}}},
        "devices.interfaces.target.managed",
    ),
    "interface": devices(
        {
            "interfaces": [
                {
                    "type": "bridge",
                    "source": "br0",
                    "target": "vnet0",
                    "link": "down",
                    "virtualport": {"type": "openvswitch", "interfaceid": "a", "profileid": "b"},
                    "driver": {"name": "vhost", "queues": 2},
                },
                {"type": "user", "model": "e1000e", "mtu": 1400, "driver": {"ioeventfd": "on"}},
                {
                    "type": "direct",
                    "source": {"dev": "eth0"},
                    "trust_guest_rx_filters": "yes",
                },
                {"type": "hostdev", "source": {"bus": 1, "slot": 0}, "managed": "yes"},
            ]
        },
        "devices.interfaces[0].driver.queues",
        "devices.interfaces[0].virtualport",
        "devices.interfaces[2].trust_guest_rx_filters",
        "devices.interfaces[0].target",
        "devices.interfaces[0].link",
        "devices.interfaces[0].driver.name",
        "devices.interfaces[1].mtu",
        "devices.interfaces[1].driver",
        "devices.interfaces[2].type",
        "devices.interfaces[3].type",
    ),
    "hostdev-scsi": devices(
        {
            "hostdevs": [
                {
                    "type": "scsi",
                    "source": {"adapter": "scsi_host0", "bus": 0, "target": 0, "unit": 0},
                    "rawio": "yes",
                },
                {
                    "type": "scsi",
                    "source": {"name": "iqn.a", "host": {"name": "a"}, "initiator": "iqn.b"},
                },
            ]
        },
        "devices.hostdevs[0].rawio",
        "devices.hostdevs[0].type",
        "devices.hostdevs[1].type",
    ),
    "hostdev-pci": devices(
        {
            "hostdevs": {
                "type": "pci",
                "source": GPU,
                "driver": {"name": "vfio", "model": "mlx5_vfio_pci"},
            }
        },
        "devices.hostdevs.driver.model",
    ),
    "hostdev-usb": devices(
        {
            "hostdevs": {
                "type": "usb",
                "source": {"bus": 1, "device": 2, "startup_policy": "requisite"},
            }
        },
        "devices.hostdevs.source.startup_policy",
    ),
    "input": devices(
        {
            "inputs": [
                {"type": "tablet", "bus": "usb", "driver": {"iommu": "on"}},
            ]
        },
        "devices.inputs.driver",
    ),
    "tpm": devices(
        {"tpm": {"model": "tpm-crb", "backend": {"type": "emulator", "version": "2.0"}}},
        "devices.tpm",
    ),
    "tpm-passthrough": devices(
        {"tpm": {"backend": {"type": "passthrough", "version": "2.0"}}},
        "devices.tpm.backend.version",
    ),
    "vsock": devices({"vsock": {"model": "virtio-transitional"}}, "devices.vsock.model"),
    "tpm-external": devices(
        {"tpm": {"backend": {"type": "external", "source": {"type": "unix", "path": "/run/t"}}}},
        "devices.tpm.backend",
    ),
    "watchdog": devices(
        {"watchdog": [{"model": "i6300esb", "action": "dump"}, {"model": "ib700"}]},
        "devices.watchdog[0].action",
        "devices.watchdog",
    ),
    "usb-model": devices({"usb": "vt82c686b-uhci"}, "devices.usb.model"),
    "usb-ports": devices({"usb": {"model": "piix3-uhci", "ports": 2}}, "devices.usb.ports"),
    "shmem-server": devices(
        {"shmem": {"name": "a", "model": "ivshmem-doorbell", "server": {}}},
        "devices.shmem.server",
    ),
}
