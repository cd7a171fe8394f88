"""Where a SPICE server listens, and how its certificate is checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SpiceAddress:
    """A UNIX socket, or a host with a plain port, a TLS port or both.

    With both, a channel is opened by TLS first, and without only where the server insists on it.
    `ca_file` is the PEM file of the authority that signed the server's certificate; without one
    the system's authorities count. The certificate has to name the host, or `server_name` where
    the host is only how one gets there. A certificate that names no host is checked by
    `host_subject` instead, which is written as libvirt and `remote-viewer` write it:
    `C=IL,L=Raanana,O=Red Hat,CN=my server`.
    """

    host: str = "localhost"
    port: int | None = None
    tls_port: int | None = None
    socket: Path | None = None
    ca_file: Path | None = None
    server_name: str = ""
    host_subject: str = ""

    def __str__(self) -> str:
        if self.socket is not None:
            return str(self.socket)
        host = f"[{self.host}]" if ":" in self.host else self.host
        ports = [f"{host}:{self.tls_port} (TLS)"] if self.tls_port is not None else []
        if self.port is not None:
            ports.append(f"{host}:{self.port}")
        return " and ".join(ports) or f"{host} without a port"
