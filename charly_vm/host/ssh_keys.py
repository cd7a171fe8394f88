"""SSH keys that are ours: an ed25519 pair on disk, and what known_hosts says about a host key."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from charly_vm.errors import HostError
from charly_vm.host.files import explain_os_errors, write_atomically


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Both halves as OpenSSH writes them: `private` a PEM document, `public` a line without end."""

    private: str = field(repr=False)
    public: str


def make_key_pair(path: Path, *, comment: str) -> KeyPair:
    """The pair at `path` and `path`.pub, made where it is missing and kept where it is not.

    The private key (0600) decides: a public one that is lost or is another's is written again.
    Raises `HostError` where the private key cannot be read as an ed25519 key without a passphrase.
    """
    private = _find_private(path)
    if private is None:
        private = _generate()
        write_atomically(path, private, mode=0o600)
    pair = KeyPair(private.decode(), f"{_public_half(path, private)} {comment}".rstrip())
    public_path = path.with_name(f"{path.name}.pub")
    with explain_os_errors(f"read {public_path}"):
        kept = public_path.read_text() if public_path.exists() else ""
    if kept != f"{pair.public}\n":
        write_atomically(public_path, f"{pair.public}\n", mode=0o644)
    return pair


def known_hosts_line(alias: str, public: str) -> str:
    """The line of known_hosts, without its end, that binds a host key to a name; see sshd(8).

    The key's comment is left out: OpenSSH takes no notice of it.
    """
    kind, key = public.split()[:2]
    return f"{alias} {kind} {key}"


def _find_private(path: Path) -> bytes | None:
    with explain_os_errors(f"read the SSH key {path}"):
        return path.read_bytes() if path.exists() else None


def _generate() -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())


def _public_half(path: Path, private: bytes) -> str:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_ssh_private_key,
    )

    try:
        key = load_ssh_private_key(private, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _unusable(path, str(error)) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _unusable(path, "it is of another type")
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _unusable(path: Path, reason: str) -> HostError:
    return HostError(
        f"{path} is no ed25519 key that can be used: {reason}",
        hint=f"remove {path} and {path}.pub to have a new pair made",
    )
