"""The guest's sound cards, and what the host does with their sound."""

from __future__ import annotations

from charly_vm.model.libvirt.devices.audio import AudioStream
from charly_vm.model.libvirt.devices.sound import Sound
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.qemu import buses
from charly_vm.render.qemu.option import Properties, Value, device, option, switch
from charly_vm.render.qemu.virtio import virtio_options

BACKENDS = {"pulseaudio": "pa", "file": "wav"}
"""QEMU's names of host sound systems that libvirt calls otherwise."""

CARDS = {
    "ac97": "AC97",
    "es1370": "ES1370",
    "sb16": "sb16",
    "usb": "usb-audio",
    "virtio": "virtio-sound-pci",
}
CONTROLLERS = {"ich6": "intel-hda", "ich9": "ich9-intel-hda"}
"""Cards that are nothing without codecs behind them."""


def render_audio(machine: ResolvedMachine) -> list[str]:
    words = []
    for audio in machine.libvirt.devices.audio:
        properties: dict[str, Value] = {
            "id": f"audio{audio.id}",
            "timer-period": audio.timer_period,
            "server": audio.server_name,
            "path": audio.path,
            "try-mmap": switch(audio.try_mmap),
            "exclusive": switch(audio.exclusive),
            "dsp-policy": audio.dsp_policy,
            **_stream("in", audio.input, audio.type),
            **_stream("out", audio.output, audio.type),
        }
        words += ["-audiodev", option(BACKENDS.get(audio.type, audio.type), properties)]
    return words


def render_sound(machine: ResolvedMachine) -> list[str]:
    words = []
    for number, card in enumerate(machine.libvirt.devices.sound, 1):
        backend = f"audio{card.audio}"
        if card.model in CONTROLLERS:
            words += _high_definition(f"sound{number}", card, backend)
        elif card.model != "pcspk":
            properties: dict[str, Value] = {
                "audiodev": backend,
                "bus": buses.USB if card.model == "usb" else None,
                "multi": switch(card.multichannel),
                "streams": card.streams,
                **virtio_options(card.driver),
            }
            words += device(CARDS[card.model], properties)
    return words


def _high_definition(name: str, card: Sound, backend: str) -> list[str]:
    words = device(CONTROLLERS[card.model], {"id": name})
    for address, codec in enumerate(card.codec or ("duplex",)):
        codec_properties: dict[str, Value] = {
            "bus": f"{name}.0",
            "cad": address,
            "audiodev": backend,
        }
        words += device(f"hda-{codec}", codec_properties)
    return words


def _stream(way: str, stream: AudioStream | None, kind: str) -> Properties:
    """One direction's settings under QEMU's names."""
    if stream is None:
        return {}
    settings = stream.settings
    properties: dict[str, Value] = {
        "mixing-engine": switch(stream.mixing_engine),
        "fixed-settings": switch(stream.fixed_settings),
        "voices": stream.voices,
        "buffer-length": stream.buffer_length,
        "frequency": settings.frequency if settings else None,
        "channels": settings.channels if settings else None,
        "format": settings.format if settings else None,
        "dev": stream.dev,
        "buffer-count": stream.buffer_count,
        "try-poll": switch(stream.try_poll),
        "server-name": stream.server_name,
        "client-name": stream.client_name,
        "connect-ports": stream.connect_ports,
        "exact-name": switch(stream.exact_name),
        "name": stream.name,
        "stream-name": stream.stream_name,
        "latency": stream.latency,
    }
    return {f"{way}.{key}": value for key, value in properties.items()}
