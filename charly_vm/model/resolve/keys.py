"""How somebody gets into a guest: the account, the key, and the ways by which the key gets there.

SMBIOS: systemd takes credentials from the OEM strings of type 11 (systemd.system-credentials(7),
since version 252) and creates files from them (tmpfiles.d(5)). For root there is a credential of
that purpose; for another account `tmpfiles.extra` writes into its home. Not
`ssh.ephemeral-authorized_keys-all`: only the servers that systemd-ssh-generator starts on vsock
and local sockets look at that one, so it opens nothing on port 22.

systemd leaves a file alone that is there already, and creates none for an account that is not there
yet, as those that cloud-init makes. `find_reapply_command` has cloud-init see to both.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field

from charly_vm.errors import Problem, SpecError
from charly_vm.model.entity import VmEntity
from charly_vm.model.project import Target
from charly_vm.model.source import Bootc, CloudImage, Source
from charly_vm.model.ssh import Injection

ROOT = "root"
OUR_ACCOUNT = "charly"
"""Where neither the author nor the image names one."""


@dataclass(frozen=True, slots=True)
class LoginKey:
    """A key pair: the path of the private half, and the public one as a line without its end."""

    private: str
    public: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Channels:
    """By which ways the public key gets into the guest."""

    smbios: bool
    cloud_init: bool


def choose_account(entity: VmEntity) -> str:
    """The account that charly logs in to."""
    if entity.ssh.user is not None:
        return entity.ssh.user
    if isinstance(entity.source, Bootc):
        return ROOT
    return _base_user(entity.source) or OUR_ACCOUNT


def adopts(entity: VmEntity) -> bool:
    """Whether the image has that account, so that nothing but a key is added to it."""
    account = choose_account(entity)
    return account == ROOT or account == _base_user(entity.source)


def choose_channels(entity: VmEntity, architecture: str) -> Channels:
    """What `auto` stands for: both, but for what is not there.

    QEMU has no SMBIOS tables for riscv64, and a bootc image need not have cloud-init.
    """
    injection = entity.ssh.key_injection
    return Channels(
        smbios=_is_on(injection.smbios, auto=architecture != "riscv64"),
        cloud_init=_is_on(injection.cloud_init, auto=not isinstance(entity.source, Bootc)),
    )


def _is_on(written: Injection, *, auto: bool) -> bool:
    return auto if written == "auto" else written == "enabled"


def _base_user(source: Source) -> str | None:
    return source.base_user if isinstance(source, CloudImage) else None


def find_reason_against_login(entity: VmEntity, key_source: str, architecture: str) -> str | None:
    """Why nobody can log in with a key of ours, in words for people; None where somebody can.

    A key that the author names may be in the image already.
    """
    if key_source == "none":
        return "its key_source is none, so no SSH key gets into the guest"
    channels = choose_channels(entity, architecture)
    if not (channels.smbios or channels.cloud_init) and key_source in ("auto", "generate"):
        return "both ways of its key_injection are disabled, so no SSH key gets into the guest"
    return None


def require_login(target: Target, architecture: str) -> None:
    """Raise `SpecError` for a bed that nothing could log in to, and so nothing could check."""
    reason = find_reason_against_login(target.entity, target.entity.ssh.key_source, architecture)
    if reason is None:
        return
    place = target.deploy or target.node
    text = f"{target.name} cannot be checked: {reason}"
    raise SpecError(
        [Problem(place.file, place.line, 1, text)],
        hint=f"under ssh: of {target.entity_name}, `key_source: generate` gives it a key of its "
        "own; `charly vm create` makes the machine as it is",
    )


def render_oem_strings(account: str, key: LoginKey | None, channels: Channels) -> tuple[str, ...]:
    """SMBIOS type 11 as systemd reads it; nothing where that way is closed.

    In base64 throughout: a comma would have to be escaped for QEMU.
    """
    if key is None or not channels.smbios:
        return ()
    content = f"{key.public}\n"
    if account == ROOT:
        return (_credential("ssh.authorized_keys.root", content),)
    directory = f"{_home(account)}/.ssh"
    # Their group is root's, since the account's own need not have its name.
    lines = (
        f"d {directory} 0700 {account} - - -",
        f"f~ {directory}/authorized_keys 0600 {account} - - {_base64(content)}",
    )
    return (_credential("tmpfiles.extra", "".join(f"{line}\n" for line in lines)),)


def find_reapply_command(account: str, public: str | None, channels: Channels) -> str | None:
    """A shell command for cloud-init that puts the key from SMBIOS into the account's file.

    None where there is none, or where cloud-init itself has the key. The digest in it makes the
    seed another instance when the key is another, so that it runs again.
    """
    if public is None or channels.cloud_init or not channels.smbios:
        return None
    digest = hashlib.sha256(public.encode()).hexdigest()
    return "; ".join(
        (
            f"keys={_home(account)}/.ssh/authorized_keys",
            # cloud-init has made it, with the author's keys or with none.
            '[ ! -e "$keys" ] || mv "$keys" "$keys.before"',
            "CREDENTIALS_DIRECTORY=/run/credentials/@system "
            f"systemd-tmpfiles --create --prefix={_home(account)}",
            '[ ! -e "$keys.before" ] || { cat "$keys.before" >>"$keys"; rm "$keys.before"; }',
            f": {digest[:16]}",
        )
    )


def _home(account: str) -> str:
    return "/root" if account == ROOT else f"/home/{account}"


def _credential(name: str, content: str) -> str:
    return f"io.systemd.credential.binary:{name}={_base64(content)}"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
