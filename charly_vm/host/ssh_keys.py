"""SSH keys: pairs of our own, pairs of the user's, and what known_hosts says about a key."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from charly_vm.errors import HostError
from charly_vm.host.files import explain_os_errors, write_atomically


class UnusableKey(HostError):
    """A key of the user's that cannot log in by itself; `reason` says why, without the path."""

    def __init__(self, public: Path, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"the SSH key {public} cannot be used: {reason}",
            hint="name the public half of a key without a passphrase, with the private half beside "
            "it, or have one made with key_source: generate",
        )


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
    pair = find_key_pair(path, comment=comment) or generate_key_pair(comment)
    write_key_pair(path, pair)
    return pair


def find_key_pair(path: Path, *, comment: str) -> KeyPair | None:
    """The pair of which the private half is at `path`, or None; raises as `make_key_pair` does."""
    with explain_os_errors(f"read the SSH key {path}"):
        if not path.exists():
            return None
        private = path.read_bytes()
    try:
        public = _public_half(private)
    except ValueError as error:
        raise _unusable(path, f"it {error}") from error
    if not public.startswith("ssh-ed25519 "):
        raise _unusable(path, "it is of another type")
    return KeyPair(private.decode(), f"{public} {comment}".rstrip())


def generate_key_pair(comment: str) -> KeyPair:
    """A new pair, which is nowhere on disk yet."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    return KeyPair(private.decode(), f"{_public_half(private)} {comment}".rstrip())


def write_key_pair(path: Path, pair: KeyPair) -> None:
    """Write both halves (0600 and 0644) where they are not there as they are."""
    for file, content, mode in (
        (path, pair.private, 0o600),
        (path.with_name(f"{path.name}.pub"), f"{pair.public}\n", 0o644),
    ):
        with explain_os_errors(f"read {file}"):
            kept = file.read_text() if file.exists() else None
        if kept != content:
            write_atomically(file, content, mode=mode)


def read_public_key(public: Path) -> str:
    """The line of a user's public key with a private half that can log in: beside it without the
    `.pub`, of the same pair, and without a passphrase. Raises `UnusableKey`."""
    private = public.with_name(public.name.removesuffix(".pub"))
    line = _read(public, public, "it is not there").decode("utf-8", "replace").strip()
    words = line.split()
    if len(words) < 2 or "\n" in line or "PRIVATE" in line:
        raise UnusableKey(public, "it is not one line with a public key")
    if "-cert-" in words[0]:
        raise UnusableKey(public, "it is a certificate and no key")
    if words[0] == "ssh-dss":
        raise UnusableKey(public, "it is a DSA key, which servers no longer take")
    try:
        half = _public_half(_read(private, public, f"its private half {private} is not there"))
    except ValueError as error:
        raise UnusableKey(public, f"its private half {private} {error}") from error
    if half.split()[1] != words[1]:
        raise UnusableKey(public, f"{private} is not its private half")
    return line


def known_hosts_line(alias: str, public: str) -> str:
    """The line of known_hosts, without its end, that binds a host key to a name; see sshd(8).

    The key's comment is left out: OpenSSH takes no notice of it.
    """
    kind, key = public.split()[:2]
    return f"{alias} {kind} {key}"


def _read(file: Path, public: Path, missing: str) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise UnusableKey(public, missing) from None
    except OSError as error:
        raise UnusableKey(public, f"{file} cannot be read: {error.strerror}") from error


def _public_half(private: bytes) -> str:
    """Type and key as in a `.pub` file. Raises ValueError with what the private one is or has."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_private_key,
        load_ssh_private_key,
    )

    load: Any = load_ssh_private_key if b"OPENSSH PRIVATE KEY" in private else load_pem_private_key
    try:
        key = load(private, password=None)
        encoded: bytes = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    except TypeError as error:
        # cryptography's way to say that a password was needed and not given.
        raise ValueError("has a passphrase, and nobody is there to type it") from error
    except (ValueError, UnsupportedAlgorithm, AttributeError) as error:
        raise ValueError("is no private key that can be read") from error
    return encoded.decode()


def _unusable(path: Path, reason: str) -> HostError:
    return HostError(
        f"{path} is no ed25519 key that can be used: {reason}",
        hint=f"remove {path} and {path}.pub to have a new pair made",
    )
