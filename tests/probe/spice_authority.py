"""A certificate authority for tests, and what it signed for one server."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SUBJECT = "C=IL,O=Red\\, Hat,CN=my server"
"""The server's, as people write it."""

_PEM = serialization.Encoding.PEM


class Authority:
    """Files in a directory as QEMU's `x509-dir` wants them; the server is 127.0.0.1."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self.ca_file = directory / "ca-cert.pem"
        key = ec.generate_private_key(ec.SECP256R1())
        own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"CA of {directory}"[-60:])])
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, "IL"),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Red, Hat"),
                x509.NameAttribute(NameOID.COMMON_NAME, "my server"),
            ]
        )
        server_key = ec.generate_private_key(ec.SECP256R1())
        names: list[x509.GeneralName] = [
            x509.DNSName("spice.example"),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        ]
        authority = _sign(own, own, key, key, names=[])
        server = _sign(subject, own, server_key, key, names=names)
        self.ca_file.write_bytes(authority.public_bytes(_PEM))
        (directory / "server-cert.pem").write_bytes(server.public_bytes(_PEM))
        private = server_key.private_bytes(
            _PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (directory / "server-key.pem").write_bytes(private)

    def context(self) -> ssl.SSLContext:
        """For a server of our own."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(
            self.directory / "server-cert.pem", self.directory / "server-key.pem"
        )
        return context


def _sign(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signing_key: ec.EllipticCurvePrivateKey,
    *,
    names: list[x509.GeneralName],
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(subject == issuer, None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(signing_key, hashes.SHA256())
