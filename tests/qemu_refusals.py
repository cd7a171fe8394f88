"""What the qemu backend refuses: blocks as their authors write them, and how the refusal begins."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sample_machine import PASST, sample_machine

from charly_vm.model.resolved import ResolvedMachine


@dataclass(frozen=True, slots=True)
class Refused:
    """`names` are the fields that the sentences begin with, one sentence each."""

    block: dict[str, Any]
    names: tuple[str, ...]
    changes: dict[str, Any] = field(default_factory=dict)

    @property
    def machine(self) -> ResolvedMachine:
        return sample_machine(libvirt=self.block, **self.changes)


def _block(block: dict[str, Any], *names: str, **changes: Any) -> Refused:
    return Refused(block, names, changes)


def _devices(devices: dict[str, Any], *names: str, **changes: Any) -> Refused:
    return Refused({"devices": devices}, names, changes)


IMAGE = "/var/lib/images/a.img"
SPICE = {"type": "spice", "listen": {"type": "socket"}}
RISCV = {"architecture": "riscv64", "machine": "virt"}
AGENT = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
GPU = {"bus": "0x01", "slot": "0x00"}

BOARD = {
    "passt": _block({}, "network", network=PASST),
    "hap": _block({"features": {"hap": "on"}}, "features.hap"),
    "ibs": _block({"features": {"ibs": "workaround"}}, "features.ibs"),
    "hyperv-vpindex": _block(
        {"features": {"hyperv": {"vpindex": "on"}}}, "features.hyperv.vpindex"
    ),
    "dirty-ring": _block(
        {"features": {"kvm": {"dirty_ring_size": 1024}}}, "features.kvm.dirty_ring_size"
    ),
    "cpu-forbid": _block(
        {"cpu": {"model": "Nehalem", "features": [{"name": "aes", "policy": "forbid"}]}},
        "cpu.features",
    ),
    "cpu-optional-checked": _block(
        {
            "cpu": {
                "model": "Nehalem",
                "check": "partial",
                "features": [{"name": "avx"}, {"name": "aes", "policy": "optional"}],
            }
        },
        "cpu.features[1]",
    ),
    "features-riscv64": _block(
        {"features": {"acpi": False, "pmu": "on", "kvm": {"hidden": "on"}}},
        "features.kvm",
        "features.acpi",
        "features.pmu",
        **RISCV,
    ),
    "timezone": _block(
        {"clock": {"offset": "timezone", "timezone": "Europe/Berlin"}}, "clock.timezone"
    ),
    "adjustment": _block({"clock": {"offset": "utc", "adjustment": 60}}, "clock.adjustment"),
    "timer-mode": _block(
        {"clock": {"timers": [{"name": "tsc", "mode": "native"}]}}, "clock.timers (tsc)"
    ),
    "timer-left-out": _block(
        {"clock": {"timers": [{"name": "hpet"}, {"name": "rtc", "present": "no"}]}},
        "clock.timers[1] (rtc)",
    ),
    "memtune": _block(
        {
            "memtune": {
                "hard_limit": "4G",
                "soft_limit": "3G",
                "swap_hard_limit": "5G",
            }
        },
        "memtune",
    ),
    "cputune": _block(
        {
            "cputune": {
                "shares": 1024,
                "vcpupin": [{"vcpu": 0, "cpuset": "0"}],
                "emulatorpin": {"cpuset": "0"},
            }
        },
        "cputune",
    ),
    "numatune": _block(
        {"numatune": {"memory": {"mode": "strict", "placement": "auto"}}},
        "numatune.memory.placement",
    ),
    "numatune-restrictive": _block(
        {
            "numatune": {
                "memory": {"mode": "restrictive", "nodeset": "0"},
                "memnode": [{"cellid": 0, "mode": "restrictive", "nodeset": "0"}],
            }
        },
        "numatune.memory.mode",
        "numatune.memnode",
    ),
    "seclabel": _block(
        {"seclabel": {"type": "static", "model": "dac", "label": "+1000:+1000"}}, "seclabel"
    ),
    "launch-security": _block(
        {"launch_security": {"type": "sev", "policy": "0x3"}}, "launch_security"
    ),
    "resource": _block(
        {"resource": {"partition": "/machine", "fibrechannel": {"appid": "a"}}}, "resource"
    ),
    "snippets": _block({"snippets": ["<channel type='null'/>"]}, "snippets"),
    "snippets-beside-the-agents": _block(
        {"snippets": [AGENT, AGENT.replace("guest_agent", "other")]}, "snippets[1]"
    ),
    "xml": _block({"xml_passthrough": "<channel type='null'/>"}, "xml_passthrough"),
    "sysinfo-riscv64": _block(
        {"sysinfo": {"system": {"serial": "S1"}, "oem_strings": ["a"]}},
        "sysinfo.system",
        "sysinfo.oem_strings",
        "ssh.key_injection.smbios",
        oem_strings=("a",),
        **RISCV,
    ),
}

STORAGE = {
    "disk-volume": _devices(
        {
            "disks": {
                "type": "volume",
                "source": {"pool": "default", "volume": "a.img", "mode": "host"},
            }
        },
        "devices.disks.type",
    ),
    "disk-vhostuser": _devices(
        {"disks": {"type": "vhostuser", "source": {"path": "/run/vhost.sock"}}},
        "devices.disks.type",
    ),
    "disk-directory": _devices(
        {"disks": {"type": "dir", "source": "/srv"}},
        "devices.disks",
    ),
    "disk-iscsi": _devices(
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
    "disk-optional": _devices(
        {"disks": {"source": {"file": IMAGE, "startup_policy": "optional"}}},
        "devices.disks.source.startup_policy",
    ),
    "disk-snapshot": _devices(
        {"disks": {"source": IMAGE, "snapshot": "no"}}, "devices.disks.snapshot"
    ),
    "disk-driver": _devices(
        {"disks": {"source": IMAGE, "driver": {"name": "tap", "type": "luks"}}},
        "devices.disks.driver.name",
        "devices.disks.driver.type",
    ),
    "disk-no-unref": _devices(
        {"disks": {"source": IMAGE, "driver": {"type": "qcow2", "discard_no_unref": "on"}}},
        "devices.disks.driver.discard_no_unref",
    ),
    "disk-empty": _devices(
        {"disks": [{"target": "sda"}, {"device": "cdrom", "target": {"dev": "sdb", "bus": "usb"}}]},
        "devices.disks[0].source",
        "devices.disks[1].source",
    ),
    "disk-places": _devices(
        {
            "disks": [
                {"source": IMAGE, "target": {"dev": "sdg", "bus": "sata"}},
                {"device": "floppy", "target": "fdc"},
            ]
        },
        "devices.disks[0].target",
        "devices.disks[1].target",
    ),
    "disk-readonly": _devices(
        {"disks": {"source": IMAGE, "readonly": True, "target": {"dev": "sda", "bus": "sata"}}},
        "devices.disks.readonly",
    ),
    "disk-tray": _devices(
        {"disks": {"device": "cdrom", "target": {"dev": "sda", "tray": "open"}}},
        "devices.disks.target.tray",
    ),
    "disk-sd": _devices(
        {"disks": {"source": IMAGE, "target": {"dev": "sda", "bus": "sd"}}},
        "devices.disks.target.bus",
    ),
    "disk-lun": _devices(
        {"disks": {"type": "block", "device": "lun", "source": "/dev/sda", "target": "vdc"}},
        "devices.disks.device",
    ),
    "disk-bus": _devices(
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
    "virtiofs": _devices(
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
    "virtiofs-private": _devices(
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

SCREENS = {
    "rdp": _devices({"graphics": {"type": "rdp", "username": "a"}}, "devices.graphics.type"),
    "sdl": _devices({"graphics": {"type": "sdl", "display": ":0"}}, "devices.graphics.type"),
    "dbus": _devices({"graphics": {"type": "dbus", "p2p": "yes"}}, "devices.graphics.type"),
    "listeners": _devices(
        {"graphics": {"type": "vnc", "listen": [{"type": "none"}, "127.0.0.1"]}},
        "devices.graphics.listen",
        "devices.graphics.listen",
    ),
    "listen-network": _devices(
        {"graphics": {"type": "vnc", "listen": {"type": "network", "network": "default"}}},
        "devices.graphics.listen",
    ),
    "vnc-port": _devices({"graphics": {"type": "vnc", "port": 5800}}, "devices.graphics.port"),
    "vnc-port-and-socket": _devices(
        {"graphics": {"type": "vnc", "listen": {"type": "socket"}, "websocket": -1}},
        "devices.graphics.port",
    ),
    "spice-port": _devices({"graphics": {"type": "spice"}}, "devices.graphics.port"),
    "keymaps": _devices(
        {"graphics": [{"type": "vnc", "keymap": "de"}, {**SPICE, "keymap": "fr"}]},
        "devices.graphics",
    ),
    "passwords": _devices(
        {
            "graphics": {
                "type": "vnc",
                "passwd": "a",
                "passwd_valid_to": "2027-01-31T12:00:00",
                "connected": "keep",
            }
        },
        "devices.graphics.passwd_valid_to",
        "devices.graphics.connected",
    ),
    "tls": _devices(
        {
            "graphics": {
                **SPICE,
                "tls_port": 5999,
                "default_mode": "secure",
                "channels": [{"name": "main", "mode": "secure"}],
            }
        },
        "devices.graphics.tls_port",
        "devices.graphics.default_mode",
        "devices.graphics.channels",
    ),
    "vhostuser-video": _devices(
        {
            "video": {
                "model": "virtio",
                "rendernode": "/dev/dri/renderD128",
                "driver": {"name": "vhostuser", "vgaconf": "off"},
            }
        },
        "devices.video.rendernode",
        "devices.video.driver.vgaconf",
        "devices.video.driver.name",
    ),
    "video-heads": _devices({"video": {"model": "vga", "heads": 2}}, "devices.video.heads"),
    "video-resolution": _devices(
        {"video": {"model": "cirrus", "resolution": {"x": 800, "y": 600}}},
        "devices.video.resolution",
    ),
    "audio": _devices(
        {
            "audio": [
                {"type": "coreaudio"},
                {"type": "dbus"},
                {"type": "spice"},
                {"type": "pipewire", "runtime_dir": "/run/user/1000"},
                {"type": "sdl", "driver": "alsa"},
            ]
        },
        "devices.audio[3].runtime_dir",
        "devices.audio[4].driver",
        "devices.audio[0].type",
        "devices.audio[1].type",
        "devices.audio[2].type",
    ),
    "sound-ich7": _devices({"sound": {"model": "ich7"}}, "devices.sound.model"),
}

CHARACTERS = {
    "stdio": _devices({"serial": {"type": "stdio"}}, "devices.serial.type"),
    "dbus-channel": _devices(
        {"channels": {"type": "dbus", "name": "a.b", "source": {"channel": "a.b"}}},
        "devices.channels.type",
    ),
    "tls-serial": _devices(
        {
            "serial": {
                "type": "tcp",
                "protocol": "tls",
                "source": {
                    "host": "127.0.0.1",
                    "service": 5999,
                    "tls": "yes",
                    "reconnect": {"enabled": "yes"},
                },
            }
        },
        "devices.serial.protocol",
        "devices.serial.source.tls",
        "devices.serial.source.reconnect",
    ),
    "second-board-port": _devices({"serial": {"type": "pty"}}, "devices.serial.target", **RISCV),
    "system-serial": _devices(
        {"serial": {"type": "pty", "target": "system-serial"}}, "devices.serial.target.type"
    ),
    "fifth-port": _devices(
        {"serial": {"type": "pty", "target": {"port": 4}}}, "devices.serial.target.port"
    ),
    "own-agent": _devices(
        {"channels": {"type": "unix", "name": "org.qemu.guest_agent.0", "path": "/tmp/a.sock"}},
        "devices.channels",
    ),
    "smartcard-stdio": _devices(
        {"smartcard": {"mode": "passthrough", "type": "stdio"}}, "devices.smartcard.type"
    ),
}

DEVICES = {
    **{
        f"interface-{kind}": _devices(
            {"interfaces": {"type": kind, "source": source}}, "devices.interfaces.type"
        )
        for kind, source in (
            ("network", {"network": "default", "portgroup": "a"}),
            ("direct", {"dev": "eth0", "mode": "bridge"}),
            ("vhostuser", {"path": "/run/vhost.sock", "mode": "client"}),
            ("hostdev", {"bus": 1, "slot": 0, "domain": 1, "function": 1}),
        )
    },
    "interface-passt": _devices(
        {"interfaces": {"type": "user", "source": "eth0"}}, "devices.interfaces.source"
    ),
    "interface-tap": _devices({"interfaces": {"type": "ethernet"}}, "devices.interfaces.target"),
    "interface-tap-managed": _devices(
        {"interfaces": {"type": "ethernet", "target": {"dev": "tap0", "managed": "yes"}}},
        "devices.interfaces.target.managed",
    ),
    "interface": _devices(
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
    "hostdev-scsi": _devices(
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
    "hostdev-pci": _devices(
        {
            "hostdevs": {
                "type": "pci",
                "source": GPU,
                "driver": {"name": "vfio", "model": "mlx5_vfio_pci"},
            }
        },
        "devices.hostdevs.driver.model",
    ),
    "hostdev-usb": _devices(
        {
            "hostdevs": {
                "type": "usb",
                "source": {"bus": 1, "device": 2, "startup_policy": "requisite"},
            }
        },
        "devices.hostdevs.source.startup_policy",
    ),
    "input": _devices(
        {
            "inputs": [
                {"type": "tablet", "bus": "usb", "driver": {"iommu": "on"}},
            ]
        },
        "devices.inputs.driver",
    ),
    "tpm": _devices(
        {"tpm": {"model": "tpm-crb", "backend": {"type": "emulator", "version": "2.0"}}},
        "devices.tpm",
    ),
    "tpm-passthrough": _devices(
        {"tpm": {"backend": {"type": "passthrough", "version": "2.0"}}},
        "devices.tpm.backend.version",
    ),
    "vsock": _devices({"vsock": {"model": "virtio-transitional"}}, "devices.vsock.model"),
    "tpm-external": _devices(
        {"tpm": {"backend": {"type": "external", "source": {"type": "unix", "path": "/run/t"}}}},
        "devices.tpm.backend",
    ),
    "watchdog": _devices(
        {"watchdog": [{"model": "i6300esb", "action": "dump"}, {"model": "ib700"}]},
        "devices.watchdog[0].action",
        "devices.watchdog",
    ),
    "usb-model": _devices({"usb": "vt82c686b-uhci"}, "devices.usb.model"),
    "usb-ports": _devices({"usb": {"model": "piix3-uhci", "ports": 2}}, "devices.usb.ports"),
    "shmem-server": _devices(
        {"shmem": {"name": "a", "model": "ivshmem-doorbell", "server": {}}},
        "devices.shmem.server",
    ),
}

REFUSED: dict[str, Refused] = {**BOARD, **STORAGE, **SCREENS, **CHARACTERS, **DEVICES}
