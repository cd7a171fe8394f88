"""`users:` of cloud-init: accounts beside the one that charly uses, or more about that one."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator

from charly_vm.model.base import Model
from charly_vm.model.form import Form
from charly_vm.model.libvirt.switches import Switch, parse_switch

DEFAULT_ACCOUNT = "default"
"""cloud-init's word for the account that the image's own configuration describes."""

AccountName = Annotated[
    str,
    Form(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}", "the name of an account or a group, such as www-data"),
]


def _parse_sudo(written: object) -> object:
    if written is None:
        return None
    try:
        return parse_switch(written)
    except ValueError:
        return (written,) if isinstance(written, str) else written


def _are_rules(value: bool | tuple[str, ...] | None) -> bool | tuple[str, ...] | None:
    for rule in value if isinstance(value, tuple) else ():
        if "=" not in rule or "\n" in rule:
            raise ValueError(
                f"{rule!r} is no rule of sudoers; write true, false, or one such as "
                "'ALL=(ALL) NOPASSWD:ALL'"
            )
    return value


Sudo = Annotated[
    bool | tuple[str, ...] | None,
    BeforeValidator(_parse_sudo, json_schema_input_type=Switch | str | list[str] | None),
    AfterValidator(_are_rules),
]
"""`true`, `false`, or one or several rules of sudoers. `true` is everything without a password,
`false` nothing; a rule is one of sudoers(5) without the account's name, `ALL=(ALL)
NOPASSWD:ALL`."""


def _split(written: object) -> object:
    """cloud-init takes a list, and names with commas in between."""
    if isinstance(written, str):
        return tuple(name.strip() for name in written.split(","))
    return written


Groups = Annotated[
    tuple[AccountName, ...], BeforeValidator(_split, json_schema_input_type=str | list[AccountName])
]
"""A list of names, or text with commas in between."""


def _is_public(value: str) -> str:
    if "PRIVATE KEY" in value:
        raise ValueError("this is a private key; what belongs here is the file that ends in .pub")
    if "\n" in value.strip() or len(value.split()) < 2:
        raise ValueError(f"{value!r} is no public key; it is one line: ssh-ed25519 AAAA… name")
    return value.strip()


PublicKey = Annotated[str, AfterValidator(_is_public)]
"""A public key, `ssh-ed25519 AAAA… name`."""


class Account(Model):
    """One account. What is not written is left to cloud-init, or as the account has it already."""

    name: AccountName
    """What it is called; `default` is the image's own, of which nothing else is said."""
    sudo: Sudo = None
    """What it may do as root."""
    groups: Groups = ()
    """Beside the account's own."""
    shell: Annotated[str, Form(r"/[^\s:]+", "the path of a shell, such as /bin/bash")] | None = None
    """Its login shell."""
    lock_passwd: Switch | None = None
    """Whether nobody can log in with a password; cloud-init does so where nothing is written."""
    ssh_authorized_keys: tuple[PublicKey, ...] = ()
    """Keys that log in to it."""


def _named(written: object) -> object:
    if not isinstance(written, str):
        return written
    if written != DEFAULT_ACCOUNT:
        raise ValueError(
            f"{written!r} is no account; write {{name: {written}}}, or default for the image's own"
        )
    return {"name": written}


def _says_nothing_of_default(account: Account) -> Account:
    if account.name == DEFAULT_ACCOUNT and account.model_fields_set != {"name"}:
        raise ValueError("default is the word for the image's own account; write only that")
    return account


ListedAccount = Annotated[
    Account,
    BeforeValidator(_named, json_schema_input_type=Account | Literal["default"]),
    AfterValidator(_says_nothing_of_default),
]
