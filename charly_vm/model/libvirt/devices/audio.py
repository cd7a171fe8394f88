"""`<audio>`: what the host does with the guest's sound."""

from __future__ import annotations

from typing import ClassVar, Literal

from charly_vm.model.base import Model
from charly_vm.model.libvirt.devices.notation import Typed
from charly_vm.model.libvirt.numbers import Count, Index
from charly_vm.model.libvirt.switches import YesNo

_STREAMS = {
    "dev": ("alsa", "oss"),
    "buffer_count": ("coreaudio", "oss", "sdl"),
    "try_poll": ("oss",),
    "server_name": ("jack",),
    "client_name": ("jack",),
    "connect_ports": ("jack",),
    "exact_name": ("jack",),
    "name": ("pipewire", "pulseaudio"),
    "stream_name": ("pipewire", "pulseaudio"),
    "latency": ("pipewire", "pulseaudio"),
}


class AudioSettings(Model):
    """A fixed format instead of the guest's."""

    frequency: Count | None = None
    channels: Count | None = None
    format: Literal["s8", "u8", "s16", "u16", "s32", "u32", "f32"] | None = None


class AudioStream(Model):
    """One direction."""

    mixing_engine: YesNo | None = None
    fixed_settings: YesNo | None = None
    voices: Count | None = None
    buffer_length: Count | None = None
    """Microseconds."""
    settings: AudioSettings | None = None
    dev: str | None = None
    buffer_count: Count | None = None
    try_poll: YesNo | None = None
    server_name: str | None = None
    client_name: str | None = None
    connect_ports: str | None = None
    exact_name: YesNo | None = None
    name: str | None = None
    stream_name: str | None = None
    latency: Count | None = None
    """Microseconds."""


class Audio(Typed):
    only: ClassVar = {
        "server_name": ("pulseaudio",),
        "runtime_dir": ("pipewire",),
        "driver": ("sdl",),
        "path": ("file",),
        "try_mmap": ("oss",),
        "exclusive": ("oss",),
        "dsp_policy": ("oss",),
        **{f"{way}.{key}": types for way in ("input", "output") for key, types in _STREAMS.items()},
    }
    type: Literal[
        "none",
        "alsa",
        "coreaudio",
        "dbus",
        "file",
        "jack",
        "oss",
        "pipewire",
        "pulseaudio",
        "sdl",
        "spice",
    ]
    id: Index | None = None
    """How sound devices refer to it; the lowest that is free, from 1 on, without one."""
    timer_period: Count | None = None
    """Microseconds."""
    server_name: str | None = None
    runtime_dir: str | None = None
    driver: Literal["esd", "alsa", "arts", "pulseaudio"] | None = None
    path: str | None = None
    try_mmap: YesNo | None = None
    exclusive: YesNo | None = None
    dsp_policy: Index | None = None
    input: AudioStream | None = None
    output: AudioStream | None = None
