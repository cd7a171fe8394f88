"""What is seen, heard and touched."""

from __future__ import annotations

from device_sample import ARM, VIRTIO, device_sample, sharing_sample

_STREAM = {
    "mixing_engine": "yes",
    "fixed_settings": "yes",
    "voices": 2,
    "buffer_length": 20000,
    "settings": {"frequency": 44100, "channels": 2, "format": "s16"},
}

SCREENS = {
    "graphics-vnc": device_sample(
        {
            "graphics": {
                "type": "vnc",
                "port": 5901,
                "autoport": "no",
                "websocket": 5701,
                "listen": ["127.0.0.1"],
                "passwd": "secret",
                "passwd_valid_to": "2027-01-31T12:00:00",
                "connected": "keep",
                "keymap": "de",
                "share_policy": "force-shared",
                "power_control": "yes",
                "audio": 1,
            },
            "audio": {"type": "none"},
        }
    ),
    "graphics-vnc-auto": device_sample({"graphics": {"type": "vnc"}}),
    "graphics-vnc-socket": device_sample(
        {"graphics": {"type": "vnc", "listen": "{{.VmStateDir}}/vnc.sock"}}
    ),
    "graphics-spice": device_sample(
        {
            "graphics": {
                "type": "spice",
                "port": 5901,
                "tls_port": 5902,
                "autoport": "no",
                "listen": {"type": "network", "network": "default"},
                "passwd": "secret",
                "passwd_valid_to": "2027-01-31T12:00:00",
                "connected": "disconnect",
                "keymap": "de",
                "default_mode": "secure",
                "channels": [
                    {"name": "main", "mode": "secure"},
                    {"name": "record", "mode": "insecure"},
                ],
                "image": "auto_glz",
                "jpeg": "auto",
                "zlib": "never",
                "playback": "on",
                "streaming": "filter",
                "clipboard": "no",
                "mouse": "client",
                "filetransfer": {"enable": "no"},
            }
        }
    ),
    "graphics-spice-listeners": device_sample(
        {
            "graphics": {
                "type": "spice",
                "listen": [
                    {"type": "address", "address": "0.0.0.0"},
                    {"type": "socket", "socket": "/run/user/1000/spice.sock"},
                ],
            }
        }
    ),
    "graphics-spice-gl": device_sample(
        {
            "graphics": {
                "type": "spice",
                "listen": {"type": "none"},
                "gl": {"enable": "yes", "rendernode": "/dev/dri/renderD128"},
            },
            "video": {
                "model": "virtio",
                "accel3d": "yes",
                "heads": 2,
                "vram": 65536,
                "resolution": {"x": 1920, "y": 1080},
                "driver": {"name": "qemu", "vgaconf": "on", **VIRTIO},
            },
        }
    ),
    "graphics-rdp": device_sample(
        {
            "graphics": {
                "type": "rdp",
                "port": 3390,
                "listen": "127.0.0.1",
                "username": "charly",
                "passwd": "secret",
                "replace_user": "yes",
                "multi_user": "yes",
            }
        }
    ),
    "graphics-sdl": device_sample(
        {
            "graphics": {
                "type": "sdl",
                "display": ":0.0",
                "xauth": "/home/user/.Xauthority",
                "fullscreen": "yes",
                "gl": "yes",
            }
        }
    ),
    "graphics-headless": device_sample(
        {
            "graphics": [
                {"type": "egl-headless", "gl": {"rendernode": "/dev/dri/renderD128"}},
                {"type": "vnc", "listen": {"type": "socket"}},
            ]
        }
    ),
    "graphics-dbus": device_sample(
        {
            "graphics": {
                "type": "dbus",
                "address": "unix:path=/run/user/1000/bus",
                "gl": {"enable": "yes", "rendernode": "/dev/dri/renderD129"},
                "audio": 1,
            },
            "audio": {"type": "dbus"},
        }
    ),
    "graphics-dbus-p2p": device_sample({"graphics": {"type": "dbus", "p2p": "yes"}}),
    "video-qxl": device_sample(
        {
            "video": [
                {"model": "virtio"},
                {
                    "model": "qxl",
                    "ram": 65536,
                    "vram": 131072,
                    "vram64": 262144,
                    "vgamem": 16384,
                    "heads": 1,
                    "primary": "yes",
                },
            ]
        }
    ),
    "video-vhostuser": sharing_sample(
        {
            "video": {
                "model": "virtio",
                "rendernode": "/dev/dri/renderD128",
                "driver": {"name": "vhostuser"},
            }
        }
    ),
    "video-blob": sharing_sample({"video": {"model": "virtio", "blob": "on"}}),
    "video-vga": device_sample({"video": {"model": "vga", "vram": 16384}}),
    "video-bochs": device_sample({"video": [{"model": "bochs", "vram": 16384}]}),
    "video-cirrus": device_sample({"video": {"model": "cirrus", "vram": 16384}}),
    "video-ramfb": device_sample({"video": {"model": "ramfb"}}, **ARM),
    "video-none": device_sample({"video": {"model": "none"}}),
    "audio": device_sample(
        {
            "audio": [
                {
                    "type": "alsa",
                    "id": 7,
                    "timer_period": 50,
                    "input": {**_STREAM, "dev": "/dev/dsp0"},
                    "output": {**_STREAM, "dev": "/dev/dsp1"},
                },
                {
                    "type": "oss",
                    "try_mmap": "yes",
                    "exclusive": "yes",
                    "dsp_policy": 3,
                    "input": {"dev": "/dev/dsp2", "buffer_count": 40, "try_poll": "no"},
                    "output": {"dev": "/dev/dsp3", "buffer_count": 30, "try_poll": "yes"},
                },
                {
                    "type": "jack",
                    "output": {
                        "server_name": "fish",
                        "client_name": "food",
                        "connect_ports": "system:capture_[13]",
                        "exact_name": "yes",
                    },
                },
                {
                    "type": "pulseaudio",
                    "server_name": "acme.example.org",
                    "output": {"name": "fish", "stream_name": "food", "latency": 100},
                },
                {"type": "sdl", "driver": "pulseaudio", "input": {"buffer_count": 40}},
                {"type": "file", "path": "/srv/audio.wav"},
                {"type": "coreaudio", "output": {"buffer_count": 50}},
            ]
        }
    ),
    "audio-pipewire": device_sample(
        {"audio": {"type": "pipewire", "runtime_dir": "/run/user/1000", "input": {"name": "mic"}}}
    ),
    "sound": device_sample(
        {
            "graphics": {"type": "spice"},
            "sound": [
                {"model": "ich9", "codec": ["duplex", "micro"]},
                {"model": "usb", "audio": 1},
                {"model": "ac97"},
                {"model": "pcspk"},
            ],
        }
    ),
    "sound-multichannel": device_sample({"sound": {"model": "usb", "multichannel": "yes"}}),
    "sound-virtio": device_sample({"sound": {"model": "virtio", "streams": 2, "driver": VIRTIO}}),
    "inputs": device_sample(
        {
            "inputs": [
                {"type": "tablet", "bus": "usb"},
                {"type": "mouse", "bus": "virtio"},
                {"type": "keyboard", "bus": "virtio", "driver": VIRTIO},
                {"type": "keyboard"},
                {
                    "type": "passthrough",
                    "bus": "virtio",
                    "source": "/dev/input/event1",
                },
                {
                    "type": "evdev",
                    "source": {
                        "dev": "/dev/input/event2",
                        "grab": "all",
                        "grab_toggle": "shift-shift",
                        "repeat": "on",
                    },
                },
            ]
        }
    ),
}
