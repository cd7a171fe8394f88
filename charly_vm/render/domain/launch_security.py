"""`<launchSecurity>`."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.libvirt.launch_security import SEV_ES_BIT, SEV_POLICY, SNP_POLICY
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.domain.element import add_text, attributes_given

TYPES = {"sev": "sev", "sev-es": "sev", "sev-snp": "sev-snp", "tdx": "tdx"}
"""libvirt's names: SEV-ES is SEV with one more bit in its policy."""

POLICIES = {"sev": SEV_POLICY, "sev-es": SEV_POLICY, "sev-snp": SNP_POLICY}
"""libvirt requires a policy of these; TDX has its default."""


def render_launch_security(machine: ResolvedMachine) -> ET.Element | None:
    chosen = machine.libvirt.launch_security
    if chosen is None:
        return None
    security = ET.Element(
        "launchSecurity",
        attributes_given(type=TYPES[chosen.type], kernelHashes=chosen.kernel_hashes),
    )
    for name, bits in (
        ("cbitpos", chosen.cbitpos),
        ("reducedPhysBits", chosen.reduced_phys_bits),
    ):
        if bits is not None:
            add_text(security, name, str(bits))
    policy = chosen.policy if chosen.policy is not None else POLICIES.get(chosen.type)
    if policy is not None:
        policy |= SEV_ES_BIT if chosen.type == "sev-es" else 0
        add_text(security, "policy", f"0x{policy:04x}")
    for name, text in (("dhCert", chosen.dh_cert), ("session", chosen.session)):
        if text is not None:
            add_text(security, name, text)
    return security
