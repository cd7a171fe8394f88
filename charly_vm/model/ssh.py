"""`ssh:` of a VM entity: how the guest is reached, and by which key."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema, model_validator

from charly_vm.model.base import Model

Injection = Literal["auto", "enabled", "disabled"]

KEY_SOURCES = ("auto", "generate", "none")


def _is_key_source(value: str) -> str:
    if value not in KEY_SOURCES and not (value.startswith(("/", "~/")) and value.endswith(".pub")):
        raise ValueError(
            f"{value!r} is no source of a key; write auto, generate, none, or the path of a public "
            "key: /home/me/.ssh/id_ed25519.pub"
        )
    return value


KeySource = Annotated[
    str,
    AfterValidator(_is_key_source),
    WithJsonSchema({"type": "string", "pattern": r"^(auto|generate|none|(/|~/).*\.pub)$"}),
]
"""`auto`, `generate`, `none`, or the path of a `.pub` file. The path is absolute, or begins with
`~/`."""


class KeyInjection(Model):
    """The two ways by which a public key gets into the guest; `auto` depends on the source."""

    smbios: Injection = "auto"
    """systemd credentials in SMBIOS type 11; needs no cloud-init."""
    cloud_init: Injection = "auto"
    """`ssh_authorized_keys` in the seed."""


class Ssh(Model):
    """How to reach the guest over SSH, by a port of 127.0.0.1 or at an address of its own."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {
                "required": ["port_auto"],
                "properties": {"port_auto": {"not": {"enum": [False, 0, "no", "off", "false"]}}},
            },
            "then": {"properties": {"port": {"type": "null"}}},
        }
    )

    user: str | None = Field(default=None, pattern=r"^[a-z_][a-z0-9_-]{0,31}$")
    """The account; `base_user` of the source where it is not given, else `charly` (bootc: root)."""
    port: int | None = Field(default=None, ge=1, le=65535)
    """The port on the host; 2222 where neither this nor `port_auto` is given."""
    port_auto: bool = False
    """Take a free port."""
    key_source: KeySource = "auto"
    """Which key logs in: `auto` is the first `~/.ssh/*.pub`, `generate` one of the machine's own,
    `none` none, and a path that one."""
    key_injection: KeyInjection = KeyInjection.unwritten()
    """By which of two ways the key gets into the guest."""

    @model_validator(mode="after")
    def _has_one_way_to_a_port(self) -> Self:
        if self.port is not None and self.port_auto:
            raise ValueError("port and port_auto exclude each other")
        return self
