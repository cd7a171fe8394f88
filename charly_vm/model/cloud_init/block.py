"""The block itself."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator

from charly_vm.model.base import Model
from charly_vm.model.cloud_init.account import Account, ListedAccount
from charly_vm.model.cloud_init.extra import Extra
from charly_vm.model.cloud_init.install import CharlyInstall
from charly_vm.model.cloud_init.mirrors import Mirrors
from charly_vm.model.cloud_init.network import GuestNetwork
from charly_vm.model.cloud_init.write_file import WriteFile
from charly_vm.model.form import Form

_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"


def _is_command(written: object) -> object:
    words = written if isinstance(written, (list, tuple)) else [written]
    if not words or not all(isinstance(word, str) for word in words):
        raise ValueError(
            "a command is text for the shell, or a list of words; put numbers in quotes"
        )
    return tuple(written) if isinstance(written, list) else written


Command = Annotated[
    str | tuple[str, ...], BeforeValidator(_is_command, json_schema_input_type=str | list[str])
]
"""A command, as a line for the guest's shell or as a list of words that no shell reads."""

PackageName = Annotated[str, Form(r"[^\s-]\S*", "the name of a package")]

Hostname = Annotated[
    str,
    Field(max_length=253),
    Form(rf"{_LABEL}(\.{_LABEL})*", "a host name: letters, digits and -"),
]
Timezone = Annotated[
    str,
    Form(
        r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*", "a time zone of /usr/share/zoneinfo: Europe/Vienna"
    ),
]
Locale = Annotated[str, Form(r"[A-Za-z0-9_.@-]+", "a locale, such as en_GB.UTF-8")]


class CloudInit(Model):
    """What the author adds to the seed that every guest gets. Lists extend charly's own."""

    hostname: Hostname | None = None
    """The name of the machine where it is not given."""
    timezone: Timezone | None = None
    """The guest's time zone."""
    locale: Locale | None = None
    """The guest's locale."""
    users: tuple[ListedAccount, ...] = ()
    """Accounts beside the one that charly uses, or more about that one."""
    package: tuple[PackageName, ...] = ()
    """Installed when the guest first boots."""
    runcmd: tuple[Command, ...] = ()
    """Run once by root at the end of the first boot."""
    bootcmd: tuple[Command, ...] = ()
    """Run early by root, in every boot."""
    write_files: tuple[WriteFile, ...] = ()
    """Files that are there before anything of the author's runs."""
    network: GuestNetwork | None = None
    """The guest's own settings, in place of DHCP on the first card."""
    mirrors: Mirrors = Mirrors.unwritten()
    """Where the guest fetches its packages from."""
    charly_install: CharlyInstall = CharlyInstall.unwritten()
    """Whether and how charly's own program gets into the guest, which nothing here needs."""
    extra: Extra = Field(default_factory=dict)
    """Whatever else a cloud-config can say; merged last."""

    @field_validator("users")
    @classmethod
    def _lists_each_account_once(cls, value: tuple[Account, ...]) -> tuple[Account, ...]:
        names = [account.name for account in value]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"the account {name} is listed twice")
        return value
