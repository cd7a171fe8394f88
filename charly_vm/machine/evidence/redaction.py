"""What must not be in evidence, which people attach to reports: passwords and credentials.

Pure. The private keys of a machine are files that evidence does not have.
"""

from __future__ import annotations

import json
import re
from typing import Any

LEFT_OUT = "(left out)"

_PASSWORDS = frozenset({"passwd", "password"})
_PATTERNS = (
    # An attribute of libvirt's XML.
    re.compile(r"(\bpasswd=)(?:'[^']*'|\"[^\"]*\")"),
    # QEMU's object for a password, in which a comma is written twice.
    re.compile(r"(\bsecret,id=(?:[^,]|,,)*,data=)(?:[^,'\"\s]|,,)+"),
    # systemd's credentials in SMBIOS (systemd.system-credentials(7)); the name may stay.
    re.compile(r"(\bio\.systemd\.credential(?:\.binary)?:[^=\s]+=)[^\s,<'\"]+"),
)


def redact(text: str) -> str:
    """A description of a machine, or a program's words, without the secrets."""
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\1{LEFT_OUT}", text)
    return text


def redact_json(text: str) -> str:
    """A JSON document without them."""
    return json.dumps(_clean(json.loads(text)), indent=2) + "\n"


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: LEFT_OUT if key in _PASSWORDS and one is not None else _clean(one)
            for key, one in value.items()
        }
    if isinstance(value, list):
        return [_clean(one) for one in value]
    return redact(value) if isinstance(value, str) else value
