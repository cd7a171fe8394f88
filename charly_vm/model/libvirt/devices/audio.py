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
    """In Hz."""
    channels: Count | None = None
    """How many."""
    format: Literal["s8", "u8", "s16", "u16", "s32", "u32", "f32"] | None = None
    """Of a sample."""


class AudioStream(Model):
    """One direction of it."""

    mixing_engine: YesNo | None = None
    """Have QEMU mix and convert."""
    fixed_settings: YesNo | None = None
    """Have `settings` decide the format."""
    voices: Count | None = None
    """How many may sound at once."""
    buffer_length: Count | None = None
    """The buffer, in microseconds."""
    settings: AudioSettings | None = None
    dev: str | None = None
    """The host's device."""
    buffer_count: Count | None = None
    """How many buffers there are."""
    try_poll: YesNo | None = None
    """Wait for the device in place of looking."""
    server_name: str | None = None
    """JACK's server."""
    client_name: str | None = None
    """What JACK calls it."""
    connect_ports: str | None = None
    """The ports that it is connected to, as a regular expression."""
    exact_name: YesNo | None = None
    """Take that name or none."""
    name: str | None = None
    """The device, as the sound server calls it."""
    stream_name: str | None = None
    """What the sound server shows."""
    latency: Count | None = None
    """The delay that is aimed at, in microseconds."""


class Audio(Typed):
    """What the host does with the guest's sound."""

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
    """Where it goes."""
    id: Index | None = None
    """How sound devices refer to it; the lowest that is free, from 1 on, without one."""
    timer_period: Count | None = None
    """How often it is looked after, in microseconds."""
    server_name: str | None = None
    """The sound server."""
    runtime_dir: str | None = None
    """The directory of PipeWire's socket."""
    driver: Literal["esd", "alsa", "arts", "pulseaudio"] | None = None
    """What SDL plays it by."""
    path: str | None = None
    """The file that it is written to."""
    try_mmap: YesNo | None = None
    """Use mapped memory."""
    exclusive: YesNo | None = None
    """Let nobody else play."""
    dsp_policy: Index | None = None
    """How OSS balances delay and load, from 0 on."""
    input: AudioStream | None = None
    """What the guest hears."""
    output: AudioStream | None = None
    """What the guest plays."""
