"""As much of a VNC viewer as logs in with a password (RFC 6143, 7.1 and 7.2.2)."""

from __future__ import annotations

import socket

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

VNC_AUTHENTICATION = 2


def may_log_in(address: str, port: int, password: str) -> bool:
    """Whether the server at a TCP port takes the password."""
    with socket.create_connection((address, port), 10) as server:
        server.settimeout(10)
        assert _read(server, 12).startswith(b"RFB 003.")
        server.sendall(b"RFB 003.008\n")
        kinds = _read(server, _read(server, 1)[0])
        assert VNC_AUTHENTICATION in kinds, "the server asks for no password"
        server.sendall(bytes([VNC_AUTHENTICATION]))
        server.sendall(_respond(_read(server, 16), password))
        return _read(server, 4) == bytes(4)


def _respond(challenge: bytes, password: str) -> bytes:
    """DES, whose key is the password with the bits of each byte in the other order."""
    padded = password.encode()[:8].ljust(8, b"\0")
    key = bytes(int(f"{byte:08b}"[::-1], 2) for byte in padded)
    encryptor = Cipher(TripleDES(key * 3), modes.ECB()).encryptor()
    return encryptor.update(challenge) + encryptor.finalize()


def _read(server: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        received = server.recv(size - len(data))
        assert received, "the server has closed the connection"
        data += received
    return data
