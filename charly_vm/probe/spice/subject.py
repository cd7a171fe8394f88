"""A certificate's subject, compared with one that people write; pure.

`C=IL,L=Raanana,O=Red Hat,CN=my server` is what libvirt, `remote-viewer` and the SPICE manual call
a host subject: all of the subject's parts, in their order, a comma in a value with a backslash.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from charly_vm.errors import ProbeError

# As OpenSSL names in full what people abbreviate.
_NAMES = {
    "C": "countryName",
    "CN": "commonName",
    "DC": "domainComponent",
    "EMAILADDRESS": "emailAddress",
    "L": "localityName",
    "O": "organizationName",
    "OU": "organizationalUnitName",
    "ST": "stateOrProvinceName",
}


def parse_subject(text: str) -> list[tuple[str, str]]:
    """The parts, named as OpenSSL names them; raises `ProbeError` for one without a `=`."""
    parts: list[tuple[str, str]] = []
    for part in _split(text):
        name, equals, value = part.partition("=")
        if not equals:
            raise ProbeError(
                f'the host subject "{text}" cannot be read: "{part}" has no =',
                hint="write it as C=IL,O=Red Hat,CN=my server",
            )
        name = name.strip()
        parts.append((_NAMES.get(name.upper(), name), value.strip()))
    return parts


def matches_subject(certificate: Mapping[str, Any], subject: list[tuple[str, str]]) -> bool:
    """Whether a certificate, as `ssl` describes it, is of exactly that subject."""
    relative = certificate.get("subject", ())
    return [(name, value) for names in relative for name, value in names] == subject


def _split(text: str) -> list[str]:
    parts = [""]
    escaped = False
    for character in text:
        if escaped or character not in "\\,":
            parts[-1] += character
            escaped = False
        elif character == "\\":
            escaped = True
        else:
            parts.append("")
    return [part for part in parts if part.strip()]
