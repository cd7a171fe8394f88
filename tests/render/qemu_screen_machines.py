"""Machines that show graphics, video and sound on the qemu backend."""

from __future__ import annotations

from qemu_machine_parts import ARM, SPICE_SOCKET, VIRTIO, devices_of

SCREENS = {
    "vnc": devices_of(
        {
            "graphics": {
                "type": "vnc",
                "passwd": "a,b",
                "keymap": "de",
                "share_policy": "force-shared",
                "power_control": "yes",
                "websocket": -1,
                "audio": 1,
            },
            "audio": {"type": "none"},
        }
    ),
    "vnc-port": devices_of(
        {"graphics": {"type": "vnc", "port": 5987, "listen": "::1", "websocket": 5787}}
    ),
    "vnc-autoport": devices_of({"graphics": {"type": "vnc", "port": 5950, "autoport": "yes"}}),
    "vnc-socket": devices_of({"graphics": {"type": "vnc", "listen": {"type": "socket"}}}),
    "spice": devices_of(
        {
            "graphics": {
                "type": "spice",
                "port": 5986,
                "listen": "127.0.0.1",
                "passwd": "secret",
                "channels": [
                    {"name": "main", "mode": "insecure"},
                    {"name": "display", "mode": "any"},
                ],
                "default_mode": "insecure",
                "image": "off",
                "jpeg": "never",
                "zlib": "never",
                "playback": "off",
                "streaming": "off",
                "clipboard": "no",
                "mouse": "client",
                "filetransfer": "no",
                "gl": "no",
            },
            "sound": {"model": "ich9", "codec": ["micro", "output"]},
        }
    ),
    "spice-socket": devices_of({"graphics": {"type": "spice", "listen": {"type": "socket"}}}),
    "spice-gl": devices_of(
        {
            "graphics": {
                **SPICE_SOCKET,
                "gl": {"enable": "yes", "rendernode": "/dev/dri/renderD128"},
            },
            "video": {"model": "virtio", "accel3d": "yes"},
        }
    ),
    "egl-headless": devices_of(
        {
            "graphics": [
                {"type": "egl-headless", "gl": {"rendernode": "/dev/dri/renderD128"}},
                {"type": "vnc"},
            ],
            "video": [
                {"model": "virtio", "accel3d": "yes", "blob": "on"},
                {"model": "virtio", "accel3d": "yes"},
            ],
        }
    ),
    "video-virtio": devices_of(
        {
            "video": {
                "model": "virtio",
                "heads": 2,
                "resolution": {"x": 1280, "y": 720},
                "driver": {"name": "qemu", **VIRTIO},
            }
        }
    ),
    "video-qxl": devices_of(
        {
            "graphics": SPICE_SOCKET,
            "video": [
                {"model": "virtio"},
                {
                    "model": "qxl",
                    "ram": 65536,
                    "vram": 32768,
                    "vram64": 131072,
                    "vgamem": 16384,
                    "heads": 2,
                    "primary": "yes",
                },
            ],
        }
    ),
    "video-qxl-secondary": devices_of(
        {"graphics": SPICE_SOCKET, "video": [{"model": "vga"}, {"model": "qxl"}]}
    ),
    "video-vga": devices_of({"video": {"model": "vga", "vram": 32768}}),
    "video-cirrus": devices_of({"video": {"model": "cirrus", "vram": 8192}}),
    "video-bochs": devices_of(
        {"video": [{"model": "bochs", "vram": 32768, "resolution": {"x": 800, "y": 600}}]}
    ),
    "video-ramfb": devices_of({"video": {"model": "ramfb"}}, **ARM),
    "video-none": devices_of({"video": {"model": "none"}}),
}

STREAM = {
    "mixing_engine": "yes",
    "fixed_settings": "yes",
    "voices": 2,
    "buffer_length": 10000,
    "settings": {"frequency": 44100, "channels": 2, "format": "s16"},
}

SOUND = {
    "sound": devices_of(
        {
            "sound": [
                {"model": "ich6"},
                {"model": "ac97"},
                {"model": "es1370", "audio": 2},
                {"model": "sb16"},
                {"model": "pcspk"},
                {"model": "usb", "multichannel": "yes"},
            ],
            "audio": [
                {"type": "none", "id": 1, "timer_period": 5000, "output": STREAM, "input": STREAM},
                {"type": "file", "id": 2, "path": "{{.VmStateDir}}/out,1.wav"},
            ],
        }
    ),
    "sound-virtio": devices_of(
        {"sound": {"model": "virtio", "streams": 2, "driver": VIRTIO}, "audio": {"type": "none"}}
    ),
    "audio-alsa": devices_of(
        {"audio": {"type": "alsa", "input": {"dev": "default"}, "output": {"dev": "hw:0,0"}}}
    ),
    "audio-oss": devices_of(
        {
            "audio": {
                "type": "oss",
                "try_mmap": "yes",
                "exclusive": "yes",
                "dsp_policy": 3,
                "output": {"dev": "/dev/dsp0", "buffer_count": 4, "try_poll": "yes"},
            }
        }
    ),
    "audio-pulseaudio": devices_of(
        {
            "audio": {
                "type": "pulseaudio",
                "server_name": "/run/user/1000/pulse/native",
                "output": {"name": "sink", "stream_name": "guest", "latency": 2000},
            }
        }
    ),
    "audio-pipewire": devices_of(
        {
            "audio": {
                "type": "pipewire",
                "output": {"name": "sink", "stream_name": "guest", "latency": 2000},
            }
        }
    ),
    "audio-jack": devices_of(
        {
            "audio": {
                "type": "jack",
                "output": {
                    "server_name": "default",
                    "client_name": "guest",
                    "connect_ports": "system",
                    "exact_name": "yes",
                },
            }
        }
    ),
    "audio-sdl": devices_of({"audio": {"type": "sdl", "output": {"buffer_count": 4}}}),
}
