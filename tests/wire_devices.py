"""Network cards, and lines to and from the guest."""

from __future__ import annotations

from device_sample import CALLS, VIRTIO, device_sample, sharing_sample
from sample_machine import PASST, SLIRP

from charly_vm.model.resolved import Carrier, ResolvedNetwork

WIRES = {
    "network-bridge": device_sample(
        network=ResolvedNetwork(Carrier.BRIDGE, "e1000e", SLIRP.mac, "br0")
    ),
    "network-libvirt": device_sample(
        network=ResolvedNetwork(Carrier.LIBVIRT_NETWORK, "virtio", SLIRP.mac, "default")
    ),
    "interfaces": device_sample(
        {
            "interfaces": [
                {
                    "type": "network",
                    "source": {"network": "default", "portgroup": "fast"},
                    "mac": "52:54:00:aa:bb:01",
                    "mtu": 9000,
                    "driver": {
                        "name": "vhost",
                        "queues": 4,
                        "rx_queue_size": 256,
                        "tx_queue_size": 256,
                        "txmode": "timer",
                        "ioeventfd": "on",
                        "event_idx": "off",
                        "rss": "on",
                        "rss_hash_report": "on",
                        **VIRTIO,
                    },
                    "boot": 2,
                    "link": "down",
                    "trust_guest_rx_filters": "yes",
                    "virtualport": {
                        "type": "openvswitch",
                        "profileid": "beds",
                        "interfaceid": "09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f",
                    },
                },
                {
                    "type": "bridge",
                    "source": "br0",
                    "model": "e1000e",
                    "target": "tap7",
                    "rom": {"enabled": "yes", "bar": "on", "file": "/usr/share/ipxe/e1000e.rom"},
                },
                {"type": "direct", "source": {"dev": "eth0", "mode": "bridge"}},
                {"type": "ethernet", "target": {"dev": "tap8", "managed": "no"}},
                {"type": "mcast", "source": {"address": "230.0.0.1", "port": 5558}},
                {"type": "server", "source": {"port": 5559}},
                {"type": "client", "source": {"address": "127.0.0.1", "port": 5559}},
                {
                    "type": "udp",
                    "source": {
                        "address": "127.0.0.1",
                        "port": 5560,
                        "local": {"address": "127.0.0.1", "port": 5561},
                    },
                },
                {"type": "vdpa", "source": "/dev/vhost-vdpa-0"},
                {
                    "type": "hostdev",
                    "managed": "yes",
                    "source": {"domain": "0x0001", "bus": "0x65", "slot": "0x10", "function": 2},
                    "driver": {"name": "vfio"},
                },
                {"type": "user"},
                {"type": "null"},
            ]
        }
    ),
    "interfaces-vhostuser": sharing_sample(
        {"interfaces": {"type": "vhostuser", "source": {"path": "/run/v.sock", "mode": "client"}}}
    ),
    "interfaces-passt": device_sample(
        {
            "interfaces": [
                {
                    "type": "user",
                    "source": "eth1",
                    "port_forwards": [
                        {"start": 8080, "to": 80},
                        {
                            "proto": "udp",
                            "address": "127.0.0.2",
                            "start": 6000,
                            "end": 6010,
                            "to": 7000,
                        },
                    ],
                },
                {"type": "user"},
            ]
        },
        network=PASST,
    ),
    "interfaces-slirp": device_sample(
        {
            "interfaces": [
                {"type": "user", "port_forwards": {"start": 8080, "to": 80}},
                {"type": "bridge", "source": "br0"},
                {
                    "type": "user",
                    "model": "e1000",
                    "port_forwards": {"proto": "udp", "start": 6000, "end": 6001, "to": 7000},
                },
            ]
        }
    ),
    "channels": device_sample(
        {
            "graphics": {"type": "spice"},
            "channels": [
                {"name": "org.example.0"},
                {"name": "org.example.1", "path": "{{.VmStateDir}}/one.sock"},
                {
                    "name": "org.example.2",
                    "source": {
                        "path": "/run/two.sock",
                        "mode": "connect",
                        "reconnect": {"enabled": "yes", "timeout": 3},
                    },
                    "log": {"file": "/srv/two.log", "append": "off"},
                },
                {"type": "pty", "name": "org.example.3"},
                {
                    "type": "tcp",
                    "name": "org.example.7",
                    "source": {**CALLS, "service": 4700},
                    "protocol": "telnet",
                },
                {"type": "file", "name": "org.example.4", "path": "/srv/four.txt"},
                {"type": "spicevmc", "name": "com.redhat.spice.0"},
                {"type": "spiceport", "name": "org.example.5", "source": {"channel": "org.x"}},
                {
                    "type": "qemu-vdagent",
                    "name": "com.redhat.spice.1",
                    "source": {"clipboard": "yes", "mouse": "client"},
                },
                {"type": "dbus", "name": "org.example.6", "source": {"channel": "org.y"}},
                {
                    "path": "/run/forwarded.sock",
                    "target": {"type": "guestfwd", "address": "10.0.2.100", "port": 4600},
                },
            ],
        }
    ),
    "channels-agent": device_sample(
        {"channels": [{"name": "org.qemu.guest_agent.0", "path": "/run/agent.sock"}]}
    ),
    "serial": device_sample(
        {
            "serial": [
                {
                    "type": "tcp",
                    "source": {
                        "mode": "connect",
                        "host": "127.0.0.1",
                        "service": 2445,
                        "tls": "no",
                        "reconnect": 2,
                    },
                    "protocol": "telnet",
                    "target": {"type": "isa-serial", "model": "isa-serial", "port": 2},
                },
                {"type": "pty", "target": {"type": "pci-serial", "model": "pci-serial"}},
                {
                    "type": "udp",
                    "source": {
                        "host": "127.0.0.1",
                        "service": 2446,
                        "bind": {"host": "127.0.0.1", "service": 2447},
                    },
                    "target": "usb-serial",
                },
                {"type": "file", "source": {"path": "/srv/log", "append": "on"}, "log": "/srv/l2"},
                {"type": "pipe", "source": "/srv/pipe"},
            ]
        }
    ),
    "console": device_sample(
        {
            "console": [
                {"type": "pty", "target": {"type": "virtio"}},
                {"type": "tcp", "source": {**CALLS, "service": 4701}, "protocol": "telnet"},
                {"type": "null"},
            ]
        }
    ),
    "console-serial": device_sample({"console": {"type": "pty", "target": "serial"}}),
    "parallel": device_sample(
        {
            "parallel": [
                {"type": "dev", "source": "/dev/lp0", "target": {"port": 0}},
                {"type": "tcp", "source": {**CALLS, "service": 4702}, "protocol": "telnet"},
            ]
        }
    ),
}
