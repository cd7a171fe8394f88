"""`<tpm>`."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.libvirt.devices.tpm import Tpm, TpmBackend
from charly_vm.render.domain.element import add_given, attributes_given


def render_tpm(tpm: Tpm) -> ET.Element:
    element = ET.Element("tpm", attributes_given(model=tpm.model))
    element.append(_render_backend(tpm.backend))
    return element


def _render_backend(backend: TpmBackend) -> ET.Element:
    element = ET.Element(
        "backend",
        attributes_given(
            type=backend.type,
            version=backend.version,
            persistent_state=backend.persistent_state,
            debug=backend.debug,
        ),
    )
    add_given(element, "device", path=backend.device)
    if source := backend.source:
        # An emulator that runs already listens, and QEMU calls it.
        mode = "connect" if source.type == "unix" else None
        add_given(element, "source", type=source.type, mode=mode, path=source.path)
    add_given(element, "encryption", secret=backend.encryption and backend.encryption.secret)
    if backend.active_pcr_banks:
        banks = ET.SubElement(element, "active_pcr_banks")
        for bank in backend.active_pcr_banks:
            ET.SubElement(banks, bank)
    if profile := backend.profile:
        add_given(
            element,
            "profile",
            source=profile.source,
            removeDisabled=profile.remove_disabled,
            name=profile.name,
        )
    return element
