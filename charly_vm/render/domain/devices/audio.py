"""`<audio>`."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.libvirt.devices.audio import Audio, AudioStream
from charly_vm.render.domain.element import add_given, attributes_given


def render_audio(audio: Audio) -> ET.Element:
    element = ET.Element(
        "audio",
        attributes_given(
            id=audio.id,
            type=audio.type,
            timerPeriod=audio.timer_period,
            serverName=audio.server_name,
            runtimeDir=audio.runtime_dir,
            driver=audio.driver,
            path=audio.path,
            tryMMap=audio.try_mmap,
            exclusive=audio.exclusive,
            dspPolicy=audio.dsp_policy,
        ),
    )
    for way, stream in (("input", audio.input), ("output", audio.output)):
        if stream:
            element.append(_render_stream(way, stream))
    return element


def _render_stream(way: str, stream: AudioStream) -> ET.Element:
    element = ET.Element(
        way,
        attributes_given(
            mixingEngine=stream.mixing_engine,
            fixedSettings=stream.fixed_settings,
            voices=stream.voices,
            bufferLength=stream.buffer_length,
            dev=stream.dev,
            bufferCount=stream.buffer_count,
            tryPoll=stream.try_poll,
            serverName=stream.server_name,
            clientName=stream.client_name,
            connectPorts=stream.connect_ports,
            exactName=stream.exact_name,
            name=stream.name,
            streamName=stream.stream_name,
            latency=stream.latency,
        ),
    )
    if settings := stream.settings:
        add_given(
            element,
            "settings",
            frequency=settings.frequency,
            channels=settings.channels,
            format=settings.format,
        )
    return element
