"""What the qemu backend refuses of screens, sound and input."""

from __future__ import annotations

from qemu_refusals.refused import devices

SPICE = {"type": "spice", "listen": {"type": "socket"}}

SCREENS = {
    "rdp": devices({"graphics": {"type": "rdp", "username": "a"}}, "devices.graphics.type"),
    "sdl": devices({"graphics": {"type": "sdl", "display": ":0"}}, "devices.graphics.type"),
    "dbus": devices({"graphics": {"type": "dbus", "p2p": "yes"}}, "devices.graphics.type"),
    "listeners": devices(
        {"graphics": {"type": "vnc", "listen": [{"type": "none"}, "127.0.0.1"]}},
        "devices.graphics.listen",
        "devices.graphics.listen",
    ),
    "listen-network": devices(
        {"graphics": {"type": "vnc", "listen": {"type": "network", "network": "default"}}},
        "devices.graphics.listen",
    ),
    "vnc-port": devices({"graphics": {"type": "vnc", "port": 5800}}, "devices.graphics.port"),
    "vnc-port-and-socket": devices(
        {"graphics": {"type": "vnc", "listen": {"type": "socket"}, "websocket": -1}},
        "devices.graphics.port",
    ),
    "spice-port": devices({"graphics": {"type": "spice"}}, "devices.graphics.port"),
    "keymaps": devices(
        {"graphics": [{"type": "vnc", "keymap": "de"}, {**SPICE, "keymap": "fr"}]},
        "devices.graphics",
    ),
    "passwords": devices(
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
    "tls": devices(
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
    "vhostuser-video": devices(
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
    "video-heads": devices({"video": {"model": "vga", "heads": 2}}, "devices.video.heads"),
    "video-resolution": devices(
        {"video": {"model": "cirrus", "resolution": {"x": 800, "y": 600}}},
        "devices.video.resolution",
    ),
    "audio": devices(
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
    "sound-ich7": devices({"sound": {"model": "ich7"}}, "devices.sound.model"),
}
