"""What the qemu backend refuses of serial lines and channels."""

from __future__ import annotations

from qemu_refusals.refused import devices

RISCV = {"architecture": "riscv64", "machine": "virt"}

CHARACTERS = {
    "stdio": devices({"serial": {"type": "stdio"}}, "devices.serial.type"),
    "dbus-channel": devices(
        {"channels": {"type": "dbus", "name": "a.b", "source": {"channel": "a.b"}}},
        "devices.channels.type",
    ),
    "tls-serial": devices(
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
    "second-board-port": devices({"serial": {"type": "pty"}}, "devices.serial.target", **RISCV),
    "system-serial": devices(
        {"serial": {"type": "pty", "target": "system-serial"}}, "devices.serial.target.type"
    ),
    "fifth-port": devices(
        {"serial": {"type": "pty", "target": {"port": 4}}}, "devices.serial.target.port"
    ),
    "own-agent": devices(
        {"channels": {"type": "unix", "name": "org.qemu.guest_agent.0", "path": "/tmp/a.sock"}},
        "devices.channels",
    ),
    "smartcard-stdio": devices(
        {"smartcard": {"mode": "passthrough", "type": "stdio"}}, "devices.smartcard.type"
    ),
}
