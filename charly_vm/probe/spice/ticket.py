"""The ticket: the password, encrypted for the server that asks for it."""

from __future__ import annotations

from charly_vm.errors import ProbeError
from charly_vm.probe.spice.failures import SpiceProtocolError

MAX_PASSWORD_BYTES = 60
"""`SPICE_MAX_PASSWORD_LENGTH`."""

NO_PASSWORD = b"\0"
"""What a server gets that may want none."""


def require_password(password: str) -> bytes:
    """The password as the ticket has it, with the zero at its end; raises `ProbeError`."""
    encoded = password.encode()
    if len(encoded) > MAX_PASSWORD_BYTES or b"\0" in encoded:
        raise ProbeError(
            f"a SPICE password has at most {MAX_PASSWORD_BYTES} bytes and no zero among them,"
            f" and this one has {len(encoded)}"
        )
    return encoded + b"\0"


def encrypt_ticket(secret: bytes, public_key: bytes) -> bytes:
    """RSA with OAEP over SHA-1, which is what every server decrypts.

    `public_key` is a DER SubjectPublicKeyInfo as the link reply has it. A server without a
    password wants a ticket too, of an empty password. Raises `SpiceProtocolError`.
    """
    # Takes longer to import than all of a handshake.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA1
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        key = load_der_public_key(public_key)
        if not isinstance(key, RSAPublicKey):
            raise ValueError("it is not RSA")
        return key.encrypt(secret, OAEP(MGF1(SHA1()), SHA1(), None))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SpiceProtocolError(
            f"the key that the SPICE server sent for the password cannot be used: {error}"
        ) from error
