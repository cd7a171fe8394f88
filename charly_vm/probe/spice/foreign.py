"""What an answer that is no SPICE looks like; pure."""

from __future__ import annotations

from charly_vm.probe.spice.failures import SpiceProtocolError

_BEGINNINGS = (
    (b"RFB ", "a VNC server", "a machine's VNC and SPICE ports differ: see its definition"),
    (b"HTTP/", "a web server", ""),
    (b"SSH-", "an SSH server", ""),
    (b'{"QMP"', "a QEMU monitor", ""),
    (b'{"', "a server of JSON", ""),
    (b"220 ", "a mail or FTP server", ""),
    (b"\x15\x03", "a TLS server", "give the port as the TLS port"),
    (b"\x16\x03", "a TLS server", "give the port as the TLS port"),
    (b"\x03\x00", "an RDP server", ""),
)

_SHOWN_BYTES = 24


def not_spice(beginning: bytes, where: str) -> SpiceProtocolError:
    """The error for an answer that does not begin with SPICE's magic."""
    for start, what, hint in _BEGINNINGS:
        if beginning.startswith(start):
            return SpiceProtocolError(
                f"{where} is no SPICE server but looks like {what}", hint=hint
            )
    shown = repr(beginning[:_SHOWN_BYTES])[2:-1]
    return SpiceProtocolError(f'{where} is no SPICE server: it answered "{shown}" instead of REDQ')
